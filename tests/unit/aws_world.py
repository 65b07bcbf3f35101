"""A running AWS sandbox with machines in it, made through the public API only."""

import base64
import json
import time
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import boto3
from pydantic import SecretStr

from coldferry.machine import Machine
from coldferry.plan import Device
from providers.aws.access import AwsAccess
from providers.aws.cloud import AwsCloud
from providers.aws.session import Clients
from sandbox.aws import world
from sandbox.aws.seed import BLOCK_SIZE_BYTES, write_disk_snapshot
from sandbox.aws.server import AwsServer
from sandbox.aws.world import Delays

KEY_ID = "AKIAIOSFODNN7EXAMPLE"
SECRET = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"
REGION = "eu-west-1"
FEW_TYPES = ("m5.large", "m5.xlarge", "m6i.large", "t3.small")
QUICK = Delays(stop_s=0.1, start_s=0.05, snapshot_s=0.1, complete_s=0.02)


@dataclass
class Sandbox:
    """One server with one VPC and subnet (10.20.0.0/24) and one AMI with a 1 GiB root."""

    server: AwsServer
    ec2: Any = None
    ebs: Any = None
    vpc: str = ""
    subnet: str = ""
    ami: str = ""
    usual: AwsCloud | None = None

    def cloud(self, **fields: Any) -> AwsCloud:
        """The provider; a fresh one when there are ``fields`` for its settings."""
        if not fields:
            self.usual = self.usual or self.cloud(region=REGION)
            return self.usual
        return AwsCloud(AwsAccess(**{**self._settings(), **fields}))

    def clients(self) -> Clients:
        """What a provider calls AWS with."""
        return Clients(AwsAccess(**self._settings()))

    def _settings(self) -> dict[str, Any]:
        return {
            "region": REGION,
            "access_key_id": KEY_ID,
            "secret_access_key": SecretStr(SECRET),
            "endpoint_url": self.server.endpoint_url,
        }

    def client(self, service: str) -> Any:
        """A plain client of another service."""
        session: Any = boto3.Session(KEY_ID, SECRET, region_name=REGION)
        return session.client(service, endpoint_url=self.server.endpoint_url)

    def launch(self, *, tags: Mapping[str, str] | None = None, **request: Any) -> str:
        """Run one machine in the subnet and wait until it runs; its id."""
        asked: dict[str, Any] = {
            "ImageId": self.ami, "InstanceType": "t3.small", "MinCount": 1, "MaxCount": 1,
        }  # fmt: skip
        if "NetworkInterfaces" not in request:
            asked["SubnetId"] = self.subnet
        if tags:
            rows = [{"Key": key, "Value": value} for key, value in tags.items()]
            asked["TagSpecifications"] = [{"ResourceType": "instance", "Tags": rows}]
        answer = self.ec2.run_instances(**{**asked, **request})
        vm = str(answer["Instances"][0]["InstanceId"])
        while self.state(vm) != "running":
            time.sleep(0.02)
        return vm

    def state(self, vm: str) -> str:
        """EC2's word for its state."""
        found = self.ec2.describe_instances(InstanceIds=[vm])["Reservations"][0]["Instances"]
        return str(found[0]["State"]["Name"])

    def faults(self, *faults: dict[str, Any]) -> None:
        """Make the next calls fail."""
        self.server.faults.add(list(faults))

    def calls(self, operation: str) -> int:
        """How often it was called since the counts were reset."""
        return self.server.faults.counts().get(operation, {}).get("calls", 0)

    def write(self, volume: str, offset: int, data: bytes) -> None:
        """Write to a volume as its guest would."""
        said = {"id": volume, "offset": offset, "data": base64.b64encode(data).decode()}
        address = f"{self.server.endpoint_url}/_sandbox/write"
        with urllib.request.urlopen(address, json.dumps(said).encode()):
            pass

    def snapshot(self, blocks: Mapping[int, bytes]) -> str:
        """A completed 1 GiB snapshot with these blocks."""
        return write_disk_snapshot(self.ebs, self.ec2, 1, blocks, {"Name": "seed"})

    def image(self, blocks: Mapping[int, bytes], name: str, **fields: Any) -> str:
        """Register an AMI whose 1 GiB root holds these 512 KiB blocks."""
        ebs = {
            "SnapshotId": self.snapshot(blocks),
            "VolumeType": "gp3",
            "DeleteOnTermination": True,
        }
        asked = {
            "Architecture": "x86_64", "VirtualizationType": "hvm", "EnaSupport": True,
            "BootMode": "uefi", "RootDeviceName": "/dev/xvda",
            "BlockDeviceMappings": [{"DeviceName": "/dev/xvda", "Ebs": ebs}],
        }  # fmt: skip
        return str(self.ec2.register_image(Name=name, **{**asked, **fields})["ImageId"])


@contextmanager
def sandbox(delays: Delays = QUICK, types: Sequence[str] = ()) -> Iterator[Sandbox]:
    """Start a server, make its network and image, and stop it at the end.

    With ``types`` its region offers only these instance types, which is quick to read.
    """
    server = AwsServer(KEY_ID, SECRET, delays)
    server.start()
    world.current().settings.types = list(types)
    try:
        here = Sandbox(server)
        here.ec2, here.ebs = here.client("ec2"), here.client("ebs")
        here.vpc = here.ec2.create_vpc(CidrBlock="10.20.0.0/16")["Vpc"]["VpcId"]
        subnet = here.ec2.create_subnet(VpcId=here.vpc, CidrBlock="10.20.0.0/24")["Subnet"]
        here.subnet = subnet["SubnetId"]
        here.ami = here.image(DISK, "web")
        yield here
    finally:
        server.stop()


def block(index: int) -> bytes:
    """A block that tells its index and is not zero."""
    return index.to_bytes(8, "big") * (BLOCK_SIZE_BYTES // 8)


DISK = {index: block(index) for index in (1, 2, 7, 2047)}
"""The blocks of the image's root disk; all others are not there."""


def devices(machine: Machine, only: Sequence[int] | None = None) -> list[Device]:
    """The machine's disks as a plan numbers them."""
    return [
        Device(index=index, disk=disk)
        for index, disk in enumerate(machine.disks)
        if only is None or index in only
    ]
