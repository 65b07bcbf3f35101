"""What the description of an EC2 instance says."""

import base64
import hashlib
from collections.abc import Iterator
from typing import Any

import pytest

from coldferry.errors import Denied, UnknownMachine
from coldferry.leaves import leaves
from coldferry.machine import Machine
from coldferry.migration import ATTEMPT_TAG
from providers.aws.describe import accelerators_of
from tests.unit.aws_world import REGION, Sandbox, sandbox

GIB = 2**30
SCRIPT = b"#!/bin/sh\necho a secret\n"


@pytest.fixture(scope="module")
def aws() -> Iterator[Sandbox]:
    with sandbox() as here:
        yield here


@pytest.fixture(scope="module")
def rich(aws: Sandbox) -> tuple[str, Machine]:
    """A machine with everything: two interfaces, the primary listed second, three disks."""
    group = aws.ec2.create_security_group(GroupName="web", Description="d", VpcId=aws.vpc)
    allowed: list[dict[str, Any]] = [
        {"IpProtocol": "tcp", "FromPort": 443, "ToPort": 443,
         "IpRanges": [{"CidrIp": "0.0.0.0/0"}, {"CidrIp": "10.0.0.0/8"}]},
        {"IpProtocol": "udp", "FromPort": 8000, "ToPort": 8100,
         "UserIdGroupPairs": [{"GroupId": group["GroupId"]}]},
        {"IpProtocol": "icmp", "FromPort": 8, "ToPort": -1,
         "IpRanges": [{"CidrIp": "10.20.0.0/24"}]},
    ]  # fmt: skip
    aws.ec2.authorize_security_group_ingress(GroupId=group["GroupId"], IpPermissions=allowed)
    options = aws.ec2.create_dhcp_options(
        DhcpConfigurations=[
            {"Key": "domain-name-servers", "Values": ["AmazonProvidedDNS"]},
            {"Key": "domain-name", "Values": ["corp.example lab.example"]},
            {"Key": "ntp-servers", "Values": ["10.20.0.9"]},
        ]
    )["DhcpOptions"]
    aws.ec2.associate_dhcp_options(DhcpOptionsId=options["DhcpOptionsId"], VpcId=aws.vpc)
    primary = aws.ec2.create_network_interface(
        SubnetId=aws.subnet,
        Groups=[group["GroupId"]],
        PrivateIpAddresses=[
            {"Primary": True, "PrivateIpAddress": "10.20.0.50"},
            {"Primary": False, "PrivateIpAddress": "10.20.0.51"},
        ],
    )["NetworkInterface"]["NetworkInterfaceId"]
    address = aws.ec2.allocate_address(Domain="vpc")
    aws.ec2.associate_address(AllocationId=address["AllocationId"], NetworkInterfaceId=primary)
    aws.ec2.create_key_pair(KeyName="ops")
    vm = aws.launch(
        tags={"Name": "wéb—01 ☃", "team": "Zürich", ATTEMPT_TAG: "web-azure-1-a1 planned"},
        KeyName="ops",
        UserData=SCRIPT.decode(),
        CpuOptions={"CoreCount": 1, "ThreadsPerCore": 1},
        NetworkInterfaces=[
            {"DeviceIndex": 1, "SubnetId": aws.subnet, "PrivateIpAddress": "10.20.0.60"},
            {"DeviceIndex": 0, "NetworkInterfaceId": primary},
        ],
        BlockDeviceMappings=[
            {"DeviceName": "/dev/sdg", "Ebs": {"VolumeSize": 3, "VolumeType": "gp2"}},
            {"DeviceName": "/dev/sdf", "Ebs": {
                "VolumeSize": 5, "VolumeType": "io2", "Iops": 700, "Encrypted": True,
                "DeleteOnTermination": True}},
        ],
    )  # fmt: skip
    for nic in aws.ec2.describe_network_interfaces()["NetworkInterfaces"]:
        if nic.get("PrivateIpAddress") == "10.20.0.60":
            aws.ec2.modify_network_interface_attribute(
                NetworkInterfaceId=nic["NetworkInterfaceId"], SourceDestCheck={"Value": False}
            )
    return vm, aws.cloud().describe(vm)


def test_the_machine_itself(rich: tuple[str, Machine]) -> None:
    """Size, firmware, place and names are what EC2 says."""
    vm, machine = rich
    assert machine.origin.model_dump() == {
        "provider": "aws", "scope": f"123456789012/{REGION}", "id": vm,
    }  # fmt: skip
    assert machine.name == "wéb—01 ☃"
    assert (machine.instance_type, machine.memory_bytes) == ("t3.small", 2 * GIB)
    assert machine.vcpus == 1, "as started with, not the type's two"
    assert (machine.accelerators, machine.burstable, machine.bare_metal) == (0, True, False)
    assert (machine.architecture, machine.firmware, machine.tpm) == ("x86_64", "uefi", None)
    assert (machine.secure_boot, machine.os_family) == ("unknown", "linux")
    assert (machine.zone, machine.tenancy) != ("unknown", "unknown")
    assert machine.key_names == ("ops",)
    assert machine.licence.platform == "Linux/UNIX"
    assert machine.root_image is None


