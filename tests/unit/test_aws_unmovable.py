"""What stands against moving an EC2 instance."""

import time
from collections.abc import Iterator
from dataclasses import replace

import pytest

from coldferry.errors import Finding
from providers.aws.describe import machine_of
from providers.aws.inventory import Inventory, read_inventory
from providers.aws.unmovable import findings_of
from tests.unit.aws_world import Sandbox, sandbox


@pytest.fixture(scope="module")
def aws() -> Iterator[Sandbox]:
    with sandbox() as here:
        yield here


def judged(aws: Sandbox, inventory: Inventory) -> list[Finding]:
    """The findings of answers that the sandbox does not give."""
    return findings_of(aws.clients(), inventory, machine_of(inventory, "1/eu-west-1"))


def found(aws: Sandbox, vm: str) -> dict[str, str]:
    """Severity by code; each finding is a sentence and a refusal says what to do."""
    findings = aws.cloud().unmovable(vm)
    for finding in findings:
        assert finding.what.endswith(".")
        assert finding.do or finding.code == "no-disk"
        assert finding.subject
    return {finding.code: finding.severity for finding in findings}


def test_an_ordinary_machine_has_nothing_against_it(aws: Sandbox) -> None:
    """Neither running nor stopped."""
    vm = aws.launch()
    assert found(aws, vm) == {}
    aws.cloud().stop(vm)
    assert found(aws, vm) == {}


def test_a_spot_instance_is_refused(aws: Sandbox) -> None:
    """EC2 may end it at any time."""
    vm = aws.launch(InstanceMarketOptions={"MarketType": "spot"})
    assert found(aws, vm) == {"spot": "refuse"}


def test_a_hibernated_machine_is_refused_until_it_ran_again(aws: Sandbox) -> None:
    """Its disks hold a paused system."""
    vm = aws.launch(HibernationOptions={"Configured": True})
    aws.ec2.stop_instances(InstanceIds=[vm], Hibernate=True)
    while aws.state(vm) != "stopped":
        time.sleep(0.02)
    assert found(aws, vm) == {"hibernated": "refuse"}
    aws.cloud().start(vm)
    assert found(aws, vm) == {"hibernation-configured": "inform"}


def test_a_member_of_a_scaling_group_is_refused(aws: Sandbox) -> None:
    """The group would replace it when it stops."""
    scaling = aws.client("autoscaling")
    scaling.create_launch_configuration(
        LaunchConfigurationName="web", ImageId=aws.ami, InstanceType="t3.small"
    )
    scaling.create_auto_scaling_group(
        AutoScalingGroupName="fleet", LaunchConfigurationName="web",
        MinSize=1, MaxSize=1, VPCZoneIdentifier=aws.subnet,
    )  # fmt: skip
    group = scaling.describe_auto_scaling_groups()["AutoScalingGroups"][0]
    vm = group["Instances"][0]["InstanceId"]
    assert found(aws, vm)["in-scaling-group"] == "refuse"


def test_a_machine_without_disks_is_refused(aws: Sandbox) -> None:
    """One sentence is all there is to say."""
    vm = aws.launch()
    cloud = aws.cloud()
    cloud.stop(vm)
    aws.ec2.detach_volume(VolumeId=cloud.describe(vm).disks[0].id, InstanceId=vm)
    assert found(aws, vm) == {"no-disk": "refuse"}


def test_an_instance_store_root_is_warned_of(aws: Sandbox) -> None:
    """It is no machine without a disk, but EC2 cannot stop it."""
    ami = aws.image({}, "store", ImageLocation="bucket/image.manifest.xml", BlockDeviceMappings=[])
    assert found(aws, aws.launch(ImageId=ami)) == {"root-not-persistent": "warn"}


def test_a_disk_that_can_be_shared_is_warned_of(aws: Sandbox) -> None:
    """As long as no other machine holds it."""
    one = aws.launch()
    disk = aws.ec2.create_volume(
        AvailabilityZone=aws.cloud().describe(one).zone,
        Size=4, VolumeType="io2", Iops=100, MultiAttachEnabled=True,
    )["VolumeId"]  # fmt: skip
    aws.ec2.attach_volume(VolumeId=disk, InstanceId=one, Device="/dev/sdf")
    assert aws.cloud().describe(one).disks[1].shared
    assert found(aws, one) == {"multi-attach": "warn"}


