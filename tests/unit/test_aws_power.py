"""Starting, stopping and restarting an EC2 instance."""

import time
from collections.abc import Iterator

import pytest

from coldferry.errors import UnknownMachine, WillNotStop
from coldferry.ports import PowerState
from sandbox.aws.world import Delays
from tests.unit.aws_world import Sandbox, sandbox

ABSENT = "i-0123456789abcdef0"


@pytest.fixture(scope="module")
def aws() -> Iterator[Sandbox]:
    with sandbox(Delays(stop_s=0.3, start_s=0.2, snapshot_s=0.1, complete_s=0.02)) as here:
        yield here


@pytest.fixture
def vm(aws: Sandbox) -> Iterator[str]:
    one = aws.launch()
    aws.server.faults.reset_counts()
    yield one
    aws.server.faults.clear()


def test_a_stop_ends_when_ec2_said_so_twice(aws: Sandbox, vm: str) -> None:
    """The order is given once, and the last two reads both said stopped."""
    aws.cloud().stop(vm)
    assert aws.state(vm) == "stopped"
    assert aws.calls("ec2:StopInstances") == 1
    assert aws.calls("ec2:DescribeInstances") >= 4


def test_stopping_a_stopped_machine_orders_nothing(aws: Sandbox, vm: str) -> None:
    """Idempotent, also with no time to wait; it is read twice all the same."""
    cloud = aws.cloud()
    cloud.stop(vm)
    aws.server.faults.reset_counts()
    cloud.stop(vm, timeout_s=0)
    assert aws.calls("ec2:StopInstances") == 0
    assert aws.calls("ec2:DescribeInstances") == 2


def test_a_stop_without_time_is_ordered_and_can_be_resumed(aws: Sandbox, vm: str) -> None:
    """The error tells the state; the same call again goes on."""
    cloud = aws.cloud()
    with pytest.raises(WillNotStop, match="not stopped, after 0 s") as caught:
        cloud.stop(vm, timeout_s=0)
    assert caught.value.resumable
    assert aws.calls("ec2:StopInstances") == 1
    cloud.stop(vm)
    assert aws.calls("ec2:StopInstances") == 1, "it was stopping already"


def test_a_deadline_ends_the_wait(aws: Sandbox, vm: str) -> None:
    """It does not wait longer than it was allowed to."""
    begun_s = time.monotonic()
    with pytest.raises(WillNotStop):
        aws.cloud().stop(vm, timeout_s=0.1)
    assert time.monotonic() - begun_s < 2


def test_stop_protection_says_how_to_lift_it(aws: Sandbox, vm: str) -> None:
    """It is a refusal, asked once, and the machine runs on."""
    aws.ec2.modify_instance_attribute(InstanceId=vm, DisableApiStop={"Value": True})
    with pytest.raises(WillNotStop, match="no-disable-api-stop"):
        aws.cloud().stop(vm)
    assert aws.calls("ec2:StopInstances") == 1
    assert aws.state(vm) == "running"


def test_an_instance_store_root_cannot_be_stopped(aws: Sandbox) -> None:
    """No retry will help."""
    ami = aws.image({}, "store", ImageLocation="bucket/image.manifest.xml", BlockDeviceMappings=[])
    with pytest.raises(WillNotStop) as caught:
        aws.cloud().stop(aws.launch(ImageId=ami))
    assert not caught.value.resumable


def test_a_forced_stop_is_asked_for_by_its_flag(aws: Sandbox, vm: str) -> None:
    """The first busy request that says Force is the one that gets the fault."""
    aws.faults({"operation": "ec2:StopInstances", "contains": "Force=true", "times": 1})
    aws.cloud().stop(vm, force=True)
    assert aws.server.faults.counts()["ec2:StopInstances"]["faulted"] == 1


def test_a_machine_that_is_starting_is_stopped_once_it_runs(aws: Sandbox) -> None:
    """EC2 refuses to stop a pending machine, so it is waited for."""
    answer = aws.ec2.run_instances(
        ImageId=aws.ami, InstanceType="t3.small", MinCount=1, MaxCount=1, SubnetId=aws.subnet
    )
    vm = answer["Instances"][0]["InstanceId"]
    aws.cloud().stop(vm)
    assert aws.state(vm) == "stopped"


def test_a_start_ends_when_it_runs(aws: Sandbox, vm: str) -> None:
    """Also right after a stop was ordered; starting it again changes nothing."""
    cloud = aws.cloud()
    with pytest.raises(WillNotStop):
        cloud.stop(vm, timeout_s=0)
    cloud.start(vm)
    assert cloud.power(vm) is PowerState.RUNNING
    cloud.start(vm)
    assert aws.calls("ec2:StartInstances") == 1


def test_a_reboot_is_one_order(aws: Sandbox, vm: str) -> None:
    """It returns once EC2 took it."""
    aws.cloud().reboot(vm)
    assert aws.calls("ec2:RebootInstances") == 1
    assert aws.state(vm) == "running"


def test_a_terminated_machine_is_gone(aws: Sandbox, vm: str) -> None:
    """Its state can still be read; nothing can be done with it."""
    aws.ec2.terminate_instances(InstanceIds=[vm])
    cloud = aws.cloud()
    assert cloud.power(vm) is PowerState.GONE
    for verb in (cloud.start, cloud.stop, cloud.reboot):
        with pytest.raises(UnknownMachine):
            verb(vm)


def test_an_absent_machine_is_unknown_to_every_verb(aws: Sandbox) -> None:
    """The same error, whatever was asked."""
    cloud = aws.cloud()
    for verb in (cloud.power, cloud.start, cloud.stop, cloud.reboot, cloud.marks):
        with pytest.raises(UnknownMachine, match=ABSENT):
            verb(ABSENT)
