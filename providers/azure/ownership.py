"""What bears our tag, taking it away again, and leaving what stays to its owner.

Deleting goes from the VM outwards: a VM holds its interfaces and disks, an
interface its group. Everything is read afresh right before it is deleted.
"""

from collections.abc import Iterator, Sequence

from coldferry.erasing import erased
from coldferry.errors import Conflict, Finding
from coldferry.migration import ATTEMPT_TAG, MIGRATION_TAG, POWER_TAG, TAG_PREFIX
from coldferry.ports import DAYS_A_MONTH, KEPT_COPY, Erased, Owned, Tagged
from providers.azure import beside, disks
from providers.azure.client import Arm
from providers.azure.ids import Json, properties, tag
from providers.azure.interfaces import rewrite
from providers.azure.kinds import DISK, NIC, NSG, SNAPSHOT, VM, Kind
from providers.azure.power import state_of
from providers.azure.share import tier

KEPT_TAG = f"{TAG_PREFIX}kept"
"""On each lasting copy: when its disk had last changed hands, so that a later use shows."""

KINDS = (VM, NIC, NSG, DISK)
"""In the order in which they can be deleted."""

_OF_ITS_NEXT_MOVE = (ATTEMPT_TAG, POWER_TAG)
"""A VM that was brought here may be on its way from here."""


def owned(arm: Arm, migration: str | None = None) -> list[Owned]:
    """Everything in the resource group with that migration's tag, or any migration's."""
    return _listed(arm, migration, (*KINDS, SNAPSHOT))


def discard(arm: Arm, migration: str) -> list[Erased]:
    """End access and delete everything of that migration but its lasting copies."""
    return _erase(arm, migration, KINDS)


def temporary(arm: Arm, migration: str) -> list[Owned]:
    """The deny-all group, which is of no use once the machine is behind its real ones."""
    return _listed(arm, migration, (NSG,))


def at_hand_over(arm: Arm, migration: str) -> list[Finding]:
    """Each interface that is behind the deny-all group, whoever made it."""
    ours = {one.id.lower() for one in temporary(arm, migration)}
    return [
        Finding(
            "refuse", "denied", nic["name"],
            f"Network interface '{nic['name']}' is still behind the group that denies all.",
            "Cut the migration over, or give the interface another group.",
        )
        for nic in (arm.in_group(NIC) if ours else ())
        if group_of(nic) in ours
    ]  # fmt: skip


def group_of(nic: Json) -> str:
    """The id of the group that an interface is behind, in lower case; "" for none."""
    return str((properties(nic).get("networkSecurityGroup") or {}).get("id") or "").lower()


def hand_over(arm: Arm, migration: str) -> list[Erased]:
    """Delete the deny-all group, and take our tags off disks, interfaces, and at last the VM.

    The VM goes last: while it bears the tag, a run that died can go on.
    """
    if held := at_hand_over(arm, migration):
        raise Conflict(held[0].what, held[0].do)
    gone = _erase(arm, migration, (NSG,))
    for kind in (DISK, NIC, VM):
        for one in arm.in_group(kind):
            if tag(one, MIGRATION_TAG) == migration:
                _untag(arm, kind, one)
    return gone


def _untag(arm: Arm, kind: Kind, one: Json) -> None:
    kept = {
        key: value
        for key, value in (one.get("tags") or {}).items()
        if not key.lower().startswith(TAG_PREFIX) or key.lower() in _OF_ITS_NEXT_MOVE
    }
    if kind is NIC:
        rewrite(arm, one["name"], lambda nic: nic.update(tags=kept))
    else:
        arm.set_tags(kind, one["name"], kept)


def _listed(arm: Arm, migration: str | None, kinds: Sequence[Kind]) -> list[Owned]:
    return [
        Owned(of, word_of(kind, item), item["id"])
        for kind in kinds
        for item in arm.in_group(kind)
        if (of := tag(item, MIGRATION_TAG)) and migration in (None, of)
    ]


def word_of(kind: Kind, item: Json) -> str:
    """Our word for what it is: a snapshot of ours that lasts is a kept copy."""
    return KEPT_COPY if kind is SNAPSHOT and tag(item, KEPT_TAG) is not None else kind.word


def _erase(arm: Arm, migration: str, kinds: Sequence[Kind]) -> list[Erased]:
    """Kind by kind: what is listed is what the deletions before it have left."""
    return [
        gone
        for kind in kinds
        for found in _listed(arm, migration, (kind,))
        if (gone := erase(arm, kind, found)) is not None
    ]


def erase(arm: Arm, kind: Kind, found: Owned) -> Erased | None:
    """Delete what still bears the tag on a fresh read; None when nothing does."""
    name = found.id.rpartition("/")[2]
    fresh = arm.find(kind, name)
    if fresh is None or tag(fresh, MIGRATION_TAG) != found.migration:
        return None
    if kind is VM:
        beside.refuse_deletion(arm, fresh, found.migration)
    if kind is SNAPSHOT and properties(fresh).get("diskState") == "ActiveSAS":
        arm.revoke(SNAPSHOT, name)  # one that somebody may read cannot be deleted
    answer = disks.remove(arm, fresh) if kind is DISK else arm.delete(kind, name)
    return erased(found, f"{kind.arm_type}/delete", answer)


def tagged(arm: Arm) -> Iterator[Tagged]:
    """Everything in the resource group with our tag, snapshots too."""
    for kind in (*KINDS, SNAPSHOT):
        for item in arm.in_group(kind):
            if migration := tag(item, MIGRATION_TAG):
                yield _weighed(arm, kind, item, migration)


def _weighed(arm: Arm, kind: Kind, item: Json, migration: str) -> Tagged:
    size_bytes = properties(item).get("diskSizeBytes")
    if kind is not VM:
        sku = (item.get("sku") or {}).get("name") or ""
        billed = f"azure.disk-month.{tier(sku, size_bytes)}" if kind is DISK and size_bytes else ""
        return Tagged(
            migration, word_of(kind, item), item["id"], size_bytes, sku,
            item=billed, place=arm.access.location, units_per_day=1 / DAYS_A_MONTH,
        )  # fmt: skip
    seen = arm.find(VM, item["name"], expand="instanceView")  # the list tells no power
    sku = (properties(item).get("hardwareProfile") or {}).get("vmSize") or ""
    power = state_of(seen) if seen is not None else None
    return Tagged(
        migration, kind.word, item["id"], sku=sku, power=power,
        item=f"azure.vm-hour.{sku}", place=arm.access.location, units_per_day=24,
    )  # fmt: skip