def test_a_disk_that_others_hold_is_refused(aws: Sandbox) -> None:
    """The other machine is named."""
    inventory = read_inventory(aws.clients(), aws.launch())
    (volume,) = inventory.volumes
    volume["Attachments"].append({"InstanceId": "i-other", "Device": "/dev/sdf"})
    (finding,) = judged(aws, inventory)
    assert (finding.severity, finding.code) == ("refuse", "shared-disk")
    assert "i-other" in finding.what


def test_a_disk_on_an_outpost_is_refused(aws: Sandbox) -> None:
    """Its snapshots cannot be read by EBS direct."""
    inventory = read_inventory(aws.clients(), aws.launch())
    inventory.volumes[0]["OutpostArn"] = "arn:aws:outposts:eu-west-1:1:outpost/op-1"
    assert [one.code for one in judged(aws, inventory)] == ["outpost-disk"]


def test_dedicated_hardware_is_warned_of(aws: Sandbox) -> None:
    """Its licences may ask for the same at the target."""
    inventory = read_inventory(aws.clients(), aws.launch())
    inventory.instance["Placement"]["Tenancy"] = "host"
    assert [(one.severity, one.code) for one in judged(aws, inventory)] == [("warn", "dedicated")]


def test_rules_that_cannot_be_seen_are_warned_of(aws: Sandbox) -> None:
    """A security group of the account that shares its network with ours."""
    inventory = replace(read_inventory(aws.clients(), aws.launch()), groups={})
    assert [one.code for one in judged(aws, inventory)] == ["security-group-unseen"]


def test_what_a_stop_loses_is_warned_of(aws: Sandbox) -> None:
    """The content of instance store disks and an automatic public address."""
    nic = {"DeviceIndex": 0, "SubnetId": aws.subnet, "AssociatePublicIpAddress": True}
    vm = aws.launch(InstanceType="m5d.large", NetworkInterfaces=[nic])
    assert found(aws, vm) == {"instance-store-lost": "warn", "public-address-lost": "warn"}


def test_all_findings_come_at_once_refusals_first(aws: Sandbox) -> None:
    """Nobody should have to mend and ask, mend and ask."""
    vm = aws.launch(InstanceType="m5d.large", InstanceMarketOptions={"MarketType": "spot"})
    severities = [finding.severity for finding in aws.cloud().unmovable(vm)]
    assert severities == ["refuse", "warn"]


def test_auto_scaling_that_may_not_be_asked_is_no_obstacle(aws: Sandbox) -> None:
    """The tag that EC2 sets on members says the same."""
    vm = aws.launch()
    aws.faults({"operation": "autoscaling:*", "status": 403, "code": "AccessDenied"})
    assert found(aws, vm) == {}


@pytest.mark.parametrize(
    "key",
    ["Schedule", "maid_offhours", "scheduler:ec2-startstop", "AutoStart", "cloudaware:scheduler"],
)
def test_a_tag_by_which_a_scheduler_would_start_it_again_is_warned_of(
    aws: Sandbox, key: str
) -> None:
    """A source that is started amid its copy is copied anew."""
    vm = aws.launch(tags={key: "office-hours"})
    assert found(aws, vm) == {"scheduled": "warn"}


@pytest.mark.parametrize("key", ["Name", "scheduled-by", "reschedule", "autostarted", "team"])
def test_a_tag_that_only_sounds_like_a_schedule_is_none(aws: Sandbox, key: str) -> None:
    """A warning that is mostly wrong is not read."""
    assert found(aws, aws.launch(tags={key: "x"})) == {}


def test_a_machine_that_can_hibernate_is_told_that_it_is_shut_down(aws: Sandbox) -> None:
    """What is only in its memory is lost."""
    vm = aws.launch(HibernationOptions={"Configured": True})
    assert found(aws, vm) == {"hibernation-configured": "inform"}


def test_addresses_that_stay_with_the_halted_machine_are_told(aws: Sandbox) -> None:
    """An Elastic IP goes on costing; a secondary address is not free for others."""
    nic = {"DeviceIndex": 0, "SubnetId": aws.subnet, "SecondaryPrivateIpAddressCount": 1}
    vm = aws.launch(NetworkInterfaces=[nic])
    kept = aws.ec2.allocate_address(Domain="vpc")["AllocationId"]
    aws.ec2.associate_address(InstanceId=vm, AllocationId=kept)
    assert found(aws, vm)["elastic-address-stays"] == "inform"
