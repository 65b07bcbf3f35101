"""Azure's kinds of managed disks: what each is, as data.

Pages: "Azure managed disk types" (Premium SSD holds its figures 99.9 % of the time,
Standard SSD 99 %, Standard HDD varies more; Standard HDD as an OS disk retires on
2028-09-08), "Upload a VHD to Azure" (which kinds take a direct upload).
"""

from dataclasses import dataclass

from coldferry.machine import Medium


@dataclass(frozen=True)
class DiskKind:
    """A kind that takes an upload. ``for_root`` False: no OS disk is put on it unasked."""

    words: str
    medium: Medium
    for_root: bool = True
    by_rule: bool = True


UPLOADABLE = {
    "Standard_LRS": DiskKind("Standard HDD", "hdd", for_root=False),
    "StandardSSD_LRS": DiskKind("Standard SSD", "ssd"),
    "Premium_LRS": DiskKind("Premium SSD", "steady ssd"),
    "StandardSSD_ZRS": DiskKind("Standard SSD, in three zones", "ssd", by_rule=False),
    "Premium_ZRS": DiskKind("Premium SSD, in three zones", "steady ssd", by_rule=False),
}
"""Slowest first. Those in three zones cost more and are never chosen unasked.

Premium SSD v2 and Ultra are left out: they are zonal data disks, and the VM has no zone.
"""

MEDIA: dict[str, Medium] = {
    **{name: kind.medium for name, kind in UPLOADABLE.items()},
    "PremiumV2_LRS": "steady ssd",
    "UltraSSD_LRS": "steady ssd",
}
"""What every kind is made of, also those that are only read from."""
