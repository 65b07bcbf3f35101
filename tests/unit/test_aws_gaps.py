"""A description when EC2, or an older or shared network, leaves things out."""

from collections.abc import Iterator
from copy import deepcopy
from dataclasses import replace
from typing import Any

import pytest

from coldferry.machine import Machine
from providers.aws.describe import machine_of
from providers.aws.instances import device_order
from providers.aws.inventory import Inventory, read_inventory
from tests.unit.aws_world import sandbox

FIRST = {"DeviceName": "/dev/sdb", "Ebs": {"VolumeSize": 1, "VolumeType": "gp3"}}


@pytest.fixture(scope="module")
def full() -> Iterator[Inventory]:
    """All answers about one machine with two disks."""
    with sandbox() as aws:
        yield read_inventory(aws.clients(), aws.launch(BlockDeviceMappings=[FIRST]))


def described(full: Inventory, *, without: tuple[str, ...] = (), **fields: Any) -> Machine:
    """The description from the same answers, but for what is left out or added."""
    instance: Any = {**deepcopy(full.instance), **fields}
    for name in without:
        instance.pop(name, None)
    return machine_of(replace(full, instance=instance), "1/eu-west-1")


def test_what_ec2_does_not_say_is_unknown(full: Inventory) -> None:
    """Never a default in its place."""
    left_out = (
        "Architecture", "CurrentInstanceBootMode", "BootMode", "PlatformDetails", "Placement",
        "PrivateDnsName", "CpuOptions", "TpmSupport", "Tags",
    )  # fmt: skip
    bare = replace(full, image=None, dhcp=None, subnets={})
    machine = described(bare, without=left_out)
    assert (machine.architecture, machine.firmware) == ("unknown", "unknown")
    assert (machine.os_family, machine.licence.platform) == ("unknown", "unknown")
    assert (machine.zone, machine.tenancy, machine.hostname) == ("unknown", "unknown", "unknown")
    assert (machine.dns.servers, machine.dns.search_domains) == ("unknown", "unknown")
    assert machine.nics[0].subnet_cidr == "unknown"
    assert machine.vcpus == full.facts["VCpuInfo"]["DefaultVCpus"]
    assert machine.name == machine.origin.id


@pytest.mark.parametrize(
    ("booted", "asked", "image", "can", "firmware"),
    [
        ("legacy-bios", "uefi", "uefi", ["uefi"], "bios"),
        ("uefi", "uefi-preferred", "uefi-preferred", ["legacy-bios", "uefi"], "uefi"),
        (None, "legacy-bios", "uefi", ["uefi"], "bios"),
        (None, "uefi-preferred", None, ["legacy-bios", "uefi"], "unknown"),
        (None, None, "uefi", ["legacy-bios", "uefi"], "uefi"),
        (None, None, None, ["uefi"], "uefi"),
        (None, None, None, ["legacy-bios", "uefi"], "unknown"),
    ],
)
def test_firmware_comes_from_the_best_witness(
    full: Inventory, booted: str, asked: str, image: str, can: list[Any], firmware: str
) -> None:
    """What it booted with, then the instance, the image, and what the type can only do."""
    ami: Any = {"BootMode": image} if image else None
    facts: Any = {**full.facts, "SupportedBootModes": can}
    witnesses = replace(full, image=ami, facts=facts)
    machine = described(witnesses, CurrentInstanceBootMode=booted, BootMode=asked)
    assert machine.firmware == firmware


@pytest.mark.parametrize(
    ("platform", "family"),
    [
        ("Linux/UNIX", "linux"),
        ("Red Hat BYOL Linux", "linux"),
        ("Ubuntu Pro", "linux"),
        ("SUSE Linux", "linux"),
        ("Windows with SQL Server Standard", "windows"),
        ("Windows BYOL", "windows"),
        ("Something else", "unknown"),
    ],
)
def test_the_family_follows_from_the_platform(full: Inventory, platform: str, family: str) -> None:
    """Words of the billing page."""
    assert described(full, PlatformDetails=platform).os_family == family


def test_nitro_tpm_is_told_by_its_version(full: Inventory) -> None:
    """Without EC2's v: as other clouds write it."""
    assert described(full, TpmSupport="v2.0").tpm == "2.0"


def test_a_root_name_that_names_nothing_gives_the_first_disk(full: Inventory) -> None:
    """The image may call its root otherwise than the attached volume."""
    machine = described(full, RootDeviceName="/dev/sda1")
    assert [(disk.device, disk.root) for disk in machine.disks] == [
        ("/dev/xvda", True), ("/dev/sdb", False),
    ]  # fmt: skip


def test_devices_are_ordered_as_the_guest_counts_them() -> None:
    """Two letters come after one, and both spellings are alike."""
    names = ["/dev/xvdba", "/dev/sdb", "/dev/sdaa", "/dev/sda1", "/dev/xvdc", "/dev/sdz"]
    assert sorted(names, key=device_order) == [
        "/dev/sda1", "/dev/sdb", "/dev/xvdc", "/dev/sdz", "/dev/sdaa", "/dev/xvdba",
    ]  # fmt: skip


def test_a_disk_that_is_being_detached_is_not_there(full: Inventory) -> None:
    """EC2 lists it still."""
    volumes: Any = deepcopy(full.volumes)
    for volume in volumes:
        if volume["Attachments"][0]["Device"] == "/dev/sdb":
            volume["Attachments"][0]["State"] = "detaching"
    assert [d.device for d in described(replace(full, volumes=volumes)).disks] == ["/dev/xvda"]


def test_sixth_version_addresses_are_kept(full: Inventory) -> None:
    """Beside the further ones of the fourth."""
    interfaces: Any = deepcopy(full.interfaces)
    interfaces[0]["Ipv6Addresses"] = [{"Ipv6Address": "2001:db8::5"}]
    (nic,) = described(replace(full, interfaces=interfaces)).nics
    assert nic.more_private_addresses == ("2001:db8::5",)
