"""What is known of disks without freezing them: the newest snapshots that somebody made of them.

Sources: DescribeSnapshots of the EC2 API reference; ListSnapshotBlocks of the EBS direct API
reference. A snapshot in the archive tier cannot be listed ("Archive Amazon EBS snapshots").
"""

from collections.abc import Iterator, Sequence
from contextlib import closing
from typing import TYPE_CHECKING

from coldferry.abilities import Glimpse
from coldferry.plan import Device
from providers.aws.client import speaking
from providers.aws.disks import SnapshotReader
from providers.aws.session import Clients

if TYPE_CHECKING:
    from mypy_boto3_ec2.type_defs import SnapshotTypeDef as Row

_GIB = 1 << 30


def latest(clients: Clients, devices: Sequence[Device]) -> Iterator[Glimpse]:
    """Of each device that has a completed snapshot of its size in this account, the newest."""
    if not devices:
        return
    volumes = {device.disk.id: device for device in devices}
    with speaking("ec2:DescribeSnapshots", "the disks' snapshots"):
        pages = clients.ec2.get_paginator("describe_snapshots").paginate(
            OwnerIds=["self"],
            Filters=[
                {"Name": "volume-id", "Values": list(volumes)},
                {"Name": "status", "Values": ["completed"]},
            ],
        )
        rows = [row for page in pages for row in page["Snapshots"]]
    for volume, device in volumes.items():
        of = [row for row in rows if row.get("VolumeId") == volume and _serves(row, device)]
        if of:
            newest = max(of, key=lambda row: row["StartTime"])
            as_of = newest["StartTime"].isoformat(timespec="seconds")
            reader = closing(SnapshotReader(clients, newest["SnapshotId"]))
            yield Glimpse(device, as_of, reader)


def _serves(row: "Row", device: Device) -> bool:
    same = row.get("VolumeSize", 0) * _GIB == device.disk.size_bytes
    return same and row.get("StorageTier", "standard") == "standard"
