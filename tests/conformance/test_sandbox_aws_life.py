"""Machines of the AWS double: stop, start, protection and groups as on EC2."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from botocore.exceptions import ClientError

from sandbox.aws import seed
from sandbox.aws.server import AwsServer
from sandbox.aws.world import Delays

REGION, ZONE = "eu-west-1", "eu-west-1a"
DELAYS = Delays(stop_s=0.4, start_s=0.2, snapshot_s=0.3, complete_s=0.1)


class Cloud:
    """Clients of one server, and a small disk and AMI to launch from."""

    def __init__(self, server: AwsServer) -> None:
        def client(service: str) -> Any:
            return seed.client(
                *(service, server.endpoint_url, "AKIASANDBOX000000001", "sandbox", REGION),
                retries={"total_max_attempts": 1},
            )

        self.client = client
        self.ec2, self.ebs = client("ec2"), client("ebs")
        self.disk = seed.write_disk_snapshot(self.ebs, self.ec2, 1, {0: bytes(524_288)}, {})
        self.ami = self.image("plain")

    def image(self, name: str, **more: Any) -> str:
        """Register an AMI of the disk."""
        return seed.register_disk_image(self.ec2, name, self.disk, **more)

    def run(self, **more: Any) -> str:
        """Launch one running instance."""
        wanted = {"ImageId": self.ami, "InstanceType": "m5.large", "MinCount": 1, "MaxCount": 1}
        answer = self.ec2.run_instances(**{**wanted, **more})
        instance_id = str(answer["Instances"][0]["InstanceId"])
        self.wait(instance_id, "running")
        return instance_id

    def see(self, instance_id: str) -> Any:
        """DescribeInstances of one."""
        return seed.see(self.ec2, instance_id)

    def wait(self, instance_id: str, state: str) -> Any:
        """Wait for a state; answer the instance."""
        return seed.wait_state(self.ec2, instance_id, state)


@pytest.fixture(scope="module")
def cloud() -> Iterator[Cloud]:
    """One server with short delays."""
    server = AwsServer("AKIASANDBOX000000001", "sandbox", DELAYS)
    server.start()
    yield Cloud(server)
    server.stop()


def refused(code: str, call: Any, *args: Any, **kwargs: Any) -> None:
    """Assert that the call is refused with this code."""
    with pytest.raises(ClientError) as caught:
        call(*args, **kwargs)
    assert caught.value.response["Error"]["Code"] == code


def test_stopping_takes_a_while_and_loses_the_public_address(cloud: Cloud) -> None:
    """running, stopping, stopped; the automatic address goes and a fresh one comes."""
    instance_id = cloud.run()
    before = cloud.see(instance_id)
    answer = cloud.ec2.stop_instances(InstanceIds=[instance_id])["StoppingInstances"][0]
    assert (answer["PreviousState"]["Name"], answer["CurrentState"]["Name"]) == (
        "running",
        "stopping",
    )
    assert cloud.see(instance_id)["State"]["Name"] == "stopping"
    refused("IncorrectInstanceState", cloud.ec2.start_instances, InstanceIds=[instance_id])
    seen = cloud.wait(instance_id, "stopped")
    assert "PublicIpAddress" not in seen and before["PublicIpAddress"]
    assert seen["StateReason"]["Code"] == "Client.UserInitiatedShutdown"
    assert seen["PrivateIpAddress"] == before["PrivateIpAddress"]
    again = cloud.ec2.stop_instances(InstanceIds=[instance_id])["StoppingInstances"][0]
    assert again["CurrentState"]["Name"] == "stopped"
    cloud.ec2.start_instances(InstanceIds=[instance_id])
    assert cloud.see(instance_id)["State"]["Name"] == "pending"
    after = cloud.wait(instance_id, "running")
    assert after["LaunchTime"] > before["LaunchTime"]
    assert after["PublicIpAddress"] != before["PublicIpAddress"]
    assert "StateReason" not in after


def test_elastic_address_stays_with_the_stopped_machine(cloud: Cloud) -> None:
    """Only an automatic address is lost on stop."""
    instance_id = cloud.run()
    address = cloud.ec2.allocate_address(Domain="vpc")
    cloud.ec2.associate_address(InstanceId=instance_id, AllocationId=address["AllocationId"])
    cloud.ec2.stop_instances(InstanceIds=[instance_id])
    assert cloud.wait(instance_id, "stopped")["PublicIpAddress"] == address["PublicIp"]


def test_stop_protection_is_respected(cloud: Cloud) -> None:
    """DisableApiStop refuses StopInstances until it is taken away; nothing is half done."""
    instance_id, other = cloud.run(DisableApiStop=True), cloud.run()
    stop = cloud.ec2.stop_instances
    refused("OperationNotPermitted", stop, InstanceIds=[other, instance_id])
    assert cloud.see(other)["State"]["Name"] == "running"

    def protected() -> bool:
        answer = cloud.ec2.describe_instance_attribute(
            InstanceId=instance_id, Attribute="disableApiStop"
        )
        return bool(answer["DisableApiStop"]["Value"])

    assert protected()
    cloud.ec2.modify_instance_attribute(InstanceId=instance_id, DisableApiStop={"Value": False})
    assert not protected()
    stop(InstanceIds=[instance_id])
    cloud.ec2.modify_instance_attribute(InstanceId=other, DisableApiStop={"Value": True})
    refused("OperationNotPermitted", stop, InstanceIds=[other])


def test_hibernation_shows_in_the_state_reason(cloud: Cloud) -> None:
    """Only a machine launched for it hibernates, and says so when stopped."""
    plain = cloud.run()
    refused(
        *("UnsupportedHibernationConfiguration", cloud.ec2.stop_instances),
        InstanceIds=[plain],
        Hibernate=True,
    )
    instance_id = cloud.run(HibernationOptions={"Configured": True})
    assert cloud.see(instance_id)["HibernationOptions"] == {"Configured": True}
    cloud.ec2.stop_instances(InstanceIds=[instance_id], Hibernate=True)
    seen = cloud.wait(instance_id, "stopped")
    assert seen["StateReason"]["Code"] == "Client.UserInitiatedHibernate"


def test_spot_machines_are_marked_and_one_time_ones_cannot_stop(cloud: Cloud) -> None:
    """InstanceLifecycle is spot; only persistent requests can be stopped."""
    once = cloud.run(InstanceMarketOptions={"MarketType": "spot"})
    assert cloud.see(once)["InstanceLifecycle"] == "spot"
    assert cloud.see(once)["SpotInstanceRequestId"].startswith("sir-")
    refused("UnsupportedOperation", cloud.ec2.stop_instances, InstanceIds=[once])
    options = {"SpotInstanceType": "persistent", "InstanceInterruptionBehavior": "stop"}
    kept = cloud.run(InstanceMarketOptions={"MarketType": "spot", "SpotOptions": options})
    cloud.ec2.stop_instances(InstanceIds=[kept])
    cloud.wait(kept, "stopped")


def test_instance_store_machine_has_no_root_volume_and_cannot_stop(cloud: Cloud) -> None:
    """An AMI from a manifest has an instance-store root."""
    ami = cloud.image("manifest", ImageLocation="bucket/image.manifest.xml", BlockDeviceMappings=[])
    seen = cloud.see(cloud.run(ImageId=ami))
    assert seen["RootDeviceType"] == "instance-store"
    assert seen["BlockDeviceMappings"] == []
    refused("UnsupportedOperation", cloud.ec2.stop_instances, InstanceIds=[seen["InstanceId"]])


def test_type_can_be_changed_only_while_stopped(cloud: Cloud) -> None:
    """A running machine is not resized."""
    instance_id = cloud.run()
    change = cloud.ec2.modify_instance_attribute
    wanted = {"InstanceId": instance_id, "InstanceType": {"Value": "m5.xlarge"}}
    refused("IncorrectInstanceState", change, **wanted)
    cloud.ec2.stop_instances(InstanceIds=[instance_id])
    cloud.wait(instance_id, "stopped")
    change(**wanted)
    seen = cloud.see(instance_id)
    assert (seen["InstanceType"], seen["CpuOptions"]["CoreCount"]) == ("m5.xlarge", 2)


def test_groups_can_be_changed_while_running(cloud: Cloud) -> None:
    """ModifyInstanceAttribute(Groups) changes the primary interface's groups."""
    instance_id = cloud.run()
    vpc = cloud.see(instance_id)["VpcId"]
    group = cloud.ec2.create_security_group(VpcId=vpc, GroupName="g", Description="g")["GroupId"]
    cloud.ec2.modify_instance_attribute(InstanceId=instance_id, Groups=[group])
    seen = cloud.see(instance_id)
    assert [row["GroupId"] for row in seen["SecurityGroups"]] == [group]
    assert [row["GroupId"] for row in seen["NetworkInterfaces"][0]["Groups"]] == [group]