@pytest.mark.parametrize(
    ("facts", "accelerators"),
    [
        ({"InstanceType": "m5.large"}, 0),
        ({"GpuInfo": {"Gpus": [{"Count": 4}, {"Count": 1}]}}, 5),
        ({"GpuInfo": {"Gpus": [{"Count": 0, "LogicalGpuCount": 1, "GpuPartitionSize": 0.125}]}}, 1),
        ({"FpgaInfo": {"Fpgas": [{"Count": 2}]}}, 2),
        ({"MediaAcceleratorInfo": {"Accelerators": [{"Count": 8}]}}, 8),
        (
            {
                "NeuronInfo": {"NeuronDevices": [{"Count": 4}]},
                "InferenceAcceleratorInfo": {"Accelerators": [{"Count": 4}]},
            },
            4,
        ),
        ({"InstanceType": "trn2u.48xlarge"}, 1),
    ],
)
def test_accelerators_are_counted_once_and_a_part_of_one_counts(
    facts: Any, accelerators: int
) -> None:
    assert accelerators_of(facts) == accelerators


def test_our_own_tags_are_left_out(rich: tuple[str, Machine]) -> None:
    """Tags of the team are kept in order of their keys, ours are not there."""
    tags = [(tag.key, tag.value) for tag in rich[1].tags]
    assert tags == [("Name", "wéb—01 ☃"), ("team", "Zürich")]


def test_interfaces_stand_in_the_guests_order(rich: tuple[str, Machine]) -> None:
    """The primary interface comes first although EC2 lists it second."""
    first, second = rich[1].nics
    assert (first.device_index, first.primary, first.private_address) == (0, True, "10.20.0.50")
    assert (second.device_index, second.primary) == (1, False)
    assert first.more_private_addresses == ("10.20.0.51",)
    assert (first.subnet_cidr, first.address_assignment) == ("10.20.0.0/24", "static")
    assert (first.forwards_packets, second.forwards_packets) == (False, True)
    assert first.mac != second.mac


def test_an_elastic_address_is_reserved(rich: tuple[str, Machine]) -> None:
    """What the account owns is not given back at a stop."""
    first, second = rich[1].nics
    assert first.public_address is not None
    assert first.public_address_kind == "reserved"
    assert (second.public_address, second.public_address_kind) == (None, None)


def test_security_rules_are_four_words(rich: tuple[str, Machine]) -> None:
    """Direction, protocol, ports and peer, one line for each peer."""
    (group,) = rich[1].nics[0].security_groups
    assert group.name == "web"
    assert group.rules == (
        "inbound icmp 8 10.20.0.0/24",
        "inbound tcp 443 0.0.0.0/0",
        "inbound tcp 443 10.0.0.0/8",
        f"inbound udp 8000-8100 {group.id}",
        "outbound all all 0.0.0.0/0",
    )


def test_resolver_settings_come_from_the_network(rich: tuple[str, Machine]) -> None:
    """The word for Amazon's own resolver stays a word; domains are split."""
    assert rich[1].dns.servers == ("AmazonProvidedDNS",)
    assert rich[1].dns.search_domains == ("corp.example", "lab.example")
    assert rich[1].dns.time_servers == ("10.20.0.9",)


def test_disks_stand_root_first_then_by_device(rich: tuple[str, Machine]) -> None:
    """Sizes are bytes; figures are what was provisioned or what the type promises."""
    root, data, more = rich[1].disks
    assert (root.root, root.device, root.size_bytes) == (True, "/dev/xvda", GIB)
    assert (root.kind, root.iops, root.throughput_bytes_s) == ("gp3", 3000, 125 * 2**20)
    assert (data.device, data.kind, data.iops) == ("/dev/sdf", "io2", 700)
    assert (data.size_bytes, data.throughput_bytes_s) == (5 * GIB, 700 * 256 * 1024)
    assert [disk.medium for disk in rich[1].disks] == ["ssd", "steady ssd", "ssd"]
    assert (data.encrypted, data.deleted_with_machine, data.shared) == (True, True, False)
    assert data.key_id
    assert (more.device, more.iops, more.encrypted) == ("/dev/sdg", 100, False)
    assert more.throughput_bytes_s == 100 * 256 * 1024
    assert more.deleted_with_machine is False


