"""Freezing an instance's disks, finding the frozen ones again, and releasing them."""

import time
from collections.abc import Iterator

import pytest

from coldferry.errors import Conflict, Denied, Transient
from coldferry.migration import MIGRATION_TAG
from coldferry.plan import Device
from tests.unit.aws_world import REGION, Sandbox, devices, sandbox

MAPPINGS = [
    {"DeviceName": "/dev/sdf", "Ebs": {"VolumeSize": 2, "VolumeType": "gp3"}},
    {"DeviceName": "/dev/sdg", "Ebs": {"VolumeSize": 1, "VolumeType": "gp3"}},
]
MIGRATION = "web-01-azure-0a1b2c3d-a1"


@pytest.fixture(scope="module")
def aws() -> Iterator[Sandbox]:
    with sandbox() as here:
        yield here


@pytest.fixture
def vm(aws: Sandbox) -> Iterator[str]:
    one = aws.launch(BlockDeviceMappings=MAPPINGS)
    aws.server.faults.reset_counts()
    yield one
    aws.server.faults.clear()
    aws.cloud().release(MIGRATION)


def all_devices(aws: Sandbox, vm: str) -> list[Device]:
    return devices(aws.cloud().describe(vm))


def test_one_call_freezes_all_disks(aws: Sandbox, vm: str) -> None:
    """Completed snapshots in the devices' order, tagged in the creating call."""
    wanted = all_devices(aws, vm)
    frozen = aws.cloud().freeze(vm, MIGRATION, wanted)
    rows = aws.ec2.describe_snapshots(SnapshotIds=[one.ref for one in frozen])["Snapshots"]
    volumes = {row["SnapshotId"]: row["VolumeId"] for row in rows}
    assert [volumes[one.ref] for one in frozen] == [device.disk.id for device in wanted]
    assert {row["State"] for row in rows} == {"completed"}
    for row in rows:
        assert {"Key": MIGRATION_TAG, "Value": MIGRATION} in row["Tags"]
    assert aws.calls("ec2:CreateSnapshots") == 1
    assert aws.calls("ec2:CreateTags") == 0


def test_freezing_again_finds_what_was_made(aws: Sandbox, vm: str) -> None:
    """From another process as well: nothing is remembered but by the tags."""
    wanted = all_devices(aws, vm)
    first = aws.cloud().freeze(vm, MIGRATION, wanted)
    assert aws.cloud(region=REGION).freeze(vm, MIGRATION, wanted) == first
    assert aws.calls("ec2:CreateSnapshots") == 1


def test_a_machine_that_ran_since_is_frozen_anew(aws: Sandbox, vm: str) -> None:
    """Its old snapshots are void and deleted."""
    cloud, wanted = aws.cloud(), all_devices(aws, vm)
    cloud.stop(vm)
    before = cloud.freeze(vm, MIGRATION, wanted)
    time.sleep(1)  # EC2 gives the time of a launch in whole seconds
    cloud.start(vm)
    cloud.stop(vm)
    after = cloud.freeze(vm, MIGRATION, wanted)
    assert {one.ref for one in before}.isdisjoint(one.ref for one in after)
    assert {one.id for one in cloud.owned(MIGRATION)} == {one.ref for one in after}


def test_a_stop_after_the_freeze_voids_nothing(aws: Sandbox, vm: str) -> None:
    """Only a start does; a running machine can be frozen too, as a rehearsal does."""
    cloud, wanted = aws.cloud(), all_devices(aws, vm)
    first = cloud.freeze(vm, MIGRATION, wanted)
    cloud.stop(vm)
    assert cloud.freeze(vm, MIGRATION, wanted) == first


@pytest.mark.parametrize("only", [[0], [1], [0, 2]])
def test_only_the_asked_disks_are_frozen(aws: Sandbox, vm: str, only: list[int]) -> None:
    """Root or data disks that stay behind cost no snapshot."""
    wanted = devices(aws.cloud().describe(vm), only)
    frozen = aws.cloud().freeze(vm, MIGRATION, wanted)
    assert [one.device.index for one in frozen] == only
    assert len(aws.cloud().owned(MIGRATION)) == len(only)


