"""The disks of a new machine before it is made: snapshots that are written, tagged, adopted.

Pages: "Write snapshots with EBS direct APIs" (a snapshot is pending while it is written, and in
error once nothing was written for its timeout), StartSnapshot of the EBS direct API reference
(tags and encryption are given in the call that makes it).
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from coldferry.errors import Conflict, ProviderError
from coldferry.plan import Device, Plan
from coldferry.ports import FrozenDisk
from providers.aws.client import speaking
from providers.aws.listing import made_by, rows, tag_rows
from providers.aws.session import Clients
from providers.aws.target_tags import (
    COPIED,
    DEVICE_TAG,
    FROM_TAG,
    disk_tags,
    long_gone,
    tag_of,
    tokens,
)
from providers.aws.writing import TIMEOUT_MIN, SnapshotWriter, delete_snapshot, size_gib

_TAG_CHARS = 256


@contextmanager
def open_disk(clients: Clients, plan: Plan, frozen: FrozenDisk) -> Iterator[SnapshotWriter]:
    """Start the device's snapshot, or adopt it; leaving closes connections and nothing more.

    Raises Conflict where one begun from another frozen state is part of the new machine.
    """
    snapshot, state = _adopted(clients, plan, frozen) or (_started(clients, plan, frozen), "")
    writer = SnapshotWriter(clients, snapshot, frozen.device.disk.size_bytes, fresh=not state)
    writer.sealed = state == "completed"
    try:
        yield writer
    finally:
        writer.close()


def discard_disk(clients: Clients, plan: Plan, device: Device) -> None:
    """Delete the device's snapshots. Raises Conflict for one that is part of the new machine."""
    for row in written(clients, plan.migration, device.name):
        _remove(clients, plan, row["SnapshotId"])


def written(clients: Clients, migration: str, device: str | None = None) -> list[Any]:
    """The snapshots that the migration writes or has written: all, or those of one device."""
    filters = {**made_by(migration), "tag-key": FROM_TAG}
    found = rows(clients, "describe_snapshots", f"the disks of {migration}", filters)
    found.sort(key=lambda row: (row["StartTime"], row["SnapshotId"]))
    return [row for row in found if device in (None, tag_of(row, DEVICE_TAG))]


def find_written(clients: Clients, plan: Plan, ref: str) -> Device:
    """The device that the snapshot is the disk of. Raises Conflict unless it is ours."""
    filters = {**made_by(plan.migration), "snapshot-id": ref}
    for row in rows(clients, "describe_snapshots", ref, filters):
        for device in plan.devices:
            if tag_of(row, DEVICE_TAG) == device.name:
                return device
    raise Conflict(
        f"Snapshot {ref} is no {COPIED} of {plan.migration}.",
        "Run the same command again: the disk is looked for, and begun anew if it is gone.",
    )


def in_use(clients: Clients, plan: Plan, ref: str) -> bool:
    """Whether a volume made from the snapshot is at the migration's own VM."""
    filters = {**made_by(plan.migration), "snapshot-id": ref}
    volumes = rows(clients, "describe_volumes", ref, filters)
    holders = {
        attachment["InstanceId"]
        for volume in volumes
        for attachment in volume.get("Attachments", [])
        if "InstanceId" in attachment
    }
    filters = {**made_by(plan.migration), "instance-id": sorted(holders)}
    return bool(rows(clients, "describe_instances", plan.migration, filters))


def _adopted(clients: Clients, plan: Plan, frozen: FrozenDisk) -> tuple[str, str] | None:
    """The id and state of ours; what was begun otherwise, or has failed, is removed."""
    wanted, found = _request(plan, frozen), None
    good = {_from_tag(ref) for ref in (frozen.ref, *frozen.follows)}
    for row in written(clients, plan.migration, frozen.device.name):
        otherwise = (
            tag_of(row, FROM_TAG) not in good
            or row["VolumeSize"] != wanted["VolumeSize"]
            or (wanted.get("Encrypted", False) and not row.get("Encrypted", False))
        )
        if otherwise or row["State"] == "error" or found is not None:
            _remove(clients, plan, row["SnapshotId"])
        else:
            found = row["SnapshotId"], row["State"]
    return found


def _started(clients: Clients, plan: Plan, frozen: FrozenDisk) -> str:
    asked = _request(plan, frozen)
    words = frozen.device.name, frozen.ref, str(asked["VolumeSize"]), str("Encrypted" in asked)
    for token in tokens(plan.migration, *words):
        with speaking("ebs:StartSnapshot", f"{frozen.device.name} of {plan.migration}"):
            answer = clients.ebs.start_snapshot(ClientToken=token, **asked)
        snapshot = answer["SnapshotId"]
        # One that was made long ago would have been found by its tag: it was deleted since.
        if snapshot not in clients.erased and not long_gone(answer["StartTime"], answer):
            return snapshot
    raise ProviderError(
        f"Snapshots of {frozen.device.name} of {plan.migration} are deleted again and again.",
        "Find out who deletes them, then run the same command again.",
    )


def _request(plan: Plan, frozen: FrozenDisk) -> dict[str, Any]:
    device = frozen.device
    tags = disk_tags(plan, device.name) | {FROM_TAG: _from_tag(frozen.ref)}
    asked: dict[str, Any] = {
        "VolumeSize": size_gib(device.disk.size_bytes),
        "Tags": tag_rows(tags),
        "Description": f"coldferry {plan.migration} {device.name}",
        "Timeout": TIMEOUT_MIN,
    }
    # Left out rather than False: then the region's own rule counts.
    return asked | ({"Encrypted": True} if plan.value(f"disks[{device.index}].encrypted") else {})


def _from_tag(ref: str) -> str:
    return ref[-_TAG_CHARS:]


def _remove(clients: Clients, plan: Plan, snapshot: str) -> None:
    if in_use(clients, plan, snapshot):
        raise Conflict(
            f"The new machine of {plan.migration} was made from {snapshot} already.",
            "Roll the migration back, and plan it anew.",
        )
    clients.erased.add(snapshot)
    delete_snapshot(clients, snapshot)
