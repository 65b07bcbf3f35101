"""Disks that nothing is known of, and file systems that were not closed."""

from collections.abc import Iterator

from coldferry.errors import Finding
from coldferry.guest.guest import Guest

_NAMES = {"luks": "an encrypted LUKS volume", "lvm": "an LVM physical volume"}


def no_partition_table(guest: Guest) -> Iterator[Finding]:
    """The root disk has none: firmware that looks for a system partition finds nothing.

    A data disk may be without one, or be empty.
    """
    if guest.root_disk is None:
        return
    disk = guest.disks[guest.root_disk]
    if disk.table.kind is not None:
        return
    if disk.places:
        kind = disk.places[0].identity.kind
        yield Finding(
            "warn",
            "no-partition-table",
            f"disk{disk.number}",
            f"The root disk holds {_NAMES.get(kind, kind)} as a whole, without partitions: "
            "UEFI firmware starts no such disk.",
            _firmware_advice(guest.machine.firmware)
            + "see that the new machine starts before the source is given up.",
        )
    else:
        yield Finding(
            "warn",
            "no-partition-table",
            f"disk{disk.number}",
            "The root disk has neither a partition table nor a file system that is known here.",
            "Check that this is the disk the machine boots from.",
        )


def _firmware_advice(firmware: object) -> str:
    if firmware == "bios":
        return "The machine has BIOS firmware: keep it at the target, and "
    if firmware == "uefi":
        return "The machine has UEFI firmware all the same: check how it starts, and "
    return "Choose BIOS firmware at the target, and "


def unclean_filesystem(guest: Guest) -> Iterator[Finding]:
    """After the halt every file system should have been unmounted; before it none is."""
    if not guest.halted:
        return
    for place in guest.places:
        if place.identity.unclean:
            yield Finding(
                "warn",
                "unclean-filesystem",
                place.name,
                f"{place.identity.kind} on {place.name} was not closed well: "
                f"{place.identity.unclean}.",
                "Expect a check of it at the first start; where it holds a database, start the "
                "source once more, stop it from within, and migrate again.",
            )