def test_no_disks_are_no_call(aws: Sandbox, vm: str) -> None:
    """A machine without disks of its own has nothing to freeze."""
    assert aws.cloud().freeze(vm, MIGRATION, []) == []
    assert aws.calls("ec2:CreateSnapshots") == 0


def test_a_lost_reply_makes_no_second_set(aws: Sandbox, vm: str) -> None:
    """EC2 obeyed but its answer was an error: what it made is found and used."""
    wanted = all_devices(aws, vm)
    aws.faults({"operation": "ec2:CreateSnapshots", "apply": True})
    frozen = aws.cloud().freeze(vm, MIGRATION, wanted)
    assert aws.calls("ec2:CreateSnapshots") == 1
    assert {one.id for one in aws.cloud().owned(MIGRATION)} == {one.ref for one in frozen}


def test_a_busy_answer_is_asked_again(aws: Sandbox, vm: str) -> None:
    """Throttling does not end a migration."""
    wanted = all_devices(aws, vm)
    aws.faults(
        {"operation": "ec2:CreateSnapshots", "code": "SnapshotCreationPerVolumeRateExceeded",
         "status": 400}
    )  # fmt: skip
    assert len(aws.cloud().freeze(vm, MIGRATION, wanted)) == 3


def test_lasting_throttling_is_transient(aws: Sandbox, vm: str) -> None:
    """The task retries later; nothing was made."""
    wanted = all_devices(aws, vm)
    aws.faults({"operation": "ec2:CreateSnapshots", "code": "RequestLimitExceeded", "times": 9})
    with pytest.raises(Transient, match="throttles"):
        aws.cloud().freeze(vm, MIGRATION, wanted)
    aws.server.faults.clear()
    assert aws.cloud().owned(MIGRATION) == []


def test_a_refused_freeze_is_asked_once(aws: Sandbox, vm: str) -> None:
    """The error names the permission."""
    wanted = all_devices(aws, vm)
    aws.faults({"operation": "ec2:CreateSnapshots", "status": 403,
                "code": "UnauthorizedOperation", "times": 9})  # fmt: skip
    with pytest.raises(Denied, match="ec2:CreateSnapshots"):
        aws.cloud().freeze(vm, MIGRATION, wanted)
    assert aws.calls("ec2:CreateSnapshots") == 1


def test_a_disk_that_was_taken_away_is_named(aws: Sandbox, vm: str) -> None:
    """Rather no freeze than one without it."""
    wanted = all_devices(aws, vm)
    aws.ec2.detach_volume(VolumeId=wanted[1].disk.id, InstanceId=vm)
    with pytest.raises(Conflict, match=wanted[1].disk.id):
        aws.cloud().freeze(vm, MIGRATION, wanted)


def test_release_deletes_only_what_is_ours(aws: Sandbox, vm: str) -> None:
    """Another migration's snapshots and a stranger's stay; a second release finds nothing."""
    cloud, wanted = aws.cloud(), all_devices(aws, vm)
    other = "web-01-azure-0a1b2c3d-a2"
    mine = cloud.freeze(vm, MIGRATION, wanted)
    theirs = cloud.freeze(vm, other, wanted[:1])
    stranger = aws.ec2.create_snapshot(VolumeId=wanted[0].disk.id)["SnapshotId"]
    assert {one.id for one in cloud.release(MIGRATION)} == {one.ref for one in mine}
    assert cloud.release(MIGRATION) == []
    assert [one.id for one in cloud.owned()] == [theirs[0].ref]
    assert aws.ec2.describe_snapshots(SnapshotIds=[stranger])["Snapshots"]
    assert [(one.kind, one.migration) for one in cloud.release(other)] == [("snapshot", other)]


def test_release_leaves_the_targets_things_alone(aws: Sandbox, vm: str) -> None:
    """A snapshot with the migration's tag that is no frozen disk belongs to the target side."""
    wanted = all_devices(aws, vm)
    made = aws.ec2.create_snapshot(
        VolumeId=wanted[0].disk.id,
        TagSpecifications=[
            {"ResourceType": "snapshot", "Tags": [{"Key": MIGRATION_TAG, "Value": MIGRATION}]}
        ],
    )["SnapshotId"]
    assert aws.cloud().release(MIGRATION) == []
    assert [one.id for one in aws.cloud().owned(MIGRATION)] == [made]
    aws.ec2.delete_snapshot(SnapshotId=made)
