"""Each fault that can be planted in a real guest gives its finding, and no other."""

from typing import Any

import pytest

from coldferry.guest.checks import CHECKS
from coldferry.guest.evidence import CODES
from providers.aws.guest import GUEST as AWS
from providers.azure.guest import GUEST as AZURE
from tests.guest import PLANTS, build
from tests.guest.windows import PLANTS as PLANTS_OF_WINDOWS
from tests.unit.guest_looks import codes, ext4, look
from tests.unit.machines import a_machine

pytestmark = pytest.mark.long(takes_s=50)

BACK = {
    "no-storage-driver/nvme", "temporary-disk-mount", "temporary-disk-mount/waagent",
    "datasource-pinned/azure", "source-agent/walinuxagent",
}  # fmt: skip
"""Faults of a guest that goes from Azure to EC2."""

BUILT_FOR_UEFI = {"firmware-mismatch", "no-bootloader/vendor-path-only"}

SEVERAL = {
    "hostile-words": ["fstab-device-name", "fstab-no-nofail", "network-pinned-to-mac"],
    "fstab-device-name/vdb": ["fstab-device-name", "fstab-no-nofail"],
}


def asked(plant: str) -> dict[str, Any]:
    firmware = "uefi" if plant in BUILT_FOR_UEFI else "bios"
    ends = {"needs": AWS, "left": AZURE} if plant in BACK else {"needs": AZURE, "left": AWS}
    return {"machine": a_machine(firmware=firmware), "halted": True, **ends}


@pytest.mark.parametrize("needs", [AWS, AZURE])
def test_the_healthy_guest_gives_none(needs):
    assert look(build(), needs=needs, left=AWS if needs is AZURE else AZURE).findings == ()


@pytest.mark.parametrize("plant", sorted(PLANTS))
def test_a_planted_fault_gives_exactly_its_finding(plant):
    found = look(build(plant=(plant,)), **asked(plant))

    assert codes(found) == SEVERAL.get(plant, [plant.partition("/")[0]])
    for finding in found.findings:
        assert finding.what.endswith(".")
        assert finding.do.endswith(".")


def test_every_kind_of_finding_is_planted():
    """A healthy Windows has its licence to settle, and a header is all of BitLocker."""
    planted = {plant.partition("/")[0] for plant in (*PLANTS, *PLANTS_OF_WINDOWS)}

    assert set(CHECKS) - planted == {"windows-licence", "bitlocker"}
    assert set(CHECKS) | {"unreadable-filesystem", "not-inspected"} == CODES


@pytest.mark.parametrize(
    ("firmware", "advice"),
    [("bios", "has BIOS firmware: keep it"), ("uefi", "has UEFI firmware all the same")],
)
def test_what_to_do_about_a_root_disk_without_partitions_follows_from_the_firmware(
    firmware, advice, tmp_path
):
    found = look(ext4(tmp_path, {"etc/fstab": ""}), machine=a_machine(firmware=firmware)).findings
    finding = next(one for one in found if one.code == "no-partition-table")

    assert "ext4 as a whole" in finding.what
    assert advice in finding.do


@pytest.mark.parametrize("plant", ["unclean-filesystem"])
def test_a_running_guest_s_file_systems_are_open_and_that_is_no_finding(plant):
    assert look(build(plant=(plant,)), halted=False).findings == ()
