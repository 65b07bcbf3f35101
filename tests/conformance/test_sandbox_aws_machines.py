"""Machines of the AWS double: content lineage and launches as on EC2."""

from collections.abc import Iterator
from typing import Any

import pytest
from botocore.exceptions import ClientError

from sandbox.aws import seed
from sandbox.aws.server import AwsServer
from sandbox.aws.world import Delays

REGION, ZONE = "eu-west-1", "eu-west-1a"
BLOCK_SIZE_BYTES = 524_288
BLOCKS = {index: bytes([index % 251]) * BLOCK_SIZE_BYTES for index in (0, 3, 4, 1000, 2047)}
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
        self.disk = seed.write_disk_snapshot(self.ebs, self.ec2, 1, BLOCKS, {"role": "root"})
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

    def read(self, snapshot_id: str) -> dict[int, bytes]:
        """All blocks of a completed snapshot."""
        rows = self.ebs.list_snapshot_blocks(SnapshotId=snapshot_id)["Blocks"]
        return {
            row["BlockIndex"]: self.ebs.get_snapshot_block(SnapshotId=snapshot_id, **row)[
                "BlockData"
            ].read()
            for row in rows
        }


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


def test_bytes_travel_from_put_to_snapshot_of_the_stopped_machine(cloud: Cloud) -> None:
    """put, AMI, run, stop, create_snapshots, get: the bytes are the same."""
    data = {"DeviceName": "/dev/sdf", "Ebs": {"SnapshotId": cloud.disk, "VolumeSize": 3}}
    instance_id = cloud.run(BlockDeviceMappings=[data])
    cloud.ec2.stop_instances(InstanceIds=[instance_id])
    cloud.wait(instance_id, "stopped")
    made = cloud.ec2.create_snapshots(
        InstanceSpecification={"InstanceId": instance_id},
        TagSpecifications=[{"ResourceType": "snapshot", "Tags": [{"Key": "run", "Value": "1"}]}],
    )["Snapshots"]
    assert [(row["State"], row["VolumeSize"]) for row in made] == [("pending", 1), ("pending", 3)]
    refused("ValidationException", cloud.read, made[0]["SnapshotId"])
    seed.wait_completed(cloud.ec2, *(row["SnapshotId"] for row in made))
    for row in made:
        assert cloud.read(row["SnapshotId"]) == BLOCKS
    found = cloud.ec2.describe_snapshots(Filters=[{"Name": "tag:run", "Values": ["1"]}])
    assert len(found["Snapshots"]) == 2


def test_snapshots_of_one_volume_can_be_compared(cloud: Cloud) -> None:
    """Two snapshots of a volume nobody wrote to have no changed blocks."""
    volume = cloud.ec2.create_volume(AvailabilityZone=ZONE, SnapshotId=cloud.disk)["VolumeId"]
    first, second = (cloud.ec2.create_snapshot(VolumeId=volume)["SnapshotId"] for _ in range(2))
    seed.wait_completed(cloud.ec2, first, second)
    answer = cloud.ebs.list_changed_blocks(FirstSnapshotId=first, SecondSnapshotId=second)
    assert answer["ChangedBlocks"] == []


def test_volume_smaller_than_its_snapshot_is_refused(cloud: Cloud) -> None:
    """CreateVolume cannot shrink, nor use a pending snapshot."""
    big = seed.write_disk_snapshot(cloud.ebs, cloud.ec2, 2, {}, {})
    create = cloud.ec2.create_volume
    refused("InvalidParameterValue", create, AvailabilityZone=ZONE, SnapshotId=big, Size=1)
    pending = cloud.ebs.start_snapshot(VolumeSize=1)["SnapshotId"]
    refused("IncorrectState", create, AvailabilityZone=ZONE, SnapshotId=pending)


def test_volume_is_attached_once_and_in_its_zone(cloud: Cloud) -> None:
    """AttachVolume refuses a second machine, another zone and a taken device name."""
    instance_id = cloud.run()
    zone = cloud.see(instance_id)["Placement"]["AvailabilityZone"]
    volume = cloud.ec2.create_volume(AvailabilityZone=zone, Size=1)["VolumeId"]
    other = cloud.ec2.create_volume(AvailabilityZone="eu-west-1c", Size=1)["VolumeId"]
    wanted = {"InstanceId": instance_id, "VolumeId": volume}
    attach = cloud.ec2.attach_volume
    refused("InvalidParameterValue", attach, **wanted, Device="/dev/xvda")
    attach(**wanted, Device="/dev/sdh")
    refused("VolumeInUse", attach, **wanted, Device="/dev/sdi")
    wanted["VolumeId"] = other
    refused("InvalidVolume.ZoneMismatch", attach, **wanted, Device="/dev/sdi")


