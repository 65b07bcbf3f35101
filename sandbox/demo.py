"""The machine that the demonstration moves, made through AWS's public API only.

It is awkward on purpose: two interfaces in two subnets, resolvers of its own,
UEFI, disks of three kinds in many small pieces, and tags that another cloud
does not take.
"""

import random
from pathlib import Path
from typing import Any

from sandbox.aws.seed import client, register_disk_image, wait_state, write_disk_snapshot
from sandbox.azure.seed import NETWORK

BLOCK_SIZE_BYTES = 512 * 1024
GRAIN_BYTES = 64 * 1024

NAME = "web-01"
ROOT_GIB, DATA_GIB, LOG_GIB = 8, 16, 125
ROOT_EXTENTS, DATA_EXTENTS, LOG_EXTENTS = 24, 90, 64
USER_DATA = "#cloud-config\npackages: [nginx]\n"

ILLEGAL_TAG = "cost/centre"  # Azure allows no slash in a tag's name
TAGS = {
    "Name": NAME,
    ILLEGAL_TAG: "4711",
    "Team": "payments",
    "team": "Payments Platform",  # Azure's names do not tell case apart
}


def seed_demo_machine(endpoint_url: str, key_id: str, secret: str, region: str) -> str:
    """Make the machine and all around it; its instance id. It is left running."""
    ec2 = client("ec2", endpoint_url, key_id, secret, region)
    ebs = client("ebs", endpoint_url, key_id, secret, region)
    efs = client("efs", endpoint_url, key_id, secret, region)
    network = _network(ec2, efs)
    zone = f"{region}a"
    snapshots = [
        write_disk_snapshot(ebs, ec2, size, _blocks(seed, size, extents), {"Name": name})
        for seed, (name, size, extents) in enumerate(
            [
                ("web-01 root", ROOT_GIB, ROOT_EXTENTS),
                ("web-01 data", DATA_GIB, DATA_EXTENTS),
                ("web-01 logs", LOG_GIB, LOG_EXTENTS),
            ]
        )
    ]
    image = register_disk_image(
        ec2,
        "web-01 image",
        snapshots[0],
        "/dev/xvda",
        BootMode="uefi",
        BlockDeviceMappings=[
            _disk("/dev/xvda", snapshots[0], VolumeType="gp3", Iops=3000, Throughput=125),
            _disk("/dev/sdf", snapshots[1], VolumeType="io2", Iops=1500),
            _disk("/dev/sdg", snapshots[2], VolumeType="st1"),
        ],
    )
    launched = ec2.run_instances(
        ImageId=image,
        InstanceType="m5.large",
        MinCount=1,
        MaxCount=1,
        KeyName=_key(ec2),
        Placement={"AvailabilityZone": zone},
        UserData=USER_DATA,
        NetworkInterfaces=[
            {
                "DeviceIndex": 0,
                "SubnetId": network["apps"],
                "Groups": [network["group"]],
                "PrivateIpAddress": "10.0.1.20",
            },
            {
                "DeviceIndex": 1,
                "SubnetId": network["data"],
                "Groups": [network["group"]],
                "PrivateIpAddress": "10.0.2.20",
            },
        ],
        TagSpecifications=[
            {
                "ResourceType": "instance",
                "Tags": [{"Key": key, "Value": value} for key, value in TAGS.items()],
            }
        ],
    )
    vm = str(launched["Instances"][0]["InstanceId"])
    wait_state(ec2, vm, "running")
    return vm


def write_demo_answers(path: Path) -> None:
    """Answers for every gap of that machine on its way to the sandbox's Azure."""
    answers = {
        "secure_boot": "acknowledge",
        "dns.search_domains": "acknowledge",
        "nics[0].subnet_id": f"{NETWORK}/apps",
        "nics[0].security_groups[0].id": "acknowledge",
        "nics[1].subnet_id": f"{NETWORK}/data",
        "nics[1].security_groups[0].id": "acknowledge",
        "disks[0].kind": "acknowledge",
        "disks[1].kind": "acknowledge",
        "network_filesystems[0].id": "acknowledge",
        "tags[3].key": "team-name",
        "user_data.sha256": "acknowledge",
    }
    path.write_text("".join(f"{field}: {value}\n" for field, value in answers.items()))


def _network(ec2: Any, efs: Any) -> dict[str, str]:
    options = ec2.create_dhcp_options(
        DhcpConfigurations=[
            {"Key": "domain-name-servers", "Values": ["10.0.0.53", "10.0.0.54"]},
            {"Key": "domain-name", "Values": ["corp.example"]},
        ]
    )["DhcpOptions"]["DhcpOptionsId"]
    vpc = ec2.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
    ec2.associate_dhcp_options(DhcpOptionsId=options, VpcId=vpc)
    zone = f"{ec2.meta.region_name}a"
    subnets = {
        name: ec2.create_subnet(VpcId=vpc, CidrBlock=cidr, AvailabilityZone=zone)["Subnet"][
            "SubnetId"
        ]
        for name, cidr in {"apps": "10.0.1.0/24", "data": "10.0.2.0/24"}.items()
    }
    group = ec2.create_security_group(GroupName="web", Description="web", VpcId=vpc)["GroupId"]
    ec2.authorize_security_group_ingress(
        GroupId=group,
        IpPermissions=[
            {
                "IpProtocol": "tcp",
                "FromPort": 443,
                "ToPort": 443,
                "IpRanges": [{"CidrIp": "0.0.0.0/0"}],
            }
        ],
    )
    shared = efs.create_file_system(CreationToken="web-01", Tags=[{"Key": "Name", "Value": "web"}])
    efs.create_mount_target(FileSystemId=shared["FileSystemId"], SubnetId=subnets["apps"])
    return {**subnets, "group": group}


def _key(ec2: Any) -> str:
    ec2.create_key_pair(KeyName="ops")
    return "ops"


def _disk(device: str, snapshot: str, **ebs: Any) -> dict[str, Any]:
    return {
        "DeviceName": device,
        "Ebs": {"SnapshotId": snapshot, "DeleteOnTermination": True, **ebs},
    }


def _blocks(seed: int, size_gib: int, extents: int) -> dict[int, bytes]:
    """``extents`` blocks, none beside another, each with one or two grains of zeros."""
    source = random.Random(seed)
    places = source.sample(range(size_gib * 2048 // 2), extents)
    blocks = {}
    for place in places:
        block = bytearray(source.randbytes(BLOCK_SIZE_BYTES))
        for grain in source.sample(range(BLOCK_SIZE_BYTES // GRAIN_BYTES), source.choice([0, 1])):
            block[grain * GRAIN_BYTES : (grain + 1) * GRAIN_BYTES] = bytes(GRAIN_BYTES)
        blocks[place * 2] = bytes(block)
    return blocks
