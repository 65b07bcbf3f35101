"""Seeds the double through the public API only, as one would seed AWS itself."""

import base64
import hashlib
import time
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import boto3
from botocore.config import Config

if TYPE_CHECKING:
    from mypy_boto3_ebs import EBSClient
    from mypy_boto3_ec2 import EC2Client

BLOCK_SIZE_BYTES = 524_288
_THREADS = 8
_WAIT_S = 60.0
_POLL_S = 0.05


def client(
    service: str, endpoint_url: str, key_id: str, secret: str, region: str, **config: Any
) -> Any:
    """A plain boto3 client of the double; ``config`` goes to botocore's Config."""
    return boto3.client(
        service,  # type: ignore[call-overload]
        endpoint_url=endpoint_url,
        aws_access_key_id=key_id,
        aws_secret_access_key=secret,
        region_name=region,
        config=Config(**{"max_pool_connections": _THREADS, **config}),
    )


def write_disk_snapshot(
    ebs: "EBSClient",
    ec2: "EC2Client",
    size_gib: int,
    blocks: Mapping[int, bytes],
    tags: Mapping[str, str],
) -> str:
    """Make a completed snapshot of ``size_gib`` with these 512 KiB blocks; answer its id.

    Source: "Write snapshots with EBS direct APIs"; the LINEAR checksum is the
    SHA-256 of the block digests joined in ascending order of block index.
    """
    rows = [{"Key": key, "Value": value} for key, value in tags.items()]
    snapshot_id = ebs.start_snapshot(VolumeSize=size_gib, Tags=rows)["SnapshotId"]  # type: ignore[arg-type]

    def put(index: int) -> bytes:
        digest = hashlib.sha256(blocks[index]).digest()
        ebs.put_snapshot_block(
            SnapshotId=snapshot_id,
            BlockIndex=index,
            BlockData=blocks[index],
            DataLength=BLOCK_SIZE_BYTES,
            Checksum=base64.b64encode(digest).decode(),
            ChecksumAlgorithm="SHA256",
        )
        return digest

    with ThreadPoolExecutor(_THREADS) as pool:
        digests = list(pool.map(put, sorted(blocks)))
    ebs.complete_snapshot(
        SnapshotId=snapshot_id,
        ChangedBlocksCount=len(digests),
        Checksum=base64.b64encode(hashlib.sha256(b"".join(digests)).digest()).decode(),
        ChecksumAlgorithm="SHA256",
        ChecksumAggregationMethod="LINEAR",
    )
    wait_completed(ec2, snapshot_id)
    return snapshot_id


def wait_completed(ec2: "EC2Client", *snapshot_ids: str) -> None:
    """Wait until every snapshot is completed; raises when one fails or takes too long."""
    deadline_s = time.monotonic() + _WAIT_S
    while True:
        found = ec2.describe_snapshots(SnapshotIds=list(snapshot_ids))["Snapshots"]
        states = {row["SnapshotId"]: row["State"] for row in found}
        if set(states.values()) == {"completed"}:
            return
        if "error" in states.values() or time.monotonic() > deadline_s:
            raise RuntimeError(f"snapshots are not completed: {states}")
        time.sleep(_POLL_S)


def register_disk_image(
    ec2: "EC2Client", name: str, snapshot_id: str, device: str = "/dev/xvda", **more: Any
) -> str:
    """Register an x86_64 HVM image of one disk; ``more`` changes or adds, None takes away.

    Source: RegisterImage. Architecture, VirtualizationType and EnaSupport have
    defaults that no current instance type starts, so they are given.
    """
    disk = {"DeviceName": device, "Ebs": {"SnapshotId": snapshot_id, "VolumeType": "gp3"}}
    wanted: dict[str, Any] = {
        "Name": name,
        "Architecture": "x86_64",
        "VirtualizationType": "hvm",
        "EnaSupport": True,
        "RootDeviceName": device,
        "BlockDeviceMappings": [disk],
        **more,
    }
    kept = {key: value for key, value in wanted.items() if value is not None}
    return str(ec2.register_image(**kept)["ImageId"])


def see(ec2: "EC2Client", instance_id: str) -> Any:
    """DescribeInstances of one instance."""
    answer = ec2.describe_instances(InstanceIds=[instance_id])
    return answer["Reservations"][0]["Instances"][0]


def wait_state(ec2: "EC2Client", instance_id: str, state: str) -> Any:
    """Wait until the instance is in ``state``; answer it as it is then."""
    deadline_s = time.monotonic() + _WAIT_S
    while (seen := see(ec2, instance_id))["State"]["Name"] != state:
        if time.monotonic() > deadline_s:
            raise RuntimeError(f"{instance_id} is {seen['State']['Name']}, not {state}")
        time.sleep(_POLL_S)
    return seen