def test_image_keeps_what_it_was_registered_with(cloud: Cloud) -> None:
    """RegisterImage keeps boot mode, TPM, IMDS, ENA and block devices."""
    ami = cloud.image("kept", BootMode="uefi", TpmSupport="v2.0", ImdsSupport="v2.0")
    image = cloud.ec2.describe_images(ImageIds=[ami])["Images"][0]
    assert (image["BootMode"], image["TpmSupport"], image["ImdsSupport"]) == (
        "uefi",
        "v2.0",
        "v2.0",
    )
    assert (image["Architecture"], image["VirtualizationType"]) == ("x86_64", "hvm")
    assert (image["RootDeviceName"], image["RootDeviceType"]) == ("/dev/xvda", "ebs")
    assert image["EnaSupport"] is True
    ebs = image["BlockDeviceMappings"][0]["Ebs"]
    assert (ebs["SnapshotId"], ebs["VolumeSize"], ebs["VolumeType"]) == (cloud.disk, 1, "gp3")
    seen = cloud.see(cloud.run(ImageId=ami))
    assert (seen["BootMode"], seen["CurrentInstanceBootMode"]) == ("uefi", "uefi")
    assert (seen["TpmSupport"], seen["EnaSupport"]) == ("v2.0", True)
    assert (seen["PlatformDetails"], seen["UsageOperation"]) == ("Linux/UNIX", "RunInstances")
    assert seen["MetadataOptions"]["HttpTokens"] == "required"


def test_image_defaults_are_the_old_ones(cloud: Cloud) -> None:
    """Without Architecture and VirtualizationType an AMI is i386 and paravirtual."""
    ami = cloud.image("old", Architecture=None, VirtualizationType=None, EnaSupport=None)
    image = cloud.ec2.describe_images(ImageIds=[ami])["Images"][0]
    assert (image["Architecture"], image["VirtualizationType"]) == ("i386", "paravirtual")
    assert "BootMode" not in image
    refused("InvalidParameterValue", cloud.run, ImageId=ami)


def test_image_name_can_be_used_once(cloud: Cloud) -> None:
    """A second AMI of the same name is refused."""
    cloud.image("twice")
    refused("InvalidAMIName.Duplicate", cloud.image, "twice")


def test_image_of_a_pending_or_unknown_snapshot_is_refused(cloud: Cloud) -> None:
    """An AMI needs completed snapshots."""
    pending = cloud.ebs.start_snapshot(VolumeSize=1)["SnapshotId"]
    for snapshot_id, code in (
        (pending, "IncorrectState"),
        ("snap-0123456789abcdef0", "InvalidSnapshot.NotFound"),
    ):
        rows = [{"DeviceName": "/dev/xvda", "Ebs": {"SnapshotId": snapshot_id}}]
        refused(code, cloud.image, "soon", BlockDeviceMappings=rows)


def test_snapshot_of_an_image_cannot_be_deleted(cloud: Cloud) -> None:
    """DeleteSnapshot is refused while an AMI uses it."""
    refused("InvalidSnapshot.InUse", cloud.ec2.delete_snapshot, SnapshotId=cloud.disk)


def test_launch_follows_the_images_devices_and_what_is_given(cloud: Cloud) -> None:
    """Devices of the AMI come with the launch; given ones change or add."""
    given = [
        {"DeviceName": "/dev/xvda", "Ebs": {"VolumeSize": 9, "Throughput": 250, "Iops": 4000}},
        {"DeviceName": "/dev/sdf", "Ebs": {"VolumeSize": 4, "VolumeType": "io2", "Iops": 500}},
    ]
    seen = cloud.see(cloud.run(BlockDeviceMappings=given))
    rows = {row["DeviceName"]: row["Ebs"] for row in seen["BlockDeviceMappings"]}
    assert [rows[name]["DeleteOnTermination"] for name in ("/dev/xvda", "/dev/sdf")] == [
        True,
        False,
    ]
    ids = [rows[name]["VolumeId"] for name in ("/dev/xvda", "/dev/sdf")]
    found = cloud.ec2.describe_volumes(
        Filters=[{"Name": "attachment.instance-id", "Values": [seen["InstanceId"]]}]
    )["Volumes"]
    root, data = (next(row for row in found if row["VolumeId"] == wanted) for wanted in ids)
    assert (root["Size"], root["VolumeType"], root["Iops"], root["Throughput"]) == (
        *(9, "gp3"),
        *(4000, 250),
    )
    assert (root["SnapshotId"], data["VolumeType"], data["Iops"]) == (cloud.disk, "io2", 500)


