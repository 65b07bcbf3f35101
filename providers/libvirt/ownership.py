"""What here bears a migration's name, as a fresh look found it."""

from collections.abc import Iterator

from coldferry.ports import FROZEN, Owned, Tagged
from providers.libvirt.connection import Host
from providers.libvirt.freezing import frozen_volumes


def owned(host: Host, migration: str | None = None) -> list[Owned]:
    """Frozen disks."""
    return [
        Owned(tag.migration, FROZEN, volume.path) for tag, volume in frozen_volumes(host, migration)
    ]


def tagged(host: Host) -> Iterator[Tagged]:
    """The same, with their sizes; a volume of one's own host has no price."""
    for tag, volume in frozen_volumes(host):
        yield Tagged(tag.migration, FROZEN, volume.path, size_bytes=volume.capacity_bytes)
