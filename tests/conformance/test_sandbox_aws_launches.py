"""What the AWS double refuses of making, changing and taking apart a machine, as EC2 does."""

from collections.abc import Iterator
from typing import Any

import pytest

from sandbox.aws import world
from tests.conformance.test_sandbox_aws_refuses import refused
from tests.unit.aws_world import FEW_TYPES, Sandbox, sandbox

TAG = [{"Key": "a", "Value": "b"}]


@pytest.fixture(scope="module")
def aws() -> Iterator[Sandbox]:
    with sandbox(types=FEW_TYPES) as here:
        yield here


@pytest.fixture(scope="module")
def other(aws: Sandbox) -> dict[str, str]:
    """Another network: its id, a subnet and a group of it."""
    vpc = aws.ec2.create_vpc(CidrBlock="10.30.0.0/16")["Vpc"]["VpcId"]
    subnet = aws.ec2.create_subnet(VpcId=vpc, CidrBlock="10.30.0.0/24")["Subnet"]["SubnetId"]
    return {"vpc": vpc, "subnet": subnet, "group": group(aws, "elsewhere", vpc)}


def group(aws: Sandbox, name: str, vpc: str) -> str:
    made = aws.ec2.create_security_group(GroupName=name, Description="d", VpcId=vpc)
    return str(made["GroupId"])


def launching(aws: Sandbox, **more: Any) -> dict[str, Any]:
    usual = {"ImageId": aws.ami, "InstanceType": "t3.small", "MinCount": 1, "MaxCount": 1}
    place = {} if "NetworkInterfaces" in more else {"SubnetId": aws.subnet}
    return usual | place | more


def nic(aws: Sandbox, index: int = 0, **more: Any) -> dict[str, Any]:
    return {"DeviceIndex": index, "SubnetId": aws.subnet} | more


def test_a_launch_tags_only_what_it_makes_and_each_kind_once(aws: Sandbox) -> None:
    for kinds in (["image"], ["security-group"], ["volume", "volume"]):
        rows = [{"ResourceType": kind, "Tags": TAG} for kind in kinds]
        wanted = launching(aws, TagSpecifications=rows)
        refused("InvalidParameterValue", "", 400, aws.ec2.run_instances, **wanted)


def test_tags_of_a_launch_are_on_all_that_it_makes(aws: Sandbox) -> None:
    kinds = ("instance", "volume", "network-interface")
    vm = aws.launch(TagSpecifications=[{"ResourceType": kind, "Tags": TAG} for kind in kinds])

    ours = [{"Name": "attachment.instance-id", "Values": [vm]}, {"Name": "tag:a", "Values": ["b"]}]
    assert len(aws.ec2.describe_volumes(Filters=ours)["Volumes"]) == 1
    assert len(aws.ec2.describe_network_interfaces(Filters=ours)["NetworkInterfaces"]) == 1


def test_a_client_token_of_a_terminated_machine_launches_nothing(aws: Sandbox) -> None:
    wanted = launching(aws, ClientToken="once")
    vm = aws.ec2.run_instances(**wanted)["Instances"][0]["InstanceId"]
    assert aws.ec2.run_instances(**wanted)["Instances"][0]["InstanceId"] == vm
    other_type = {**wanted, "InstanceType": "m5.large"}
    refused("IdempotentParameterMismatch", "", 400, aws.ec2.run_instances, **other_type)
    aws.ec2.terminate_instances(InstanceIds=[vm])

    refused("IdempotentInstanceTerminated", "", 400, aws.ec2.run_instances, **wanted)


def test_an_interface_has_groups_of_its_own_network(aws: Sandbox, other: dict[str, str]) -> None:
    wanted = launching(aws, NetworkInterfaces=[nic(aws, Groups=[other["group"]])])
    refused("InvalidParameter", "", 400, aws.ec2.run_instances, **wanted)
    absent = launching(aws, NetworkInterfaces=[nic(aws, Groups=["sg-00000000000000000"])])
    refused("InvalidGroup.NotFound", "", 400, aws.ec2.run_instances, **absent)
    made = aws.ec2.create_network_interface(SubnetId=aws.subnet)["NetworkInterface"]
    changed = {"NetworkInterfaceId": made["NetworkInterfaceId"], "Groups": [other["group"]]}
    refused("InvalidParameter", "", 400, aws.ec2.modify_network_interface_attribute, **changed)


