"""Swap, where the target's vendor advises against it."""

from collections.abc import Iterator

from coldferry.errors import Finding
from coldferry.guest.guest import Guest
from coldferry.guest.naming import place_named


def swap_on_root_disk(guest: Guest) -> Iterator[Finding]:
    """A partition of the root disk, or a file on it, that fstab swaps to."""
    if guest.needs.swap_on_root_disk or guest.system is None:
        return
    for mount in guest.evidence.mounts:
        if mount.kind != "swap":
            continue
        place = place_named(mount.source, guest.places, guest.system.root)
        is_file = mount.source.startswith("/") and not mount.source.startswith("/dev/")
        if is_file or (place is not None and guest.on_root_disk(place)):
            yield Finding(
                "inform",
                "swap-on-root-disk",
                mount.source,
                f"Swap at {mount.source} is on the root disk, which the target's vendor advises "
                "against: each page written there counts against that disk's rate.",
                "Take it out of /etc/fstab; where swap is needed, put it on the target's "
                "temporary disk or on a disk of its own.",
            )
