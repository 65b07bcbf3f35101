"""A look at a running machine: always released, filling what was unknown, overriding nothing."""

import pytest

from coldferry.drift import evidence_drift, material
from coldferry.errors import ColdferryError, Denied
from coldferry.guest.evidence import Evidence, Mount
from coldferry.inspecting import as_if_seen, inspect, not_inspected, with_evidence
from coldferry.machine import NetworkFilesystem
from coldferry.ports import FrozenDisk
from coldferry.traffic import End
from providers.memory.cloud import MemoryCloud
from tests.conformance.worlds import a_source
from tests.unit.fake_disks import WIDE
from tests.unit.machines import a_machine

VM = "web-01"
ENDS = (End(WIDE), End(WIDE))
MIGRATION = "web-01-there-00000000-a1"
UEFI = Evidence(firmwares=("uefi",), architecture="arm64", os_family="linux")
EFS = NetworkFilesystem(id="fs-1", kind="nfs", address="10.0.0.5", mounted="unknown")


class Breaking(MemoryCloud):
    """Raises when its frozen disks are opened."""

    error: BaseException = Denied("No.")

    def open_frozen(self, frozen: FrozenDisk):
        raise self.error


def look(cloud: MemoryCloud, **options):
    machine = cloud.describe(VM)
    return inspect(cloud, VM, machine, MIGRATION, cloud.guest, **options)


def test_nothing_is_left_of_a_look():
    cloud = a_source(VM)
    seen = look(cloud, ends=ENDS)

    assert cloud.owned() == []
    assert set(seen.allocated_bytes) == {"disk0", "disk1"}
    assert [finding.code for finding in seen.inspection.findings] == ["no-partition-table"]
    assert seen.fetched_bytes > 0


@pytest.mark.parametrize("error", [Denied("No."), KeyboardInterrupt(), OSError("Broken.")])
def test_nothing_is_left_of_a_look_that_breaks(error: BaseException):
    cloud = Breaking(a_source(VM).world)
    cloud.error = error
    with pytest.raises(type(error)):
        look(cloud)

    assert cloud.owned() == []


def test_what_a_killed_look_left_is_not_looked_at_again():
    cloud = a_source(VM)
    devices = [frozen.device for frozen in _left_by_a_killed_look(cloud)]
    before = set(cloud.world.frozen)
    looked: list[str] = []

    class Watching(MemoryCloud):
        def open_frozen(self, frozen: FrozenDisk):
            looked.append(frozen.ref)
            assert self.world.disks[frozen.ref].chunks == {}
            return super().open_frozen(frozen)

    cloud.world.disks[devices[0].disk.id].chunks.clear()
    cloud.world.disks[devices[1].disk.id].chunks.clear()
    look(Watching(cloud.world))

    assert before
    assert looked
    assert cloud.owned() == []


def _left_by_a_killed_look(cloud: MemoryCloud) -> list[FrozenDisk]:
    from coldferry.migration import inspection_of
    from coldferry.plan import devices_of

    return cloud.freeze(VM, inspection_of(MIGRATION), devices_of(cloud.describe(VM)))


def test_evidence_fills_what_nobody_knew():
    machine = a_machine(firmware="unknown", architecture="unknown", os_family="unknown")
    filled = with_evidence(machine, UEFI)

    assert (filled.firmware, filled.architecture, filled.os_family) == ("uefi", "arm64", "linux")
    assert filled.secure_boot == machine.secure_boot


def test_evidence_overrides_nothing():
    machine = a_machine()

    assert with_evidence(machine, UEFI) == machine


def test_a_disk_that_boots_either_way_leaves_the_question_open():
    both = Evidence(firmwares=("bios", "uefi"))

    assert with_evidence(a_machine(firmware="unknown"), both).firmware == "unknown"


@pytest.mark.parametrize(
    ("source", "mounted"),
    [("10.0.0.5:/export", True), ("fs-1:/", True), ("10.0.0.6:/export", "unknown")],
)
def test_a_share_in_fstab_is_mounted_and_one_that_is_not_there_may_be(source, mounted):
    machine = a_machine(network_filesystems=(EFS,))
    evidence = Evidence(mounts=(Mount(source=source, path="/x", kind="nfs4"),))

    assert with_evidence(machine, evidence).network_filesystems[0].mounted == mounted


def test_what_only_the_guest_mounts_over_the_network_is_a_device_too():
    machine = a_machine(network_filesystems=(EFS,))
    mounts = (
        Mount(source="10.0.0.5:/export", path="/x", kind="nfs4"),
        Mount(source="nas.example:/home", path="/home", kind="nfs"),
        Mount(source="fs-9:/", path="/y", kind="efs"),
        Mount(source="//files/share", path="/z", kind="cifs", options=("noauto",)),
        Mount(source="/dev/sdb1", path="/d", kind="ext4"),
    )
    filled = with_evidence(machine, Evidence(mounts=mounts))

    assert [(one.id, one.address, one.mounted) for one in filled.network_filesystems] == [
        ("fs-1", "10.0.0.5", True),
        ("nas.example:/home", "nas.example", True),
        ("fs-9:/", "unknown", True),
    ]
    assert material(filled, as_if_seen(machine, filled)) == []


def test_a_guest_cannot_bury_a_person_in_questions():
    mounts = tuple(Mount(source=f"nas{n}:/x", path=f"/x{n}", kind="nfs") for n in range(200))

    assert len(with_evidence(a_machine(), Evidence(mounts=mounts)).network_filesystems) == 8


def test_what_only_the_disks_told_is_no_drift():
    described = a_machine(firmware="unknown", network_filesystems=(EFS,))
    approved = with_evidence(described, UEFI)

    assert material(approved, as_if_seen(described, approved)) == []
    changed = described.model_copy(update={"vcpus": 64})
    assert [one.path for one in material(approved, as_if_seen(changed, approved))] == ["vcpus"]
    known = described.model_copy(update={"firmware": "bios"})
    assert [one.path for one in material(approved, as_if_seen(known, approved))] == ["firmware"]


def test_what_boots_otherwise_is_drift_and_what_a_guest_does_all_day_is_not():
    busy = UEFI.model_copy(
        update={"mounts": (Mount(source="a", path="b", kind="c"),), "hostname": "other"}
    )
    bios = UEFI.model_copy(update={"firmwares": ("bios",)})

    assert evidence_drift(UEFI, busy) == []
    assert [one.path for one in evidence_drift(UEFI, bios)] == ["guest.firmwares"]
    assert evidence_drift(UEFI, Evidence()) == evidence_drift(Evidence(), UEFI) == []


def test_a_look_that_could_not_be_made_says_so():
    seen = not_inspected(VM, ColdferryError("The snapshot was denied.", "Ask for the right."))

    assert [(one.severity, one.code) for one in seen.findings] == [("warn", "not-inspected")]
    assert "denied" in seen.findings[0].what
    assert "Ask for the right." in seen.findings[0].do


def test_of_a_disk_that_is_left_behind_nothing_is_frozen_or_read():
    cloud = a_source(VM, disks=3)
    del cloud.world.disks[f"{VM}-d1"]  # whoever freezes or reads it fails
    seen = look(cloud, ends=ENDS, leaving={1})

    assert set(seen.allocated_bytes) == {"disk0", "disk2"}
    assert [finding.code for finding in seen.inspection.findings] == ["no-partition-table"]
