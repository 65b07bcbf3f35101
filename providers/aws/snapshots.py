"""Freezing an instance's volumes: one CreateSnapshots call makes one point in time.

Sources: CreateSnapshots, DescribeSnapshots, DeleteSnapshot of the EC2 API
reference. CreateSnapshots takes no client token, so every call bears a fresh
freeze tag: what one call made is recognised as one set, also when its reply
was lost.
"""

import uuid
from collections import defaultdict
from collections.abc import Sequence
from datetime import UTC
from typing import TYPE_CHECKING

from coldferry.erasing import erased
from coldferry.errors import Conflict, Gone, Transient
from coldferry.migration import MIGRATION_TAG, TAG_PREFIX
from coldferry.plan import Device
from coldferry.ports import FROZEN, Erased, FrozenDisk, Owned
from providers.aws.client import speaking
from providers.aws.instances import read_living, root_volume_device, tags_of
from providers.aws.inventory import read_volumes
from providers.aws.pauses import Pauses
from providers.aws.session import Clients
from providers.aws.volumes import attachment_to

if TYPE_CHECKING:
    from mypy_boto3_ec2.type_defs import (
        FilterTypeDef,
        InstanceSpecificationTypeDef,
        InstanceTypeDef,
    )
    from mypy_boto3_ec2.type_defs import SnapshotTypeDef as Row

FREEZE_TAG = f"{TAG_PREFIX}freeze"
"""On each frozen disk: the same word on all that one call made."""

LAUNCH_TAG = f"{TAG_PREFIX}launched"
"""On each frozen disk: the machine's LaunchTime before the freeze.

EC2 sets a new one at every start, so another one now means that the machine
ran since. Comparing it with the snapshot's own StartTime would not do: a
LaunchTime is in whole seconds.
"""

_COMPLETE_WITHIN_S = 24 * 3600.0
"""The first snapshot of a large volume takes hours; a rerun waits on."""

_SEEN_WITHIN_S = 120.0
"""EC2 may not show at once what it has just made ("Eventual consistency")."""

_CREATE_TRIES = 3
_CREATE_WITHIN_S = 30.0


def freeze(
    clients: Clients, vm: str, migration: str, devices: Sequence[Device]
) -> list[FrozenDisk]:
    """A completed snapshot of each device, in their order, all of one moment.

    Raises Conflict when a disk is not attached any more, Transient when a
    snapshot failed or is not completed in a day, and what EC2 refuses.
    """
    if not devices:
        return []
    chosen = _find(clients, vm, migration, devices)
    if chosen is None:
        chosen = _create(clients, vm, migration, devices)
    wait_completed(clients, list(chosen.values()))
    return [FrozenDisk(migration, device, chosen[device.disk.id]) for device in devices]


def started_since(clients: Clients, vm: str, frozen: Sequence[FrozenDisk]) -> bool:
    """Whether the machine was started after these snapshots were made; its LaunchTime tells."""
    launched = _launched(read_living(clients, vm))
    ids = [disk.ref for disk in frozen]
    rows = _list(clients, [{"Name": "snapshot-id", "Values": ids}]) if ids else []
    return any(tags_of(row.get("Tags", [])).get(LAUNCH_TAG) != launched for row in rows)


def ran_since(clients: Clients, vm: str, migration: str) -> bool | None:
    """The same of the snapshots that a fresh read lists; None when there are none."""
    launched = _launched(read_living(clients, vm))
    rows = _frozen(clients, migration)
    if not rows:
        return None
    return not any(tags_of(row.get("Tags", [])).get(LAUNCH_TAG) == launched for row in rows)


def frozen(clients: Clients, migration: str) -> list[Owned]:
    """Every frozen disk of the migration, as a fresh read lists them."""
    ids = sorted(row["SnapshotId"] for row in _frozen(clients, migration))
    return [Owned(migration, FROZEN, one) for one in ids]


def release(clients: Clients, migration: str) -> list[Erased]:
    """Delete every frozen disk of the migration, as a fresh read lists them."""
    return [
        erased(one, "ec2:DeleteSnapshot", answer)
        for one in frozen(clients, migration)
        if (answer := _delete(clients, one.id))
    ]


def _find(
    clients: Clients, vm: str, migration: str, devices: Sequence[Device]
) -> dict[str, str] | None:
    """Volume id to snapshot id of the oldest set that holds; the others that cannot are deleted."""
    launched = _launched(read_living(clients, vm))
    wanted = {device.disk.id for device in devices}
    sets: dict[str, list[Row]] = defaultdict(list)
    for row in _frozen(clients, migration):
        sets[tags_of(row.get("Tags", [])).get(FREEZE_TAG, "")].append(row)
    holding = []
    for rows in sets.values():
        by_volume = {row["VolumeId"]: row["SnapshotId"] for row in rows}
        broken = any(row["State"] == "error" for row in rows) or not wanted <= by_volume.keys()
        ran_since = tags_of(rows[0].get("Tags", [])).get(LAUNCH_TAG) != launched
        if broken or ran_since:
            for row in rows:
                _delete(clients, row["SnapshotId"])
        else:
            holding.append((min(row["StartTime"] for row in rows), by_volume))
    return min(holding, key=lambda one: one[0])[1] if holding else None