def test_user_data_and_profile_are_shown(cloud: Cloud) -> None:
    """userData, enaSupport and IamInstanceProfile of a launch can be read."""
    iam = cloud.client("iam")
    iam.create_instance_profile(InstanceProfileName="web")
    instance_id = cloud.run(UserData="#!/bin/sh", IamInstanceProfile={"Name": "web"})
    profile = cloud.see(instance_id)["IamInstanceProfile"]
    assert profile["Arn"].endswith("instance-profile/web")
    ask = cloud.ec2.describe_instance_attribute
    assert ask(InstanceId=instance_id, Attribute="userData")["UserData"]["Value"]
    assert ask(InstanceId=instance_id, Attribute="enaSupport")["EnaSupport"]["Value"] is True


def test_terminated_machine_gives_back_volumes_and_interfaces(cloud: Cloud) -> None:
    """What is deleted on termination is gone, the rest is free."""
    subnet = cloud.ec2.describe_subnets()["Subnets"][0]["SubnetId"]
    eni = cloud.ec2.create_network_interface(SubnetId=subnet)["NetworkInterface"]
    data = {"DeviceName": "/dev/sdf", "Ebs": {"VolumeSize": 1}}
    wanted = [{"DeviceIndex": 0, "NetworkInterfaceId": eni["NetworkInterfaceId"]}]
    seen = cloud.see(cloud.run(BlockDeviceMappings=[data], NetworkInterfaces=wanted))
    ids = {row["DeviceName"]: row["Ebs"]["VolumeId"] for row in seen["BlockDeviceMappings"]}
    refused(
        *("InvalidParameterValue", cloud.ec2.delete_network_interface),
        NetworkInterfaceId=eni["NetworkInterfaceId"],
    )
    cloud.ec2.terminate_instances(InstanceIds=[seen["InstanceId"]])
    assert cloud.see(seen["InstanceId"])["State"]["Name"] == "terminated"
    refused("InvalidVolume.NotFound", cloud.ec2.describe_volumes, VolumeIds=[ids["/dev/xvda"]])
    kept = cloud.ec2.describe_volumes(VolumeIds=[ids["/dev/sdf"]])["Volumes"][0]
    assert kept["State"] == "available"
    cloud.ec2.delete_network_interface(NetworkInterfaceId=eni["NetworkInterfaceId"])


