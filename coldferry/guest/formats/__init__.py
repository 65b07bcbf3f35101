"""What can be on a stretch of a disk: one file for each kind, one line here for each file."""

from coldferry.guest.formats import (
    bitlocker,
    btrfs,
    ext,
    fat,
    luks,
    lvm_member,
    ntfs,
    raid,
    swap,
    xfs,
)
from coldferry.guest.formats.format import Format, Identity
from coldferry.guest.window import Bytes

FORMATS: tuple[Format, ...] = (
    luks.LUKS,
    bitlocker.BITLOCKER,
    lvm_member.LVM,
    raid.RAID,
    xfs.XFS,
    btrfs.BTRFS,
    ext.EXT,
    ntfs.NTFS,
    fat.FAT,
    swap.SWAP,
)
"""In the order in which they are tried: what lies around others comes first."""


def recognise(content: Bytes) -> tuple[Format, Identity] | None:
    """The first kind that claims it; None when nobody does. Reads 72 KiB at most."""
    for form in FORMATS:
        identity = form.recognise(content)
        if identity is not None:
            return form, identity
    return None