def _launched(instance: "InstanceTypeDef") -> str:
    launched = instance.get("LaunchTime")
    return launched.astimezone(UTC).isoformat() if launched else ""


def _create(clients: Clients, vm: str, migration: str, devices: Sequence[Device]) -> dict[str, str]:
    """One call; after a lost reply its set is found instead of making another."""
    pauses = Pauses(_CREATE_WITHIN_S)
    for left in reversed(range(_CREATE_TRIES)):
        try:
            return _create_once(clients, vm, migration, devices)
        except Transient:
            if not left:
                raise
            pauses.pause()
            found = _find(clients, vm, migration, devices)
            if found is not None:
                return found
    raise AssertionError


def _create_once(
    clients: Clients, vm: str, migration: str, devices: Sequence[Device]
) -> dict[str, str]:
    instance = read_living(clients, vm)
    tags = {
        MIGRATION_TAG: migration,
        FREEZE_TAG: uuid.uuid4().hex,
        LAUNCH_TAG: _launched(instance),
        "Name": migration,
    }
    specification = _specification(clients, instance, devices)
    with speaking("ec2:CreateSnapshots", vm):
        answer = clients.ec2_once.create_snapshots(
            Description=f"coldferry {migration}",
            InstanceSpecification=specification,
            TagSpecifications=[
                {
                    "ResourceType": "snapshot",
                    "Tags": [{"Key": key, "Value": value} for key, value in tags.items()],
                }
            ],
        )
    made = {
        row["VolumeId"]: row["SnapshotId"]
        for row in answer["Snapshots"]
        if "VolumeId" in row and "SnapshotId" in row
    }
    for device in devices:
        if device.disk.id not in made:
            raise Transient(f"EC2 made no snapshot of {device.disk.id} of {vm}.")
    return made


def _specification(
    clients: Clients, instance: "InstanceTypeDef", devices: Sequence[Device]
) -> "InstanceSpecificationTypeDef":
    """The instance without the volumes that are not asked for."""
    vm = instance["InstanceId"]
    wanted = {device.disk.id for device in devices}
    attached = {
        attachment["Device"]: volume["VolumeId"]
        for volume in read_volumes(clients, vm)
        if (attachment := attachment_to(volume, vm)) is not None
    }
    for missing in sorted(wanted - set(attached.values())):
        raise Conflict(
            f"The disk {missing} is not attached to {vm} any more.",
            "Attach it again, or roll the migration back and plan it anew.",
        )
    root = attached.get(root_volume_device(instance, list(attached)) or "")
    left_out = sorted(set(attached.values()) - wanted - {root})
    specification: InstanceSpecificationTypeDef = {
        "InstanceId": vm, "ExcludeBootVolume": root not in wanted,
    }  # fmt: skip
    if left_out:
        specification["ExcludeDataVolumeIds"] = left_out
    return specification


def wait_completed(clients: Clients, ids: list[str]) -> None:
    """Until all are completed. The SDK's waiter ends after ten minutes, so it is not used.

    Raises Transient when one failed, which is then deleted, or takes more than a day.
    """
    pauses, seen_within = Pauses(_COMPLETE_WITHIN_S, longest_s=15.0), Pauses(_SEEN_WITHIN_S)
    while True:
        rows = _list(clients, [{"Name": "snapshot-id", "Values": ids}])
        states = {row["SnapshotId"]: row["State"] for row in rows}
        for failed in [one for one, state in states.items() if state == "error"]:
            _delete(clients, failed)
            raise Transient(f"EC2 could not complete the snapshot {failed}; it is deleted.")
        if len(states) == len(ids) and set(states.values()) == {"completed"}:
            return
        if len(states) < len(ids) and seen_within.over:
            raise Gone(f"Of the snapshots {', '.join(ids)} EC2 shows only {len(states)}.")
        if pauses.over:
            raise Transient(
                f"The snapshots {', '.join(ids)} are not completed after a day.",
                "Run the same command again: it waits on.",
            )
        pauses.pause()


def _frozen(clients: Clients, migration: str) -> "list[Row]":
    return _list(
        clients,
        [
            {"Name": f"tag:{MIGRATION_TAG}", "Values": [migration]},
            {"Name": "tag-key", "Values": [FREEZE_TAG]},
        ],
    )


def _list(clients: Clients, filters: "list[FilterTypeDef]") -> "list[Row]":
    with speaking("ec2:DescribeSnapshots", "our snapshots"):
        pages = clients.ec2.get_paginator("describe_snapshots").paginate(
            OwnerIds=["self"], Filters=filters
        )
        return [row for page in pages for row in page["Snapshots"]]


def _delete(clients: Clients, snapshot: str) -> str:
    """EC2's answer: the status and the request's id. "" when it was gone already."""
    try:
        with speaking("ec2:DeleteSnapshot", snapshot):
            answer = clients.ec2.delete_snapshot(SnapshotId=snapshot)["ResponseMetadata"]
    except Gone:
        return ""
    return f"{answer['HTTPStatusCode']}, request {answer['RequestId']}"
