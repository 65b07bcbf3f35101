"""Removing an instance at the EC2 double: what goes with it, and what keeps it."""

import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest

from coldferry.errors import Conflict, Denied
from coldferry.migration import Marks, State
from coldferry.ports import PowerState
from coldferry.removing import SOURCE_DISK, SOURCE_INTERFACE, SOURCE_MACHINE
from tests.unit.aws_world import Sandbox, sandbox

MIGRATION = "web-01-azure-00c0ffee-a1"


@pytest.fixture(scope="module")
def aws() -> Iterator[Sandbox]:
    with sandbox() as here:
        yield here


@pytest.fixture
def vm(aws: Sandbox) -> str:
    """A stopped machine that was moved, with a second disk that would outlive it."""
    made = aws.launch()
    zone = aws.ec2.describe_subnets(SubnetIds=[aws.subnet])["Subnets"][0]["AvailabilityZone"]
    disk = aws.ec2.create_volume(AvailabilityZone=zone, Size=1)["VolumeId"]
    aws.ec2.attach_volume(VolumeId=disk, InstanceId=made, Device="/dev/sdf")
    cloud = aws.cloud()
    cloud.stop(made)
    cloud.mark(made, moved(hours=1))
    return made


def moved(hours: int) -> Marks:
    """Cut over so many hours after now."""
    at = datetime.now(UTC) + timedelta(hours=hours)
    return Marks(MIGRATION, State.CUT_OVER, "running", at.isoformat(timespec="seconds"))


def disks(aws: Sandbox, vm: str) -> list[str]:
    return [disk.id for disk in aws.cloud().describe(vm).disks]


def volumes(aws: Sandbox) -> set[str]:
    return {one["VolumeId"] for one in aws.ec2.describe_volumes()["Volumes"]}


def test_a_disk_that_would_outlive_the_machine_goes_with_it(aws: Sandbox, vm: str) -> None:
    copied = disks(aws, vm)
    kinds = [one.kind for one in aws.cloud().removal(vm, MIGRATION, copied).things]
    assert kinds == [SOURCE_MACHINE, SOURCE_DISK, SOURCE_DISK, SOURCE_INTERFACE]

    gone = aws.cloud().remove(vm, MIGRATION, copied)

    assert aws.state(vm) == "terminated"
    assert not {*copied} & volumes(aws)
    assert {one.means for one in gone} == {"ec2:TerminateInstances"}
    assert all(one.answer.startswith("200, request ") for one in gone)


def test_a_machine_that_is_protected_is_kept(aws: Sandbox, vm: str) -> None:
    copied = disks(aws, vm)
    aws.ec2.modify_instance_attribute(InstanceId=vm, DisableApiTermination={"Value": True})

    (found,) = aws.cloud().removal(vm, MIGRATION, copied).findings
    assert (found.severity, found.code) == ("refuse", "protected")
    assert "--no-disable-api-termination" in found.do
    with pytest.raises(Conflict, match="protected"):
        aws.cloud().remove(vm, MIGRATION, copied)
    assert aws.state(vm) == "stopped"


def test_a_disk_that_was_detached_stays_and_is_named(aws: Sandbox, vm: str) -> None:
    root, second = disks(aws, vm)
    aws.ec2.detach_volume(VolumeId=second)

    (found,) = aws.cloud().removal(vm, MIGRATION, [root, second]).findings
    assert (found.severity, found.subject) == ("warn", second)
    aws.cloud().remove(vm, MIGRATION, [root, second])

    assert second in volumes(aws)
    assert root not in volumes(aws)


def test_a_disk_that_a_person_attached_since_keeps_the_machine_and_its_disks(
    aws: Sandbox, vm: str
) -> None:
    root, _ = disks(aws, vm)

    with pytest.raises(Conflict, match="was not copied"):
        aws.cloud().remove(vm, MIGRATION, [root])

    assert aws.cloud().power(vm) is PowerState.STOPPED
    held = aws.ec2.describe_instances(InstanceIds=[vm])["Reservations"][0]["Instances"][0]
    after = [row["Ebs"]["DeleteOnTermination"] for row in held["BlockDeviceMappings"]]
    assert after.count(False) == 1  # nothing was changed


def test_a_disk_that_was_away_and_came_back_keeps_the_machine(aws: Sandbox, vm: str) -> None:
    root, second = disks(aws, vm)
    aws.ec2.detach_volume(VolumeId=second)  # and somebody writes to it elsewhere
    held = aws.ec2.describe_instances(InstanceIds=[vm])["Reservations"][0]["Instances"][0]
    next_second = held["LaunchTime"].replace(microsecond=0) + timedelta(seconds=1)
    while datetime.now(UTC) < next_second:  # EC2 tells no finer moments
        time.sleep(0.02)
    aws.ec2.attach_volume(VolumeId=second, InstanceId=vm, Device="/dev/sdf")
    aws.cloud().mark(vm, Marks(MIGRATION, State.FINALISED, moved_at=next_second.isoformat()))

    (found,) = aws.cloud().removal(vm, MIGRATION, [root, second]).findings
    assert (found.severity, found.code) == ("refuse", "used-since")
    with pytest.raises(Conflict, match="got a disk"):
        aws.cloud().remove(vm, MIGRATION, [root, second])
    assert {root, second} <= volumes(aws)


def test_a_removal_that_died_after_its_call_is_found_done(aws: Sandbox, vm: str) -> None:
    copied = disks(aws, vm)
    looked = aws.cloud().removal(vm, MIGRATION, copied)
    lost = {"status": 403, "code": "UnauthorizedOperation", "apply": True}
    aws.faults({"operation": "ec2:TerminateInstances", **lost})
    with pytest.raises(Denied):
        aws.cloud().remove(vm, MIGRATION, copied)

    assert aws.cloud().remove(vm, MIGRATION, copied) == []
    assert aws.cloud().remaining(looked.things) == []
