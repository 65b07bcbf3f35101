"""Descriptors: by the standard's schema, as importers want them, whatever a machine is called."""

import json
import os
import subprocess
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest

from coldferry.machine import Machine
from providers.ovf.writing.envelope import DiskFile, envelope
from tests.debian import ensure
from tests.unit.machine_strategies import STRANGE
from tests.unit.machines import a_disk, a_full_machine, a_machine, a_nic

OVF = "{http://schemas.dmtf.org/ovf/envelope/1}"
VMW = "{http://www.vmware.com/schema/ovf}"
RASD = "{http://schemas.dmtf.org/wbem/wscim/1/cim-schema/2/CIM_ResourceAllocationSettingData}"
SCHEMA = "ovf-envelope.xsd"


def schema() -> Path:
    """The standard's, beside the project or where the environment says; skips without it."""
    told = os.environ.get("COLDFERRY_OVF_XSD")
    folders = [Path(told)] if told else []
    folders += [parent / "shared" / "ovf-xsd" for parent in Path(__file__).resolve().parents]
    found = next((folder / SCHEMA for folder in folders if (folder / SCHEMA).exists()), None)
    if found is None:
        pytest.skip("the standard's schema is not here (COLDFERRY_OVF_XSD names its folder)")
    if not ensure("xmllint", "libxml2-utils"):
        pytest.skip("xmllint is not installed, and cannot be")
    return found


def files(machine: Machine) -> list[DiskFile]:
    return [DiskFile(f"x-disk{n}.vmdk", 1000 + n, 65536) for n in range(len(machine.disks))]


def items(text: bytes) -> list[dict[str, str]]:
    return [
        {child.tag.removeprefix(RASD): child.text for child in item}
        for item in ET.fromstring(text).iter(f"{OVF}Item")
    ]


def machines() -> list[Machine]:
    """All hardware, all firmware, many disks, no interface, and every strange name."""
    disks = tuple(a_disk(id=f"d{n}", root=n == 0) for n in range(33))
    return [
        a_full_machine(),
        a_machine(instance_type="paravirtual", firmware="uefi", secure_boot=True),
        a_machine(instance_type="sata", disks=disks, os_family="windows"),
        a_machine(instance_type="lsi-sas", disks=disks, nics=()),
        *(a_machine(name=name, nics=(a_nic(subnet_id=name),)) for name in STRANGE),
    ]


def test_every_descriptor_is_valid_by_the_standard_s_schema(tmp_path):
    found = schema()
    paths = []
    for number, machine in enumerate(machines()):
        for given in (files(machine), []):
            paths.append(tmp_path / f"{number}-{len(given)}.ovf")
            paths[-1].write_bytes(envelope(machine, given))
    told = subprocess.run(
        ["xmllint", "--nonet", "--noout", "--schema", found, *paths],
        check=False, capture_output=True, text=True,
    )  # fmt: skip

    assert told.returncode == 0, told.stderr[:2000]
    assert told.stderr.count("validates") == len(paths)


def test_the_schema_would_have_told_of_another_order(tmp_path):
    found = schema()
    text = envelope(a_machine(), files(a_machine())).decode()
    swapped = text.replace("rasd:InstanceID>1<", "rasd:ZZZ>1<", 1)
    (tmp_path / "bad.ovf").write_text(swapped)
    command = ["xmllint", "--nonet", "--noout", "--schema", found, tmp_path / "bad.ovf"]

    assert subprocess.run(command, capture_output=True, check=False).returncode != 0


def test_importers_find_what_they_insist_upon():
    machine = a_machine(
        instance_type="paravirtual", firmware="uefi", secure_boot=True, vcpus=3,
        memory_bytes=5 << 30, nics=(a_nic(subnet_id="apps", mac="02:00:00:00:00:0a"),),
        disks=tuple(a_disk(id=f"d{n}", root=n == 0) for n in range(16)),
    )  # fmt: skip
    text = envelope(machine, files(machine))
    top, rows = ET.fromstring(text), items(text)
    by_kind = {kind: [row for row in rows if row["ResourceType"] == kind] for kind in
               ("3", "4", "6", "10", "17")}  # fmt: skip

    assert by_kind["3"][0]["VirtualQuantity"] == "3"
    memory = by_kind["4"][0]
    assert (memory["VirtualQuantity"], memory["AllocationUnits"]) == ("5120", "byte * 2^20")
    assert {row["ResourceSubType"] for row in by_kind["6"]} == {"VirtualSCSI"}
    controllers = [row["InstanceID"] for row in by_kind["6"]]
    hung = [(row["Parent"], row["AddressOnParent"]) for row in by_kind["17"]]
    assert len(set(hung)) == 16 and {parent for parent, _ in hung} == set(controllers)
    assert (controllers[0], "7") not in hung  # the controller's own place
    (nic,) = by_kind["10"]
    assert (nic["Connection"], nic["ResourceSubType"], nic["Address"]) == (
        "apps", "VmxNet3", "02:00:00:00:00:0a"
    )  # fmt: skip
    assert len({row["InstanceID"] for row in rows}) == len(rows)
    assert all(list(row) == sorted(row) for row in rows)
    config = {one.get(f"{VMW}key"): one.get(f"{VMW}value") for one in top.iter(f"{VMW}Config")}
    assert config == {"firmware": "efi", "bootOptions.efiSecureBootEnabled": "true"}
    assert b"<vssd:VirtualSystemType>vmx-13<" in text
    assert [one.get(f"{OVF}name") for one in top.iter(f"{OVF}Network")] == ["apps"]


@pytest.mark.parametrize("name", STRANGE)
def test_the_description_comes_back_whole_whatever_is_in_it(name):
    machine = a_machine(name=name, hostname=name)
    (section,) = ET.fromstring(envelope(machine)).iter("{urn:coldferry:1}Machine")

    assert section.get(f"{OVF}required") == "false"
    assert Machine.model_validate_json(section.text) == machine
    assert json.loads(section.text)["name"] == name


def test_a_described_machine_has_empty_disks_of_their_size():
    top = ET.fromstring(envelope(a_machine(disks=(a_disk(size_bytes=7 << 30),))))

    (disk,) = top.iter(f"{OVF}Disk")
    assert disk.get(f"{OVF}fileRef") is None
    assert (disk.get(f"{OVF}capacity"), disk.get(f"{OVF}capacityAllocationUnits")) == (
        str(7 << 30), "byte"
    )  # fmt: skip
    assert list(top.iter(f"{OVF}File")) == []
