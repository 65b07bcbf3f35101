"""What is found at AWS before a machine is halted: one fault, one test, and nothing is made."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from coldferry.errors import Finding
from coldferry.migration import MIGRATION_TAG
from coldferry.plan import Plan
from coldferry.translation import Translation
from sandbox.aws import world
from tests.unit.aws_world import QUICK, Sandbox, sandbox

MIGRATION = "web-01-azure-00000000-a1"


@pytest.fixture(scope="module")
def aws() -> Iterator[Sandbox]:
    with sandbox() as here:
        yield here


@pytest.fixture(autouse=True)
def as_new(aws: Sandbox) -> Iterator[None]:
    yield
    aws.server.faults.clear()
    world.current().settings = world.Settings()
    world.current().delays = QUICK


@pytest.fixture(scope="module")
def usual(aws: Sandbox) -> str:
    """A running machine that no test changes."""
    return aws.launch()


def deny(*actions: str) -> None:
    world.current().settings.denied = list(actions)


def slow_snapshots() -> None:
    """Those that are begun from now on do not end."""
    world.current().delays = replace(QUICK, snapshot_s=3600)


def a_plan(aws: Sandbox, vm: str, **changes: Any) -> Plan:
    machine = aws.cloud().describe(vm).model_copy(update=changes)
    return Plan(migration=MIGRATION, machine=machine, translation=Translation(fields=()))


def findings(aws: Sandbox, vm: str, **changes: Any) -> list[Finding]:
    plan = a_plan(aws, vm, **changes)
    found = aws.cloud().preflight_source(vm, plan)
    for finding in found:
        assert finding.what.endswith(".")
        assert finding.do.endswith(".")
        assert finding.subject
    return found


def refusals(aws: Sandbox, vm: str, **changes: Any) -> dict[str, str]:
    """What is refused, by code."""
    found = findings(aws, vm, **changes)
    return {one.code: one.what for one in found if one.severity == "refuse"}


def encrypted(aws: Sandbox, vm: str, device: str = "/dev/sdf") -> str:
    """Attach a disk that is encrypted with a key of its own; the key's id."""
    key = str(aws.client("kms").create_key()["KeyMetadata"]["KeyId"])
    disk = aws.ec2.create_volume(
        AvailabilityZone=aws.cloud().describe(vm).zone, Size=1, VolumeType="gp3",
        Encrypted=True, KmsKeyId=key,
    )["VolumeId"]  # fmt: skip
    aws.ec2.attach_volume(VolumeId=disk, InstanceId=vm, Device=device)
    return key


def test_a_machine_in_order_is_only_told_what_a_stop_gives_up(aws: Sandbox, usual: str) -> None:
    (only,) = findings(aws, usual)

    assert (only.severity, only.code) == ("inform", "capacity-given-up")
    assert "t3.small" in only.what


def test_a_scarce_size_that_may_not_be_had_again_is_warned_of(aws: Sandbox, usual: str) -> None:
    (only,) = findings(aws, usual, accelerators=1)

    assert (only.severity, only.code) == ("warn", "capacity-given-up")


def test_all_rights_that_are_lacking_are_one_finding(aws: Sandbox, usual: str) -> None:
    deny("ec2:StopInstances", "ec2:DeleteTags", "ebs:ListSnapshotBlocks")

    what = refusals(aws, usual)["permissions"]

    for action in ("ec2:StopInstances", "ec2:DeleteTags", "ebs:ListSnapshotBlocks"):
        assert action in what
    assert "ec2:StartInstances" not in what


def test_a_freeze_needs_the_right_to_tag_what_it_makes(aws: Sandbox, usual: str) -> None:
    deny("ec2:CreateTags")

    what = refusals(aws, usual)["permissions"]

    assert "ec2:CreateTags" in what
    assert "ec2:CreateSnapshots" in what


def test_the_right_to_delete_is_asked_of_a_snapshot_of_ours(aws: Sandbox) -> None:
    vm = aws.launch()
    deny("ec2:DeleteSnapshot")
    assert refusals(aws, vm) == {}

    cloud = aws.cloud()
    cloud.freeze(vm, MIGRATION, a_plan(aws, vm).devices)
    assert "ec2:DeleteSnapshot" in refusals(aws, vm)["permissions"]

    deny()
    cloud.release(MIGRATION)


def test_rights_are_asked_for_without_anything_being_done(aws: Sandbox) -> None:
    vm = aws.launch()
    before = aws.ec2.describe_snapshots(OwnerIds=["self"])["Snapshots"]

    findings(aws, vm)

    assert aws.ec2.describe_snapshots(OwnerIds=["self"])["Snapshots"] == before
    assert aws.state(vm) == "running"
    assert aws.cloud().marks(vm) is None
    shown = aws.ec2.describe_instances(InstanceIds=[vm])["Reservations"][0]["Instances"][0]
    assert "Tags" not in shown


