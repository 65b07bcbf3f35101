"""A system's disks in the guest's order, as its descriptor has them."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from coldferry.errors import BadInput, NotMovable
from providers.ovf.envelope import Envelope, File, System, VirtualDisk
from providers.ovf.hardware import CONTROLLERS, Item, Kind
from providers.ovf.units import MOST_BYTES

_PLACE = re.compile(r"(?:ovf:)?/?(disk|file)/(.+)")
_PROPERTY = re.compile(r"\$\{([^{}]+)\}")


@dataclass(frozen=True)
class PackagedDisk:
    """One disk. ``file`` is None for one that holds nothing.

    ``size_bytes`` is as the descriptor says, which may have rounded it up by less than
    ``rounding_bytes``.
    """

    id: str
    device: str
    file: File | None
    format: str
    size_bytes: int
    rounding_bytes: int
    forgets: bool = False
    """What is written to it is given up when the machine is switched off."""


def disks_of(
    envelope: Envelope, system: System, items: Sequence[Item], configuration: str, name: str
) -> list[PackagedDisk]:
    """All disks of a system. Raises BadInput or NotMovable for one that leads nowhere."""
    found = []
    taken = set[str]()
    for item, device in _in_order(items):
        disk = _disk_of(envelope, item, name)
        if disk.id in taken:
            raise BadInput(f"{name} attaches the disk {disk.id[:80]!r} twice to one machine.")
        taken.add(disk.id)
        if disk.parent:
            raise NotMovable(
                f"The disk {disk.id[:80]!r} of {name} holds only what differs from another disk "
                "(parentRef).",
                "Export the machine without snapshots.",
            )
        if disk.file_id and disk.file_id not in envelope.files:
            raise BadInput(
                f"The disk {disk.id[:80]!r} of {name} refers to the file {disk.file_id[:80]!r}, "
                "which is not among its references."
            )
        found.append(
            PackagedDisk(
                id=disk.id,
                device=device,
                file=envelope.files[disk.file_id] if disk.file_id else None,
                format=disk.format,
                size_bytes=_capacity_bytes(disk, system, configuration, name),
                rounding_bytes=disk.unit_bytes,
                forgets=item.mode.endswith("nonpersistent"),
            )
        )
    return found


def _in_order(items: Sequence[Item]) -> list[tuple[Item, str]]:
    """Disks with a word for their place: by controller and number, where all have both."""
    words = dict[str, tuple[int, str]]()
    counts = dict[str, int]()
    for item in items:
        if item.kind in CONTROLLERS:
            word = "nvme" if "nvme" in item.subtype.lower() else CONTROLLERS[Kind(item.kind)]
            words[item.instance] = len(words), f"{word}{counts.get(word, 0)}"
            counts[word] = counts.get(word, 0) + 1
    disks = [one for one in items if one.kind in (Kind.DISK, Kind.STORAGE_VOLUME)]
    if any(one.parent not in words or not _is_number(one.on_parent) for one in disks):
        return [(one, f"disk{index}") for index, one in enumerate(disks)]
    disks.sort(key=lambda one: (words[one.parent][0], int(one.on_parent)))
    return [(one, f"{words[one.parent][1]}:{int(one.on_parent)}") for one in disks]


def _disk_of(envelope: Envelope, item: Item, name: str) -> VirtualDisk:
    place = _PLACE.fullmatch(item.resource)
    if place is None or place[1] != "disk":
        raise BadInput(
            f"{name} has a disk whose bytes are at {item.resource[:80]!r}, which is no disk of it."
        )
    if place[2] not in envelope.disks:
        raise BadInput(f"{name} attaches the disk {place[2][:80]!r}, which it does not describe.")
    return envelope.disks[place[2]]


def _capacity_bytes(disk: VirtualDisk, system: System, configuration: str, name: str) -> int:
    said = disk.capacity
    if asked := _PROPERTY.fullmatch(said):
        values = system.properties.get(asked[1].strip(), {})
        said = values.get(configuration, values.get("", ""))
        if not said:
            raise BadInput(
                f"The size of the disk {disk.id[:80]!r} of {name} is the property "
                f"{asked[1][:80]!r}, which has no value.",
                "Write its value into the descriptor.",
            )
    said = said.strip()
    size_bytes = int(said) * disk.unit_bytes if _is_number(said) else 0
    if not 0 < size_bytes <= MOST_BYTES or size_bytes % 512:
        raise BadInput(f"The size of the disk {disk.id[:80]!r} of {name} is none: {said[:40]!r}.")
    return size_bytes


def _is_number(said: str) -> bool:
    return said.isascii() and said.isdigit() and len(said) < 20