def test_start_up_data_is_told_by_its_digest(rich: tuple[str, Machine]) -> None:
    """The text may hold secrets and is nowhere in the description."""
    data = rich[1].user_data
    assert data is not None
    assert (data.sha256, data.size_bytes) == (hashlib.sha256(SCRIPT).hexdigest(), len(SCRIPT))
    text = rich[1].model_dump_json()
    assert "a secret" not in text
    assert base64.b64encode(SCRIPT).decode() not in text


def test_the_halt_changes_nothing_but_public_addresses(
    aws: Sandbox, rich: tuple[str, Machine]
) -> None:
    """Described running and described stopped, the machine is the same."""
    vm, before = rich
    cloud = aws.cloud()
    cloud.stop(vm)
    after = cloud.describe(vm)
    changed = {
        one.path
        for one, other in zip(leaves(before), leaves(after), strict=True)
        if one.value != other.value
    }
    assert changed <= {"nics[0].public_address", "nics[0].public_address_kind"}


def test_a_machine_without_tags_is_named_by_its_id(aws: Sandbox) -> None:
    """No Name tag and no groups of its own still give a whole description."""
    vm = aws.launch()
    machine = aws.cloud().describe(vm)
    assert (machine.name, machine.tags, machine.user_data) == (vm, (), None)
    assert machine.key_names == ()


def test_an_instance_store_root_is_an_image(aws: Sandbox) -> None:
    """It has no persistent root disk, and its image is told."""
    ami = aws.image({}, "store", ImageLocation="bucket/image.manifest.xml", BlockDeviceMappings=[])
    machine = aws.cloud().describe(aws.launch(ImageId=ami))
    assert machine.disks == ()
    assert machine.root_image is not None
    assert machine.root_image.image == ami


def test_instance_store_disks_are_ephemeral(aws: Sandbox) -> None:
    """They come with the type."""
    machine = aws.cloud().describe(aws.launch(InstanceType="m5d.large"))
    (disk,) = machine.ephemeral_disks
    assert (disk.device, disk.size_bytes) == ("ephemeral0", 75 * 10**9)


def test_a_bios_machine_has_no_secure_boot(aws: Sandbox) -> None:
    """Secure Boot is UEFI's."""
    ami = aws.image({}, "bios", BootMode="legacy-bios")
    machine = aws.cloud().describe(aws.launch(ImageId=ami))
    assert (machine.firmware, machine.secure_boot) == ("bios", False)


def test_a_deregistered_image_is_no_obstacle(aws: Sandbox) -> None:
    """The AMI that a machine was made from may be long gone."""
    ami = aws.image({}, "gone")
    vm = aws.launch(ImageId=ami)
    aws.ec2.deregister_image(ImageId=ami)
    assert aws.cloud().describe(vm).firmware == "uefi"


def test_windows_is_told_from_the_platform(aws: Sandbox) -> None:
    """By what the running hour pays for."""
    ami = aws.image({}, "windows", BillingProducts=["bp-6ba54002"])
    machine = aws.cloud().describe(aws.launch(ImageId=ami))
    assert (machine.os_family, machine.licence.platform) == ("windows", "Windows")


def test_file_systems_of_the_network_are_candidates(aws: Sandbox) -> None:
    """A mount target in the machine's network is told; whether it is mounted is not known."""
    session_efs = aws.client("efs")
    one = session_efs.create_file_system(CreationToken="t")["FileSystemId"]
    target = session_efs.create_mount_target(FileSystemId=one, SubnetId=aws.subnet)
    (found,) = aws.cloud().describe(aws.launch()).network_filesystems
    session_efs.delete_mount_target(MountTargetId=target["MountTargetId"])
    assert (found.id, found.kind, found.mounted) == (one, "efs", "unknown")
    assert found.address == target["IpAddress"]


def test_unreadable_file_systems_are_not_taken_for_none(aws: Sandbox) -> None:
    """A description that cannot be complete is not given; the error names the permission."""
    vm = aws.launch()
    aws.faults({"operation": "efs:*", "status": 403, "code": "AccessDeniedException"})
    with pytest.raises(Denied, match="elasticfilesystem:DescribeFileSystems"):
        aws.cloud().describe(vm)


@pytest.mark.parametrize("vm", ["i-0123456789abcdef0", "web-01", "", "i-xyz", "ami-12345678"])
def test_what_is_no_machine_here_is_unknown(aws: Sandbox, vm: str) -> None:
    """Absent and malformed ids give the same kind of error."""
    with pytest.raises(UnknownMachine):
        aws.cloud().describe(vm)


def test_a_terminated_machine_cannot_be_described(aws: Sandbox) -> None:
    """EC2 lists it for an hour still; the error says what it is."""
    vm = aws.launch()
    aws.ec2.terminate_instances(InstanceIds=[vm])
    with pytest.raises(UnknownMachine, match="terminated"):
        aws.cloud().describe(vm)