def test_interfaces_of_a_launch_are_in_one_network(aws: Sandbox, other: dict[str, str]) -> None:
    zone = aws.ec2.describe_subnets(SubnetIds=[aws.subnet])["Subnets"][0]["AvailabilityZone"]
    there = aws.ec2.create_subnet(
        VpcId=other["vpc"], CidrBlock="10.30.1.0/24", AvailabilityZone=zone
    )["Subnet"]["SubnetId"]
    wanted = launching(aws, NetworkInterfaces=[nic(aws), nic(aws, 1, SubnetId=there)])

    refused("InvalidParameterCombination", "", 400, aws.ec2.run_instances, **wanted)


def test_an_address_of_a_launch_is_free_and_of_its_subnet(aws: Sandbox) -> None:
    aws.ec2.create_network_interface(SubnetId=aws.subnet, PrivateIpAddress="10.20.0.99")
    for address, code in (
        ("10.20.0.99", "InvalidIPAddress.InUse"),
        ("10.20.0.3", "InvalidParameterValue"),
        ("10.99.0.9", "InvalidParameterValue"),
    ):
        wanted = launching(aws, NetworkInterfaces=[nic(aws, PrivateIpAddress=address)])
        refused(code, "", 400, aws.ec2.run_instances, **wanted)


def test_a_launch_beyond_the_quota_of_vcpus_is_refused(aws: Sandbox) -> None:
    world.current().settings.quotas = {"L-1216C47A": 1}
    try:
        refused("VcpuLimitExceeded", "", 400, aws.ec2.run_instances, **launching(aws))
    finally:
        world.current().settings.quotas = {}


def test_a_group_is_not_deleted_while_an_interface_is_behind_it(aws: Sandbox) -> None:
    ours = group(aws, "held", aws.vpc)
    made = aws.ec2.create_network_interface(SubnetId=aws.subnet, Groups=[ours])
    refused("DependencyViolation", "", 400, aws.ec2.delete_security_group, GroupId=ours)

    own = made["NetworkInterface"]["NetworkInterfaceId"]
    aws.ec2.delete_network_interface(NetworkInterfaceId=own)
    aws.ec2.delete_security_group(GroupId=ours)


def test_a_network_s_default_group_stays(aws: Sandbox) -> None:
    filters = [{"Name": "vpc-id", "Values": [aws.vpc]}]
    rows = aws.ec2.describe_security_groups(Filters=filters)["SecurityGroups"]
    (usual,) = [row["GroupId"] for row in rows if row["GroupName"] == "default"]

    refused("CannotDelete", "", 400, aws.ec2.delete_security_group, GroupId=usual)


@pytest.mark.parametrize("name", ["sg-mine", "straße", "x" * 256])
def test_a_group_has_a_name_that_ec2_takes(aws: Sandbox, name: str) -> None:
    wanted = {"GroupName": name, "Description": "d", "VpcId": aws.vpc}

    refused("InvalidParameterValue", "", 400, aws.ec2.create_security_group, **wanted)


def test_a_name_of_a_group_is_given_once_in_a_network(aws: Sandbox, other: dict[str, str]) -> None:
    group(aws, "twice", aws.vpc)
    group(aws, "twice", other["vpc"])
    wanted = {"GroupName": "twice", "Description": "d", "VpcId": aws.vpc}

    refused("InvalidGroup.Duplicate", "", 400, aws.ec2.create_security_group, **wanted)


def test_a_root_volume_leaves_a_stopped_machine_only(aws: Sandbox) -> None:
    vm = aws.launch()
    row = aws.ec2.describe_instances(InstanceIds=[vm])["Reservations"][0]["Instances"][0]
    root = row["BlockDeviceMappings"][0]["Ebs"]["VolumeId"]
    refused("OperationNotPermitted", "", 400, aws.ec2.detach_volume, VolumeId=root)

    aws.cloud().stop(vm)
    aws.ec2.detach_volume(VolumeId=root)
    zone = row["Placement"]["AvailabilityZone"]
    fresh = aws.ec2.create_volume(AvailabilityZone=zone, Size=1)["VolumeId"]
    aws.ec2.attach_volume(VolumeId=fresh, InstanceId=vm, Device=row["RootDeviceName"])
    again = aws.ec2.describe_instances(InstanceIds=[vm])["Reservations"][0]["Instances"][0]
    assert [one["Ebs"]["VolumeId"] for one in again["BlockDeviceMappings"]] == [fresh]


def test_a_small_region_offers_and_lists_what_it_is_told(aws: Sandbox) -> None:
    types = aws.ec2.describe_instance_types()["InstanceTypes"]

    assert sorted(one["InstanceType"] for one in types) == sorted(FEW_TYPES)
