"""Taking away what bears our tag, and leaving what stays to its owner.

Deleting goes from the VM outwards: a VM holds its interfaces and volumes, an image its snapshot,
an interface its group. Everything is read afresh right before it is deleted.
"""

from collections.abc import Callable, Sequence
from typing import Any

from coldferry.erasing import erased
from coldferry.errors import Conflict, Finding, Gone, Transient
from coldferry.migration import ATTEMPT_TAG, MIGRATION_TAG, POWER_TAG, TAG_PREFIX
from coldferry.ports import KEPT_COPY, Erased, Owned
from providers.aws import beside, tagged
from providers.aws.client import speaking
from providers.aws.instances import tags_of
from providers.aws.listing import made_by, rows
from providers.aws.pauses import Pauses
from providers.aws.session import Clients
from providers.aws.target_tags import COPIED, GROUP, IMAGE, INTERFACE, VM, VOLUME

_ORDER = (VM, INTERFACE, VOLUME, IMAGE, COPIED, GROUP)
"""In which they can be deleted."""

_TEMPORARY = (IMAGE, COPIED, GROUP)
_STAYING = (
    ("describe_volumes", "VolumeId"),
    ("describe_network_interfaces", "NetworkInterfaceId"),
    ("describe_instances", "InstanceId"),
)
_OF_ITS_NEXT_MOVE = (ATTEMPT_TAG, POWER_TAG)
"""A VM that was brought here may be on its way from here."""

_TERMINATED = {"Code": 48, "Name": "terminated"}
"""EC2 lists such an instance for an hour more, with its tags."""

_GONE_WITHIN_S = 600.0
_FREE_WITHIN_S = 60.0


def owned(clients: Clients, migration: str | None = None) -> list[Owned]:
    """Everything in the region with that migration's tag, or any migration's."""
    found = tagged.everything(clients, migration)
    return [Owned(one.migration, one.kind, one.id) for one in found]


def discard(clients: Clients, migration: str) -> list[Erased]:
    """Delete everything that the migration made here but its lasting copies."""
    return _erase_kinds(clients, migration, _ORDER)


def temporary(clients: Clients, migration: str) -> list[Owned]:
    """The deny-all group, and the image and snapshots that the machine was made from."""
    return _of_kinds(clients, migration, _TEMPORARY)


def at_hand_over(clients: Clients, migration: str) -> list[Finding]:
    """Each interface that is behind the deny-all group, whoever made it."""
    groups = [one.id for one in _of_kinds(clients, migration, (GROUP,))]
    behind = rows(clients, "describe_network_interfaces", migration, {"group-id": groups})
    return [
        Finding(
            "refuse", "denied", nic["NetworkInterfaceId"],
            f"Network interface {nic['NetworkInterfaceId']} is still behind the group that denies "
            "all.",
            "Cut the migration over, or give the interface another group.",
        )
        for nic in behind
    ]  # fmt: skip


def hand_over(clients: Clients, migration: str) -> list[Erased]:
    """Delete what is temporary, and take our tags off volumes, interfaces, and at last the VM.

    The VM goes last: while it bears the tag, a run that died can go on.
    """
    if held := at_hand_over(clients, migration):
        raise Conflict(held[0].what, held[0].do)
    gone = _erase_kinds(clients, migration, _TEMPORARY)
    for call, key in _STAYING:
        for row in rows(clients, call, f"what {migration} made", made_by(migration)):
            if row.get("State") != _TERMINATED:
                _untag(clients, row[key], tags_of(row.get("Tags") or row.get("TagSet") or []))
    return gone


def erase(clients: Clients, things: Sequence[Owned]) -> list[Erased]:
    """Delete each that still bears the tag on a fresh read."""
    gone = []
    for one in things:
        fresh = {(now.kind, now.id) for now in _of_kinds(clients, one.migration, (one.kind,))}
        if (one.kind, one.id) in fresh:
            gone += _DELETE[one.kind](clients, one)
    return gone


def delete_snapshot(clients: Clients, snapshot: str) -> str:
    """AWS's answer, "" when it is gone already."""
    clients.erased.add(snapshot)
    return _said(
        "ec2:DeleteSnapshot", snapshot, lambda: clients.ec2.delete_snapshot(SnapshotId=snapshot)
    )


