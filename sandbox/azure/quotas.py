"""Quotas of a subscription that count things: managed disks by their family.

Sources: "Usage - List" of the Compute REST reference; "Azure subscription and service
limits" (50,000 disks of each family in a region).
"""

from sandbox.azure.errors import not_allowed
from sandbox.azure.world import World

DISK_COUNTS = ("StandardDiskCount", "StandardSSDDiskCount", "PremiumDiskCount")
_DEFAULT = 50_000


def disks(world: World, name: str) -> tuple[int, int]:
    """How many disks count against the quota, and how many may be."""
    kinds = [disk.body["sku"]["name"] for disk in world.of_kind("disks")]
    used = sum(_count_of(kind) == name for kind in kinds)
    return used, world.settings.disk_limits.get(name, _DEFAULT)


def refuse_over(world: World, kind: str) -> None:
    """Raise when one more disk of the kind is more than the subscription may have."""
    name = _count_of(kind)
    used, most = disks(world, name)
    if used + 1 > most:
        raise not_allowed(
            f"Operation could not be completed as it results in exceeding approved {name} quota. "
            f"Current Limit: {most}, Minimum New Limit Required: {used + 1}.",
            ("QuotaExceeded",),
        )


def _count_of(kind: str) -> str:
    return f"{kind.partition('_')[0]}DiskCount"