def test_auto_scaling_members_carry_the_groups_tag(cloud: Cloud) -> None:
    """Machines of an Auto Scaling group say so, and the service lists them."""
    scaling = cloud.client("autoscaling")
    scaling.create_launch_configuration(
        LaunchConfigurationName="lc", ImageId=cloud.ami, InstanceType="m5.large"
    )
    scaling.create_auto_scaling_group(
        AutoScalingGroupName="web",
        LaunchConfigurationName="lc",
        MinSize=1,
        MaxSize=1,
        AvailabilityZones=[ZONE],
    )
    members = scaling.describe_auto_scaling_instances()["AutoScalingInstances"]
    assert [row["AutoScalingGroupName"] for row in members] == ["web"]
    seen = cloud.see(members[0]["InstanceId"])
    assert {"Key": "aws:autoscaling:groupName", "Value": "web"} in seen["Tags"]
    assert [row["DeviceName"] for row in seen["BlockDeviceMappings"]] == ["/dev/xvda"]


def test_many_calls_at_once_are_all_right(cloud: Cloud) -> None:
    """Launches and snapshots from eight threads do not disturb each other."""
    with ThreadPoolExecutor(8) as pool:
        ids = list(pool.map(lambda _: cloud.run(), range(8)))
        addresses = {cloud.see(instance_id)["PrivateIpAddress"] for instance_id in ids}
    assert len(set(ids)) == len(addresses) == 8