def _of_kinds(clients: Clients, migration: str, kinds: Sequence[str]) -> list[Owned]:
    found = list(tagged.everything(clients, migration, kinds))
    ordered = sorted(found, key=lambda one: (kinds.index(one.kind), one.id))
    return [Owned(one.migration, one.kind, one.id) for one in ordered]


def _erase_kinds(clients: Clients, migration: str, kinds: Sequence[str]) -> list[Erased]:
    """Kind by kind: what is listed is what the deletions before it have left."""
    return [
        gone
        for kind in kinds
        for one in _of_kinds(clients, migration, (kind,))
        for gone in _DELETE[kind](clients, one)
    ]


def _said(action: str, subject: str, call: Callable[[], Any]) -> str:
    try:
        with speaking(action, subject):
            answer = call()["ResponseMetadata"]
    except Gone:
        return ""
    return f"{answer['HTTPStatusCode']}, request {answer['RequestId']}"


def _terminate(clients: Clients, one: Owned) -> list[Erased]:
    """The instance, and what goes with it: all of that is ours, or it is refused."""
    filters = {**made_by(one.migration), "instance-id": one.id}
    for row in rows(clients, "describe_instances", one.id, filters):
        beside.refuse_termination(clients, row, one.migration)
    before = _of_kinds(clients, one.migration, (VM, INTERFACE, VOLUME))
    answer = _said(
        "ec2:TerminateInstances", one.id,
        lambda: clients.ec2.terminate_instances(InstanceIds=[one.id]),
    )  # fmt: skip
    pauses = Pauses(_GONE_WITHIN_S)
    while rows(clients, "describe_instances", one.id, _not_gone(one.id)):
        if pauses.over:
            raise Transient(
                f"EC2 is still ending {one.id}.", "Run the same command again: it waits on."
            )
        pauses.pause()
    left = {thing.id for thing in _of_kinds(clients, one.migration, (VM, INTERFACE, VOLUME))}
    gone = [thing for thing in before if thing.id not in left]
    clients.erased.update(thing.id for thing in gone)
    return [erased(thing, "ec2:TerminateInstances", answer) for thing in gone] if answer else []


def _not_gone(vm: str) -> dict[str, Any]:
    states = ("pending", "running", "stopping", "stopped", "shutting-down")
    return {"instance-id": vm, "instance-state-name": states}


def _simple(
    action: str, method: str, key: str, *, held: bool = False
) -> Callable[[Clients, Owned], list[Erased]]:
    """One call that deletes one thing; nothing where it was gone.

    ``held``: what was deleted before it may seem to hold it for a while.
    """

    def delete(clients: Clients, one: Owned) -> list[Erased]:
        clients.erased.add(one.id)
        call: Any = getattr(clients.ec2, method)
        answer = (_freed if held else _said)(action, one.id, lambda: call(**{key: one.id}))
        return [erased(one, action, answer)] if answer else []

    return delete


def _freed(action: str, subject: str, call: Callable[[], Any]) -> str:
    """Once more while EC2 takes it for in use: an end is not known everywhere at once."""
    pauses = Pauses(_FREE_WITHIN_S)
    while True:
        try:
            return _said(action, subject, call)
        except Conflict:
            if pauses.over:
                raise
            pauses.pause()


_DELETE: dict[str, Callable[[Clients, Owned], list[Erased]]] = {
    VM: _terminate,
    INTERFACE: _simple(
        "ec2:DeleteNetworkInterface", "delete_network_interface", "NetworkInterfaceId"
    ),
    VOLUME: _simple("ec2:DeleteVolume", "delete_volume", "VolumeId"),
    IMAGE: _simple("ec2:DeregisterImage", "deregister_image", "ImageId"),
    COPIED: _simple("ec2:DeleteSnapshot", "delete_snapshot", "SnapshotId", held=True),
    KEPT_COPY: _simple("ec2:DeleteSnapshot", "delete_snapshot", "SnapshotId"),
    GROUP: _simple("ec2:DeleteSecurityGroup", "delete_security_group", "GroupId", held=True),
}


def _untag(clients: Clients, thing: str, tags: dict[str, str]) -> None:
    """All of ours; the tag that says whose it is goes with the others, in one call."""
    leaving = [key for key in tags if key.startswith(TAG_PREFIX) and key not in _OF_ITS_NEXT_MOVE]
    if MIGRATION_TAG in leaving:
        with speaking("ec2:DeleteTags", thing):
            clients.ec2.delete_tags(Resources=[thing], Tags=[{"Key": key} for key in leaving])
