"""AWS as a target where things are not as they should be: others' names, losses, later starts."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from coldferry.errors import Conflict, CorruptCopy, Denied, DiskSealed, Finding
from coldferry.plan import Plan
from coldferry.ports import FOREIGN, FROZEN, FrozenDisk, PowerState, VerifiedDisk
from providers.aws.frame import image_name
from providers.aws.target_tags import FROM_TAG, MIGRATION_TAG
from sandbox.aws import world
from tests.conformance.cases import MIGRATION, TargetCase, begin, go_on, written
from tests.conformance.worlds import a_machine, a_nic
from tests.unit.aws_world import FEW_TYPES, QUICK, Sandbox, sandbox

pytestmark = pytest.mark.slow

BLOCK = 524_288


@pytest.fixture(scope="module")
def aws() -> Iterator[Sandbox]:
    with sandbox(types=FEW_TYPES) as here:
        yield here


@pytest.fixture
def case(aws: Sandbox) -> Iterator[TargetCase]:
    cloud = aws.cloud()
    answers = {
        "dns.servers": "acknowledge", "nics[0].subnet_id": aws.subnet,
        "nics[0].private_address": "10.20.0.10", "disks[0].kind": "gp3", "disks[1].kind": "gp3",
    }  # fmt: skip
    yield TargetCase(cloud, answers, lambda *_: b"")
    world.current().settings.denied = []
    world.current().settings.quotas = {}
    world.current().delays = QUICK
    cloud.discard(MIGRATION)
    cloud.erase_kept(MIGRATION)
    assert cloud.owned() == []


def refused(found: list[Finding]) -> dict[str, str]:
    return {one.code: one.what for one in found if one.severity == "refuse"}


def row(aws: Sandbox, vm: str) -> Any:
    return aws.ec2.describe_instances(InstanceIds=[vm])["Reservations"][0]["Instances"][0]


def made(case: TargetCase) -> tuple[Plan, list[VerifiedDisk], str]:
    plan, _ = begin(case)
    disks = written(case, plan)
    return plan, disks, case.cloud.allocate(plan, disks)


def test_the_machine_has_run_from_none_of_its_volumes(aws: Sandbox, case: TargetCase) -> None:
    _, disks, vm = made(case)

    found = row(aws, vm)
    places = {one["DeviceName"]: one["Ebs"]["VolumeId"] for one in found["BlockDeviceMappings"]}
    volumes = aws.ec2.describe_volumes(VolumeIds=list(places.values()))["Volumes"]
    assert sorted(one["SnapshotId"] for one in volumes) == sorted(disk.ref for disk in disks)
    # Attached after it was last started: nothing can have written to them.
    assert all(one["Attachments"][0]["AttachTime"] > found["LaunchTime"] for one in volumes)
    assert found["RootDeviceName"] in places
    assert (found["BootMode"], found["EnaSupport"]) == ("uefi", True)
    assert "PublicIpAddress" not in found
    (image,) = aws.ec2.describe_images(ImageIds=[found["ImageId"]])["Images"]
    assert (image["Architecture"], image["VirtualizationType"]) == ("x86_64", "hvm")


def test_the_group_has_no_rule_in_any_direction(aws: Sandbox, case: TargetCase) -> None:
    _, _, vm = made(case)

    (nic,) = row(aws, vm)["NetworkInterfaces"]
    ids = [one["GroupId"] for one in nic["Groups"]]
    (group,) = aws.ec2.describe_security_groups(GroupIds=ids)["SecurityGroups"]
    assert group["IpPermissions"] == group["IpPermissionsEgress"] == []


def test_a_call_whose_answer_was_lost_makes_nothing_twice(aws: Sandbox, case: TargetCase) -> None:
    plan, frozen = begin(case)
    calls = (
        "ebs:StartSnapshot", "ebs:CompleteSnapshot", "ec2:CreateVolume", "ec2:CreateSecurityGroup",
        "ec2:RegisterImage", "ec2:RunInstances", "ec2:DetachVolume", "ec2:DeleteVolume",
        "ec2:AttachVolume",
    )  # fmt: skip
    for call in calls:
        aws.faults({"operation": call, "status": 503, "code": "ServiceUnavailable", "apply": True})
    disks = written(case, plan)
    case.cloud.allocate(plan, disks)

    kinds = [one.kind for one in case.cloud.owned(MIGRATION)]
    assert (kinds.count("VM"), kinds.count("disk"), kinds.count("copied disk")) == (1, 2, 3)
    assert frozen.migration == MIGRATION


def test_a_machine_that_was_started_before_it_was_finished_is_not_taken_for_proven(
    aws: Sandbox, case: TargetCase
) -> None:
    plan, _ = begin(case)
    disks = written(case, plan)
    aws.faults({"operation": "ec2:CreateTags", "status": 403, "code": "UnauthorizedOperation"})
    with pytest.raises(Denied):
        case.cloud.allocate(plan, disks)
    (vm,) = [one.id for one in case.cloud.owned(MIGRATION) if one.kind == "VM"]
    aws.ec2.start_instances(InstanceIds=[vm])

    with pytest.raises(Conflict, match="was started before it was finished"):
        case.cloud.allocate(plan, disks)


def test_a_disk_that_was_discarded_is_begun_anew_from_the_same_state(case: TargetCase) -> None:
    plan, frozen = begin(case)
    with case.cloud.open_disk(plan, frozen) as writer:
        first = writer.commit()
    case.cloud.discard_disk(plan, frozen.device)

    with case.cloud.open_disk(plan, frozen) as writer:
        assert writer.identity != first
        assert not writer.sealed


def test_a_disk_that_timed_out_is_begun_anew(aws: Sandbox, case: TargetCase) -> None:
    plan, frozen = begin(case)
    world.current().delays = replace(QUICK, timeout_minute_s=0.0)
    with case.cloud.open_disk(plan, frozen) as writer, pytest.raises(DiskSealed):
        writer.write(0, memoryview(bytes(BLOCK)))
    world.current().delays = QUICK

    with case.cloud.open_disk(plan, frozen) as again:
        assert again.identity != writer.identity
        again.write(0, memoryview(b"x" * BLOCK))
        assert again.commit() == again.identity


def test_a_disk_of_the_new_machine_is_not_begun_anew(case: TargetCase) -> None:
    plan, disks, _ = made(case)
    later = FrozenDisk(MIGRATION, disks[0].device, "another-frozen-state")

    with pytest.raises(Conflict, match="made from"), case.cloud.open_disk(plan, later):
        pass
    with pytest.raises(Conflict, match="made from"):
        case.cloud.discard_disk(plan, disks[0].device)
    assert case.cloud.in_use(plan, disks[0].ref)


def test_what_is_written_behind_the_disk_s_end_is_found(case: TargetCase) -> None:
    plan, frozen = begin(case)
    end = frozen.device.disk.size_bytes
    with case.cloud.open_disk(plan, frozen) as writer:
        writer.write(end, memoryview(b"x" * BLOCK))
        ref = writer.commit()

    with pytest.raises(CorruptCopy, match="behind byte"), case.cloud.open_written(plan, ref):
        pass


def test_a_snapshot_of_somebody_else_is_not_read_back(aws: Sandbox, case: TargetCase) -> None:
    plan, _ = begin(case)
    strange = aws.snapshot({0: b"x" * BLOCK})

    with pytest.raises(Conflict), case.cloud.open_written(plan, strange):
        pass


def test_names_that_are_taken_are_told_before_and_refused(aws: Sandbox, case: TargetCase) -> None:
    plan, _ = begin(case)
    name = f"coldferry {plan.object_name('deny-all')}"
    group = aws.ec2.create_security_group(GroupName=name, Description="d", VpcId=aws.vpc)["GroupId"]
    image = aws.image({}, image_name(plan))

    try:
        found = [one for one in case.cloud.preflight(plan) if one.code == "name-taken"]
        assert sorted(one.subject for one in found) == sorted([name, image_name(plan)])
        disks = written(case, plan)
        with pytest.raises(Conflict, match="did not make"):
            case.cloud.allocate(plan, disks)
        aws.ec2.delete_security_group(GroupId=group)
        with pytest.raises(Conflict, match="did not make"):
            case.cloud.allocate(plan, disks)
    finally:
        aws.ec2.deregister_image(ImageId=image)


@pytest.mark.parametrize(
    ("quotas", "code"),
    [({"L-1216C47A": 1}, "quota-cores"), ({"L-94D7AB7D": 1}, "pending-snapshots")],
)
def test_a_quota_that_is_spent_is_found_before(
    case: TargetCase, quotas: dict[str, float], code: str
) -> None:
    plan, _ = begin(case)
    world.current().settings.quotas = quotas

    assert set(refused(case.cloud.preflight(plan))) == {code}


def test_rights_that_are_lacking_are_named_before(case: TargetCase) -> None:
    plan, _ = begin(case)
    denied = ["ec2:CreateVolume", "ec2:RegisterImage", "ebs:StartSnapshot", "ec2:RunInstances"]
    world.current().settings.denied = denied

    what = refused(case.cloud.preflight(plan))["permissions"]
    assert all(action in what for action in denied)


def test_an_address_that_was_taken_since_is_found_before(aws: Sandbox, case: TargetCase) -> None:
    plan, _ = begin(case)
    nic = aws.ec2.create_network_interface(SubnetId=aws.subnet, PrivateIpAddress="10.20.0.10")
    try:
        assert set(refused(case.cloud.preflight(plan))) == {"address-in-use"}
    finally:
        own = nic["NetworkInterface"]["NetworkInterfaceId"]
        aws.ec2.delete_network_interface(NetworkInterfaceId=own)


def test_what_a_person_put_at_the_machine_is_told_and_stays(aws: Sandbox, case: TargetCase) -> None:
    _, _, vm = made(case)
    zone = row(aws, vm)["Placement"]["AvailabilityZone"]
    own = aws.ec2.create_volume(AvailabilityZone=zone, Size=1)["VolumeId"]
    aws.ec2.attach_volume(VolumeId=own, InstanceId=vm, Device="/dev/sdz")

    (found,) = case.cloud.at_stake(MIGRATION, arrived=True)
    assert (found.severity, found.code, found.subject) == ("warn", FOREIGN, own)
    mapping = {"DeviceName": "/dev/sdz", "Ebs": {"DeleteOnTermination": True}}
    aws.ec2.modify_instance_attribute(InstanceId=vm, BlockDeviceMappings=[mapping])
    assert set(refused(case.cloud.at_stake(MIGRATION, arrived=True))) == {FOREIGN}
    with pytest.raises(Conflict, match=own):
        case.cloud.discard(MIGRATION)

    mapping["Ebs"] = {"DeleteOnTermination": False}
    aws.ec2.modify_instance_attribute(InstanceId=vm, BlockDeviceMappings=[mapping])
    case.cloud.discard(MIGRATION)
    assert aws.ec2.describe_volumes(VolumeIds=[own])["Volumes"]
    aws.ec2.delete_volume(VolumeId=own)


def test_a_volume_that_was_taken_off_counts_as_used(aws: Sandbox, case: TargetCase) -> None:
    _, _, vm = made(case)
    volume = row(aws, vm)["BlockDeviceMappings"][1]["Ebs"]["VolumeId"]
    aws.ec2.detach_volume(VolumeId=volume)

    found = case.cloud.at_stake(MIGRATION, arrived=True)
    assert [(one.code, one.subject) for one in found] == [("used", volume)]


def test_a_machine_that_is_protected_is_told_before_it_is_discarded(
    aws: Sandbox, case: TargetCase
) -> None:
    _, _, vm = made(case)
    aws.ec2.modify_instance_attribute(InstanceId=vm, DisableApiTermination={"Value": True})

    assert set(refused(case.cloud.at_stake(MIGRATION, arrived=True))) == {"protected"}

    aws.ec2.modify_instance_attribute(InstanceId=vm, DisableApiTermination={"Value": False})


def test_disks_of_a_machine_that_is_gone_are_made_no_other_machine_of(
    aws: Sandbox, case: TargetCase
) -> None:
    plan, disks, vm = made(case)
    for place in row(aws, vm)["BlockDeviceMappings"]:
        mapping = {"DeviceName": place["DeviceName"], "Ebs": {"DeleteOnTermination": False}}
        aws.ec2.modify_instance_attribute(InstanceId=vm, BlockDeviceMappings=[mapping])
    aws.ec2.terminate_instances(InstanceIds=[vm])

    with pytest.raises(Conflict, match="what it wrote"):
        case.cloud.allocate(plan, disks)
    assert {one.code for one in case.cloud.at_stake(MIGRATION, arrived=True)} == {"used"}

    case.cloud.discard(MIGRATION)
    again = case.cloud.allocate(plan, written(case, plan))
    assert again != vm
    assert case.cloud.power(again) is PowerState.STOPPED
    assert case.cloud.compare(plan, again) == []


def test_a_backup_with_the_volume_s_tags_is_no_part_of_the_migration(
    aws: Sandbox, case: TargetCase
) -> None:
    _, _, vm = made(case)
    volume = row(aws, vm)["BlockDeviceMappings"][0]["Ebs"]["VolumeId"]
    (found,) = aws.ec2.describe_volumes(VolumeIds=[volume])["Volumes"]
    tags = [{"ResourceType": "snapshot", "Tags": found["Tags"]}]
    assert MIGRATION_TAG in [tag["Key"] for tag in found["Tags"]]
    assert FROM_TAG not in [tag["Key"] for tag in found["Tags"]]
    backup = aws.ec2.create_snapshot(VolumeId=volume, TagSpecifications=tags)["SnapshotId"]

    case.cloud.discard(MIGRATION)

    assert [(one.kind, one.id) for one in case.cloud.owned(MIGRATION)] == [(FROZEN, backup)]
    aws.ec2.delete_snapshot(SnapshotId=backup)


def test_the_primary_interface_is_ec2_s_first(aws: Sandbox, case: TargetCase) -> None:
    machine = a_machine()
    nics = (
        a_nic().model_copy(update={"primary": False}),
        a_nic(1).model_copy(update={"primary": True}),
    )
    case.answers |= {"nics[1].subnet_id": aws.subnet, "nics[1].private_address": "10.20.0.11"}
    plan, _ = begin(case, machine.model_copy(update={"nics": nics}))
    vm = case.cloud.allocate(plan, written(case, plan))

    found = sorted(
        row(aws, vm)["NetworkInterfaces"], key=lambda one: one["Attachment"]["DeviceIndex"]
    )
    assert [one["PrivateIpAddress"] for one in found] == ["10.20.0.11", "10.20.0.10"]
    assert case.cloud.compare(plan, vm) == []


def test_a_resumed_disk_is_committed_with_all_that_was_put(case: TargetCase) -> None:
    plan, frozen = begin(case)
    with case.cloud.open_disk(plan, frozen) as writer:
        writer.write(0, memoryview(b"a" * BLOCK))
    with case.cloud.open_disk(plan, frozen) as writer:
        go_on(writer, b"a" * BLOCK)
        assert writer.commit() == writer.identity
