"""Disks that nothing is known of, and file systems that were not closed."""

from collections.abc import Iterator

from coldferry.errors import Finding
from coldferry.guest.guest import Guest


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
        yield Finding(
            "warn",
            "no-partition-table",
            f"disk{disk.number}",
            f"The root disk holds {disk.places[0].identity.kind} as a whole, without partitions: "
            "UEFI firmware starts no such disk.",
            "Choose BIOS firmware at the target, and rehearse the boot there.",
        )
    else:
        yield Finding(
            "warn",
            "no-partition-table",
            f"disk{disk.number}",
            "The root disk has neither a partition table nor a file system that is known here.",
            "Check that this is the disk the machine boots from.",
        )


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
