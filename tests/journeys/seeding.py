"""Machines that a stranger seeds with plain boto3: small data, and every byte of it known."""

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sandbox.aws import seed
from tests.journeys.sandbox import Sandbox

Blocks = Mapping[int, bytes]
"""512 KiB blocks by their index; all others read as zeros."""

LAST_OF_1_GIB = 2047
_numbers = itertools.count()


@dataclass(frozen=True)
class Seeded:
    """An instance, and what was written to each of its volumes."""

    vm: str
    content: dict[str, Blocks]
    """By volume id."""


def blocks(*indexes: int, salt: int = 0) -> dict[int, bytes]:
    """Blocks that differ from one another, each with a run of zeros in its middle."""
    made = {}
    for index in indexes:
        word = (index * 1_000_003 + salt + 1).to_bytes(16, "big")
        data = bytearray(word * (seed.BLOCK_SIZE_BYTES // 16))
        data[131_072:262_144] = bytes(131_072)
        made[index] = bytes(data)
    return made


class Seeder:
    """Makes images and launches machines from them."""

    def __init__(self, sandbox: Sandbox) -> None:
        self.sandbox = sandbox
        self.ec2 = sandbox.ec2
        self.ebs = sandbox.aws("ebs")
        self.zone = f"{sandbox.state['aws']['region']}a"

    def image(self, content: Sequence[Blocks], **more: Any) -> str:
        """An AMI with a 1 GiB disk for each mapping of blocks, the root first."""
        names = ["/dev/xvda", *(f"/dev/sd{letter}" for letter in "fghijklm")]
        rows = [
            {"DeviceName": name, "Ebs": {"SnapshotId": self.snapshot(disk), "VolumeType": "gp3"}}
            for name, disk in zip(names, content, strict=False)
        ]
        return seed.register_disk_image(
            self.ec2,
            f"strange {next(_numbers)}",
            rows[0]["Ebs"]["SnapshotId"] if rows else "",
            **{"BlockDeviceMappings": rows, **more},
        )

    def snapshot(self, content: Blocks) -> str:
        """A completed snapshot of 1 GiB with these blocks."""
        return seed.write_disk_snapshot(self.ebs, self.ec2, 1, content, {})

    def launch(
        self,
        image: str,
        kind: str,
        content: Sequence[Blocks],
        tags: Mapping[str, str] | None = None,
        **more: Any,
    ) -> Seeded:
        """Run one instance; ``content`` is what its volumes hold, in the order of the image."""
        asked: dict[str, Any] = {"ImageId": image, "InstanceType": kind, **more}
        if tags:
            rows = [{"Key": key, "Value": value} for key, value in tags.items()]
            asked["TagSpecifications"] = [{"ResourceType": "instance", "Tags": rows}]
        launched = self.ec2.run_instances(MinCount=1, MaxCount=1, **asked)
        vm = str(launched["Instances"][0]["InstanceId"])
        seen = seed.wait_state(self.ec2, vm, "running")
        mapped = {row["DeviceName"]: row["Ebs"]["VolumeId"] for row in seen["BlockDeviceMappings"]}
        ordered = sorted(mapped, key=lambda device: (device != "/dev/xvda", device))
        held = zip(ordered, content, strict=True)
        return Seeded(vm, {mapped[device]: disk for device, disk in held})

    def small(self, **more: Any) -> Seeded:
        """An ordinary machine with one disk, in the default network."""
        content = [blocks(0, 3, LAST_OF_1_GIB, salt=next(_numbers))]
        image = self.image(content, BootMode="uefi")
        return self.launch(image, "m5.large", content, **more)

    def interface(self, subnet: str, address: str) -> str:
        """A network interface that waits to be attached."""
        made = self.ec2.create_network_interface(SubnetId=subnet, PrivateIpAddress=address)
        return str(made["NetworkInterface"]["NetworkInterfaceId"])

    def subnets(self, *cidrs: str) -> list[str]:
        """A network of its own with these subnets."""
        vpc = self.ec2.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
        return [
            self.ec2.create_subnet(VpcId=vpc, CidrBlock=cidr, AvailabilityZone=self.zone)["Subnet"][
                "SubnetId"
            ]
            for cidr in cidrs
        ]

    def state(self, vm: str) -> str:
        """EC2's word for its power state."""
        return str(seed.see(self.ec2, vm)["State"]["Name"])

    def our_tags(self, vm: str) -> dict[str, str]:
        """The tags on an instance that are coldferry's."""
        rows = seed.see(self.ec2, vm).get("Tags", [])
        return {r["Key"]: r["Value"] for r in rows if r["Key"].startswith("coldferry:")}

    def our_snapshots(self) -> list[str]:
        """The snapshots here that bear a tag of coldferry's."""
        answer = self.ec2.describe_snapshots(
            OwnerIds=["self"], Filters=[{"Name": "tag-key", "Values": ["coldferry:migration"]}]
        )
        return [row["SnapshotId"] for row in answer["Snapshots"]]
