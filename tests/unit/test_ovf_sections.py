"""Exporters' own sections and ours: what they add, and what is told of what is not carried."""

import json
import re

import pytest

from coldferry.machine import UNKNOWN
from tests.conformance.worlds import a_disk, a_machine, a_nic
from tests.unit.ovf_looks import described, folder, found
from tests.unit.ovf_packages import (
    ITEMS,
    SIZE,
    descriptor,
    disk_item,
    system,
)

__all__ = ["described", "folder", "found"]

GIB = 1 << 30


def test_firmware_and_guest_are_as_exporters_write_them(described):
    more = (
        '<OperatingSystemSection ovf:id="96" vmw:osType="debian12_64Guest"><Info/>'
        "<Description>Debian GNU/Linux 12 (64-bit)</Description></OperatingSystemSection>"
    )
    config = '<vmw:Config vmw:key="firmware" vmw:value="efi"/>\
<vmw:Config vmw:key="bootOptions.efiSecureBootEnabled" vmw:value="true"/>'
    machine = described(descriptor(systems=system(ITEMS + config, more)))
    assert (machine.os_family, machine.architecture) == ("linux", "x86_64")
    assert (machine.firmware, machine.secure_boot) == ("uefi", True)

    windows = more.replace("96", "112").replace("debian12_64Guest", "windows8Server64Guest")
    assert described(descriptor(systems=system(more=windows))).os_family == "windows"
    arm = more.replace("debian12_64Guest", "arm-debian12-64Guest")
    assert described(descriptor(systems=system(more=arm))).architecture == "arm64"


def test_virtualbox_says_its_firmware_in_a_section_of_its_own(described):
    own = (
        '<vbox:Machine xmlns:vbox="http://www.virtualbox.org/ovf/machine" ovf:required="false">'
        '<Hardware><Firmware type="EFI"/></Hardware></vbox:Machine>'
    )

    assert described(descriptor(systems=system(more=own))).firmware == "uefi"


def test_what_is_not_carried_is_told(found):
    more = (
        "<EulaSection><Info/><License>Pay.</License></EulaSection><Odd><Info/></Odd>"
        '<ProductSection><Info/><Property ovf:key="ip"/></ProductSection>'
    )
    drive = disk_item(8, 1, "ovf:/file/f1").replace(">17<", ">15<")
    variables = '<vmw:ExtraConfig vmw:key="nvram" vmw:value="ovf:/file/f1"/>'
    text = descriptor(systems=system(ITEMS + drive + variables, more))

    warned = {"medium", "nvram", "properties", "section", "no-manifest"}
    assert set(found(text, "warn")) == warned
    assert set(found(text, "inform")) == {"licence-text"}
    assert "section" not in found(text.replace("<Odd>", '<Odd ovf:required="false">'), "warn")


def extended(**changes):
    """A package with our own section, of a machine that has what OVF cannot say."""
    nic = a_nic().model_copy(update={"mac": "02:00:00:aa:bb:01", "private_address": "10.9.8.7"})
    told = a_machine().model_copy(
        update={
            "hostname": "web-01.example.org",
            "memory_bytes": 4 * GIB,
            "nics": (nic,),
            "disks": (a_disk("vol-1", root=True, size_bytes=SIZE),),
            **changes,
        }
    )
    text = json.dumps(told.model_dump(mode="json")).replace("&", "&amp;").replace("<", "&lt;")
    own = f'<c:Machine xmlns:c="urn:coldferry:1" ovf:required="false">{text}</c:Machine>'
    return descriptor(systems=system(more=own))


def test_what_ovf_cannot_say_comes_from_our_own_section(described, found):
    machine = described(extended())

    assert machine.hostname == "web-01.example.org"
    assert machine.nics[0].private_address == "10.9.8.7"
    assert (machine.firmware, machine.secure_boot, machine.tpm) == ("uefi", False, None)
    assert machine.disks[0].iops is None
    assert machine.origin.provider == "ovf"
    assert (machine.disks[0].id, machine.disks[0].device) == ("d1", "scsi0:0")
    assert set(found(extended(), "warn")) == {"no-manifest"}


def test_an_edited_descriptor_goes_before_our_own_section_part_by_part(described, found):
    text = extended(vcpus=16, disks=(a_disk("vol-1", root=True, size_bytes=SIZE * 2),))
    machine = described(text)

    assert (machine.vcpus, machine.disks[0].size_bytes) == (2, SIZE)
    assert machine.disks[0].iops == UNKNOWN
    assert machine.hostname == "web-01.example.org"
    assert re.search(r"vcpus, disks\[0\].size_bytes", found(text, "warn")["edited"])


@pytest.mark.parametrize("text", ["{", '{"name": 1}', "[" * 5000])
def test_a_section_that_is_no_description_is_left_aside(described, found, text):
    own = f'<c:Machine xmlns:c="urn:coldferry:1" ovf:required="false">{text}</c:Machine>'
    package = descriptor(systems=system(more=own))

    assert described(package).hostname == UNKNOWN
    assert "extension" in found(package, "warn")
