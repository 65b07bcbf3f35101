"""A copy of a real guest's machine at the AWS double, started by QEMU and listened to."""

import time
from collections.abc import Iterator
from typing import Any

import botocore.exceptions
import pytest

from coldferry.boot_check import Outcome, trial_of, try_boot
from coldferry.errors import Conflict, Denied, Refused
from coldferry.ports import PowerState
from providers.aws.target_tags import MIGRATION_TAG
from sandbox.hypervisor import lacking
from tests.conformance.cases import MIGRATION, TargetCase, begin, written
from tests.conformance.laws_trying import TrialLaws, brought
from tests.conformance.worlds import a_machine
from tests.debian import give_up, install
from tests.guest import build, build_data
from tests.guest.inspecting import machine_of
from tests.unit.aws_world import FEW_TYPES, Sandbox, sandbox

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1200)]

XEN = "m4.large"


@pytest.fixture(scope="module")
def aws() -> Iterator[Sandbox]:
    with sandbox(types=(*FEW_TYPES, XEN)) as here:
        yield here


@pytest.fixture
def case(aws: Sandbox) -> Iterator[TargetCase]:
    cloud = aws.cloud()
    answers = {
        "dns.servers": "acknowledge", "nics[0].subnet_id": aws.subnet,
        "nics[0].private_address": "10.20.0.10", "disks[0].kind": "gp3", "disks[1].kind": "gp3",
    }  # fmt: skip
    yield TargetCase(cloud, answers, lambda *_: b"")
    aws.server.faults.clear()
    cloud.end_trial(MIGRATION)
    cloud.discard(MIGRATION)
    assert cloud.owned() == []


def row(aws: Sandbox, vm: str) -> Any:
    return aws.ec2.describe_instances(InstanceIds=[vm])["Reservations"][0]["Instances"][0]


class TestTrials(TrialLaws):
    """Of disks that hold no system."""


@pytest.mark.parametrize(
    ("plant", "firmware", "outcome"),
    [
        ((), "uefi", Outcome.BOOTED),
        (("boot-sector-zeroed",), "bios", Outcome.NO_BOOT_LOADER),
    ],
)
def test_what_became_of_the_copy_is_told_and_nothing_else_happens(case, plant, firmware, outcome):
    if lacking(firmware):
        install(*lacking(firmware))
    if lacking(firmware):
        give_up("a guest cannot be started without QEMU")
    images = build(plant=plant), build_data()
    plan, vm = brought(case, machine_of(*images, firmware=firmware), *images)
    before = case.cloud.owned()
    boot = try_boot(case.cloud, plan, 600)

    assert boot.outcome is outcome, boot
    assert case.cloud.owned() == before
    assert case.cloud.power(vm) is PowerState.STOPPED
    assert case.cloud.at_stake(MIGRATION, arrived=True) == []


def test_the_copy_is_of_the_proven_snapshots_and_behind_deny_all(aws, case):
    plan, _ = begin(case)
    disks = written(case, plan)
    vm = case.cloud.allocate(plan, disks)
    trial = row(aws, case.cloud.start_trial(plan))
    ids = [one["Ebs"]["VolumeId"] for one in trial["BlockDeviceMappings"]]
    volumes = aws.ec2.describe_volumes(VolumeIds=ids)["Volumes"]
    (nic,) = trial["NetworkInterfaces"]
    (own,) = row(aws, vm)["NetworkInterfaces"]
    groups = [one["GroupId"] for one in nic["Groups"]]
    (group,) = aws.ec2.describe_security_groups(GroupIds=groups)["SecurityGroups"]

    assert sorted(one["SnapshotId"] for one in volumes) == sorted(disk.ref for disk in disks)
    assert all(one["Ebs"]["DeleteOnTermination"] for one in trial["BlockDeviceMappings"])
    assert trial["InstanceType"] == row(aws, vm)["InstanceType"]
    assert trial["RootDeviceName"] == row(aws, vm)["RootDeviceName"]
    assert "IamInstanceProfile" not in trial and "PublicIpAddress" not in trial
    assert nic["SubnetId"] == own["SubnetId"]
    assert nic["PrivateIpAddress"] != own["PrivateIpAddress"] == "10.20.0.10"
    assert group["IpPermissions"] == group["IpPermissionsEgress"] == []
    for one in (trial, *volumes, group):
        tags = {tag["Key"]: tag["Value"] for tag in one["Tags"]}
        assert tags[MIGRATION_TAG] == trial_of(MIGRATION)


@pytest.mark.parametrize("refused", ["ec2:GetConsoleOutput", "ec2:RunInstances"])
def test_one_that_is_refused_on_the_way_leaves_nothing(aws, case, refused):
    plan, _ = begin(case)
    vm = case.cloud.allocate(plan, written(case, plan))
    before = case.cloud.owned()
    aws.faults({"operation": refused, "status": 403, "code": "UnauthorizedOperation"})
    with pytest.raises(Denied, match=refused):
        try_boot(case.cloud, plan, 5)

    assert case.cloud.owned() == before
    assert case.cloud.power(vm) is PowerState.STOPPED


def test_a_machine_that_was_used_since_its_proof_is_not_tried(case):
    plan, _ = begin(case)
    vm = case.cloud.allocate(plan, written(case, plan))
    case.cloud.start(vm)
    case.cloud.stop(vm)

    with pytest.raises(Conflict, match="was started"):
        case.cloud.start_trial(plan)
    assert case.cloud.owned(trial_of(MIGRATION)) == []


def test_of_a_type_whose_console_is_not_shown_nothing_is_started(aws, case):
    case.answers |= {"instance_type": XEN}
    plan, _ = begin(case, a_machine().model_copy(update={"firmware": "bios"}))
    case.cloud.allocate(plan, written(case, plan))

    with pytest.raises(Refused, match=XEN):
        case.cloud.start_trial(plan)
    assert case.cloud.owned(trial_of(MIGRATION)) == []


class TestConsoleOfTheDouble:
    """What it refuses, and that it is what QEMU printed."""

    def test_the_latest_is_refused_of_a_type_without_nitro(self, aws):
        image = aws.image({}, "xen", BootMode="legacy-bios")
        vm = aws.launch(ImageId=image, InstanceType=XEN)

        with pytest.raises(botocore.exceptions.ClientError) as refusal:
            aws.ec2.get_console_output(InstanceId=vm, Latest=True)
        assert refusal.value.response["Error"]["Code"] == "UnsupportedOperation"
        assert "Output" not in aws.ec2.get_console_output(InstanceId=vm)
        aws.ec2.terminate_instances(InstanceIds=[vm])

    def test_what_was_said_stays_once_it_is_off_and_a_new_start_begins_anew(self, aws):
        if lacking("bios"):
            give_up("a console needs QEMU")
        vm = aws.launch(ImageId=aws.image({}, "empty", BootMode="legacy-bios"))
        said = until_it_says(aws, vm, "No bootable device")
        aws.cloud().stop(vm)

        assert "SeaBIOS" in said
        assert "No bootable device" in aws.ec2.get_console_output(InstanceId=vm)["Output"]
        aws.cloud().start(vm)
        assert "No bootable" not in str(aws.ec2.get_console_output(InstanceId=vm, Latest=True))
        aws.ec2.terminate_instances(InstanceIds=[vm])


def until_it_says(aws: Sandbox, vm: str, words: str) -> str:
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline:
        said = aws.ec2.get_console_output(InstanceId=vm, Latest=True).get("Output", "")
        if words in said:
            return str(said)
        time.sleep(0.5)
    raise AssertionError(f"{vm} does not say {words}")
