"""Lasting copies of a discarded target's disks: snapshots that no discard takes.

Pages: CreateSnapshot of the EC2 API reference (no client token: what is there is looked for by
its tags first; the copy is of the moment of the call, and is pending for a while).
"""

from typing import Any

from coldferry.errors import Conflict, ProviderError, Transient
from coldferry.migration import MIGRATION_TAG
from coldferry.ports import KEPT_COPY, Erased, Owned, PowerState
from providers.aws import ownership
from providers.aws.client import speaking
from providers.aws.instances import power_of
from providers.aws.launching import find_vm
from providers.aws.listing import made_by, rows, tagging
from providers.aws.pauses import Pauses
from providers.aws.session import Clients
from providers.aws.target_tags import (
    DEVICE_TAG,
    FRAME,
    KEPT_TAG,
    moment,
    tag_of,
)

_COMPLETE_WITHIN_S = 24 * 3600.0


def keep(clients: Clients, migration: str) -> list[Owned]:
    """See ``Target.keep``."""
    vm = find_vm(clients, migration)
    if vm is not None and (state := power_of(vm)) is not PowerState.STOPPED:
        raise Conflict(
            f"{vm['InstanceId']} is {state}: its disks are copied once it is stopped.",
            "Stop it, then run the same command again.",
        )
    used = moment(vm.get("LaunchTime")) if vm is not None else None
    found = rows(clients, "describe_volumes", f"the disks of {migration}", made_by(migration))
    there = {tag_of(row, DEVICE_TAG): row for row in _copies(clients, migration)}
    for volume in found:
        device = tag_of(volume, DEVICE_TAG)
        if device is None or device == FRAME:
            continue
        row = there.get(device)
        if row is not None and (used not in (None, tag_of(row, KEPT_TAG)) or _failed(row)):
            ownership.delete_snapshot(clients, row["SnapshotId"])
            row = None
        if row is None:
            _copied(clients, migration, volume["VolumeId"], device, used or "")
    _wait(clients, migration)
    return kept(clients, migration)


def kept(clients: Clients, migration: str) -> list[Owned]:
    """See ``Target.kept``."""
    ids = sorted(row["SnapshotId"] for row in _copies(clients, migration))
    return [Owned(migration, KEPT_COPY, one) for one in ids]


def erase_kept(clients: Clients, migration: str) -> list[Erased]:
    """See ``Target.erase_kept``."""
    return ownership.erase(clients, kept(clients, migration))


def _copies(clients: Clients, migration: str) -> list[Any]:
    filters = {**made_by(migration), "tag-key": KEPT_TAG}
    return rows(clients, "describe_snapshots", f"the copies of {migration}", filters)


def _failed(row: Any) -> bool:
    return bool(row["State"] == "error")


def _copied(clients: Clients, migration: str, volume: str, device: str, used: str) -> None:
    tags = {
        MIGRATION_TAG: migration, KEPT_TAG: used, DEVICE_TAG: device,
        "Name": f"{migration}-{device}-kept",
    }  # fmt: skip
    with speaking("ec2:CreateSnapshot", volume):
        clients.ec2_once.create_snapshot(
            VolumeId=volume,
            Description=f"coldferry {migration} {device}, kept",
            TagSpecifications=tagging("snapshot", tags),
        )


def _wait(clients: Clients, migration: str) -> None:
    """Until each is whole: the volumes are going to be removed."""
    pauses = Pauses(_COMPLETE_WITHIN_S, longest_s=15.0)
    while states := {row["State"] for row in _copies(clients, migration)} - {"completed"}:
        if "error" in states:
            raise ProviderError(
                f"A lasting copy of {migration} could not be completed.",
                "Run the same command again: it is made anew.",
            )
        if pauses.over:
            raise Transient(f"The lasting copies of {migration} are not completed after a day.")
        pauses.pause()