def test_cpu_options_are_kept_and_default_to_the_types(cloud: Cloud) -> None:
    """CpuOptions are always shown."""
    plain = cloud.see(cloud.run())["CpuOptions"]
    assert plain == {"CoreCount": 1, "ThreadsPerCore": 2}
    asked = {"CoreCount": 1, "ThreadsPerCore": 1}
    assert cloud.see(cloud.run(CpuOptions=asked))["CpuOptions"] == asked


def test_impossible_launches_are_refused(cloud: Cloud) -> None:
    """Unknown type, other architecture, no ENA, unknown AMI, key or hibernation."""
    refused("InvalidParameterValue", cloud.run, InstanceType="m5.enormous")
    refused("InvalidParameterValue", cloud.run, InstanceType="t4g.small")
    plain = cloud.image("no-ena", EnaSupport=False)
    refused("InvalidParameterCombination", cloud.run, ImageId=plain)
    refused("InvalidAMIID.NotFound", cloud.run, ImageId="ami-0123456789abcdef0")
    refused("InvalidKeyPair.NotFound", cloud.run, KeyName="nobody")
    refused("InvalidParameterValue", cloud.run, InstanceType="t4g.small", DryRun=True)
    refused("DryRunOperation", cloud.run, DryRun=True)


def test_launch_is_idempotent_by_client_token(cloud: Cloud) -> None:
    """The same token gives the same instance; with other parameters it is refused."""
    first = cloud.run(ClientToken="launch-1")
    assert cloud.run(ClientToken="launch-1") == first
    refused("IdempotentParameterMismatch", cloud.run, ClientToken="launch-1", EbsOptimized=True)


def test_interfaces_keep_order_addresses_and_groups(cloud: Cloud) -> None:
    """The primary interface may be listed second; each has its own subnet and groups."""
    ec2 = cloud.ec2
    vpc = ec2.create_vpc(CidrBlock="10.20.0.0/16")["Vpc"]["VpcId"]
    front, back = (
        ec2.create_subnet(VpcId=vpc, CidrBlock=cidr, AvailabilityZone=ZONE)["Subnet"]["SubnetId"]
        for cidr in ("10.20.1.0/24", "10.20.2.0/24")
    )
    red, blue = (
        ec2.create_security_group(VpcId=vpc, GroupName=name, Description=name)["GroupId"]
        for name in ("red", "blue")
    )
    eni = ec2.create_network_interface(SubnetId=front, PrivateIpAddress="10.20.1.50", Groups=[red])[
        "NetworkInterface"
    ]
    second = {"DeviceIndex": 1, "SubnetId": back, "PrivateIpAddress": "10.20.2.60"}
    instance_id = cloud.run(
        NetworkInterfaces=[
            {**second, "Groups": [blue]},
            {"DeviceIndex": 0, "NetworkInterfaceId": eni["NetworkInterfaceId"]},
        ]
    )
    seen = cloud.see(instance_id)
    assert (seen["SubnetId"], seen["VpcId"]) == (front, vpc)
    assert (seen["PrivateIpAddress"], seen["Placement"]["AvailabilityZone"]) == ("10.20.1.50", ZONE)
    assert [group["GroupId"] for group in seen["SecurityGroups"]] == [red]
    assert "PublicIpAddress" not in seen
    shown = [
        (
            row["Attachment"]["DeviceIndex"],
            row["SubnetId"],
            row["PrivateIpAddress"],
            [group["GroupId"] for group in row["Groups"]],
        )
        for row in seen["NetworkInterfaces"]
    ]
    assert shown == [(1, back, "10.20.2.60", [blue]), (0, front, "10.20.1.50", [red])]
    assert seen["NetworkInterfaces"][1]["MacAddress"] == eni["MacAddress"]
    found = ec2.describe_network_interfaces(
        Filters=[{"Name": "attachment.instance-id", "Values": [instance_id]}]
    )["NetworkInterfaces"]
    described = {
        row["Attachment"]["DeviceIndex"]: (
            *(row["SubnetId"], row["PrivateIpAddress"]),
            [group["GroupId"] for group in row["Groups"]],
        )
        for row in found
    }
    assert described == {0: (front, "10.20.1.50", [red]), 1: (back, "10.20.2.60", [blue])}
    create = ec2.create_network_interface
    refused("InvalidIPAddress.InUse", create, SubnetId=back, PrivateIpAddress="10.20.2.60")
    refused("InvalidParameterValue", create, SubnetId=back, PrivateIpAddress="10.20.2.3")
    again = [{"DeviceIndex": 0, "NetworkInterfaceId": eni["NetworkInterfaceId"]}]
    refused("InvalidNetworkInterface.InUse", cloud.run, NetworkInterfaces=again)