def test_stop_protection_is_found_before_the_halt(aws: Sandbox) -> None:
    vm = aws.launch()
    aws.ec2.modify_instance_attribute(InstanceId=vm, DisableApiStop={"Value": True})
    assert set(refusals(aws, vm)) == {"stop-protected"}

    aws.ec2.modify_instance_attribute(InstanceId=vm, DisableApiStop={"Value": False})
    assert refusals(aws, vm) == {}


def test_a_halted_machine_is_not_told_what_a_stop_would_give_up(aws: Sandbox) -> None:
    vm = aws.launch()
    aws.cloud().stop(vm)

    assert findings(aws, vm) == []


@pytest.mark.parametrize(
    ("undo", "state"),
    [
        (lambda kms, key: kms.disable_key(KeyId=key), "Disabled"),
        (lambda kms, key: kms.schedule_key_deletion(KeyId=key), "PendingDeletion"),
    ],
    ids=["disabled", "to be deleted"],
)
def test_a_key_that_cannot_be_used_is_found_before_the_halt(
    aws: Sandbox, undo: Any, state: str
) -> None:
    vm = aws.launch()
    key = encrypted(aws, vm)
    assert refusals(aws, vm) == {}

    undo(aws.client("kms"), key)

    what = refusals(aws, vm)["key-unusable"]
    assert key in what
    assert state in what


def test_a_key_that_may_not_be_looked_at_is_warned_of(aws: Sandbox) -> None:
    """EBS's own key may be such a one, and its disks can be read all the same."""
    vm = aws.launch()
    key = encrypted(aws, vm)
    deny("kms:DescribeKey")

    warned = {one.code: one for one in findings(aws, vm) if one.severity == "warn"}

    assert refusals(aws, vm) == {}
    assert key in warned["key-unread"].what


def test_snapshots_in_progress_that_leave_no_room_for_ours_are_found(aws: Sandbox) -> None:
    vm = aws.launch()
    disk = aws.ec2.create_volume(
        AvailabilityZone=aws.cloud().describe(vm).zone, Size=125, VolumeType="st1"
    )["VolumeId"]
    aws.ec2.attach_volume(VolumeId=disk, InstanceId=vm, Device="/dev/sdf")
    slow_snapshots()
    root = aws.cloud().describe(vm).disks[0].id
    aws.ec2.create_snapshot(VolumeId=root)
    assert refusals(aws, vm) == {}

    aws.ec2.create_snapshot(VolumeId=disk)

    found = refusals(aws, vm)
    assert set(found) == {"snapshots-in-progress"}
    assert disk in found["snapshots-in-progress"]
    assert "1 of a st1 volume" in found["snapshots-in-progress"]


def test_our_own_snapshots_in_progress_are_in_nobodys_way(aws: Sandbox) -> None:
    vm = aws.launch()
    slow_snapshots()
    tags = [{"ResourceType": "snapshot", "Tags": [{"Key": MIGRATION_TAG, "Value": MIGRATION}]}]
    disk = aws.cloud().describe(vm).disks[0].id
    for _ in range(5):
        aws.ec2.create_snapshot(VolumeId=disk, TagSpecifications=tags)
    world.current().settings.quotas = {"L-94D7AB7D": 1, "L-309BACF6": 1}

    assert refusals(aws, vm) == {}


def test_an_account_with_too_many_snapshots_in_progress_is_found(aws: Sandbox, usual: str) -> None:
    slow_snapshots()
    elsewhere = aws.ec2.create_volume(AvailabilityZone="eu-west-1b", Size=1)["VolumeId"]
    aws.ec2.create_snapshot(VolumeId=elsewhere)
    world.current().settings.quotas = {"L-94D7AB7D": 1}

    assert "quota of 1 snapshots in progress leaves 0" in refusals(aws, usual)["pending-snapshots"]


def test_a_region_without_room_for_snapshots_is_found(aws: Sandbox, usual: str) -> None:
    have = len(aws.ec2.describe_snapshots(OwnerIds=["self"])["Snapshots"])
    world.current().settings.quotas = {"L-309BACF6": have + 1}
    assert refusals(aws, usual) == {}

    world.current().settings.quotas = {"L-309BACF6": have}
    assert (
        f"quota of {have} snapshots in the region leaves 0"
        in refusals(aws, usual)["quota-snapshots"]
    )


def test_quotas_that_may_not_be_read_count_as_they_are_by_default(aws: Sandbox, usual: str) -> None:
    world.current().settings.quotas = {"L-309BACF6": 0}
    deny("servicequotas:*")

    assert refusals(aws, usual) == {}


def test_all_faults_are_named_at_once_refusals_first(aws: Sandbox) -> None:
    vm = aws.launch()
    key = encrypted(aws, vm)
    aws.client("kms").disable_key(KeyId=key)
    aws.ec2.modify_instance_attribute(InstanceId=vm, DisableApiStop={"Value": True})
    deny("ec2:CreateSnapshots")
    world.current().settings.quotas = {"L-309BACF6": 1}

    found = findings(aws, vm)

    assert {one.code for one in found[:-1]} == {
        "permissions", "stop-protected", "key-unusable", "quota-snapshots",
    }  # fmt: skip
    assert found[-1].severity == "inform"
