"""What bears our tag, and taking it away again.

Deleting goes from the VM outwards: a VM holds its interfaces and disks, an
interface its group. Everything is read afresh right before it is deleted.
"""

from collections.abc import Iterator

from coldferry.migration import MIGRATION_TAG
from coldferry.ports import Owned, Tagged
from providers.azure import disks
from providers.azure.client import Arm
from providers.azure.ids import Json, properties, tag
from providers.azure.kinds import DISK, NIC, NSG, SNAPSHOT, VM, Kind
from providers.azure.power import state_of

KINDS = (VM, NIC, NSG, DISK)
"""In the order in which they can be deleted."""


def owned(arm: Arm, migration: str | None = None) -> list[Owned]:
    """Everything in the resource group with that migration's tag, or any migration's."""
    return [
        found
        for kind in KINDS
        for found in _of_kind(arm, kind)
        if migration is None or found.migration == migration
    ]


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
        return Tagged(migration, kind.word, item["id"], size_bytes, sku)
    seen = arm.find(VM, item["name"], expand="instanceView")  # the list tells no power
    sku = (properties(item).get("hardwareProfile") or {}).get("vmSize") or ""
    power = state_of(seen) if seen is not None else None
    return Tagged(
        migration, kind.word, item["id"], sku=sku, power=power,
        item=f"azure.vm-hour.{sku}", place=arm.access.location, units_per_day=24,
    )  # fmt: skip


def discard(arm: Arm, migration: str) -> list[Owned]:
    """End access and delete everything of that migration; answer what was deleted."""
    return [
        found
        for kind in KINDS
        for found in _of_kind(arm, kind)
        if found.migration == migration and _delete(arm, kind, found)
    ]


def _of_kind(arm: Arm, kind: Kind) -> list[Owned]:
    return [
        Owned(migration, kind.word, item["id"])
        for item in arm.in_group(kind)
        if (migration := tag(item, MIGRATION_TAG))
    ]


def _delete(arm: Arm, kind: Kind, found: Owned) -> bool:
    name = found.id.rpartition("/")[2]
    fresh = arm.find(kind, name)
    if fresh is None or tag(fresh, MIGRATION_TAG) != found.migration:
        return False
    if kind is DISK:
        disks.remove(arm, fresh)
    else:
        arm.delete(kind, name)
    return True
