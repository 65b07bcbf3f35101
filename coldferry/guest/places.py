"""Every volume on a machine's disks: found by table and magic, opened when it is asked for."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from coldferry.guest import lvm, partitions
from coldferry.guest.evidence import Volume
from coldferry.guest.formats import FORMATS, lvm_member, recognise
from coldferry.guest.formats.format import Format, Identity
from coldferry.guest.partitions import Partition, Table
from coldferry.guest.steps import Steps
from coldferry.guest.tree import Tree
from coldferry.guest.window import Bytes, Window

__all__ = ["FORMATS", "DiskFound", "Place", "Trouble", "find_places"]

UNKNOWN_KIND = "unknown"
DAMAGED = "it is damaged, or not what it claims to be"


@dataclass(frozen=True)
class Trouble:
    """Something that could not be looked at, and why, in a sentence."""

    subject: str
    what: str


@dataclass
class Place:
    """A volume; ``disks`` are the numbers of the disks that it lies on."""

    name: str
    disks: tuple[int, ...]
    content: Window | None
    form: Format | None
    identity: Identity
    partition: Partition | None = None
    trouble: str = ""
    steps: Steps = field(kw_only=True)
    _tree: Tree | None = None
    _tried: bool = False

    @property
    def tree(self) -> Tree | None:
        """Its files; None when it has none, or when ``trouble`` says why they cannot be read."""
        if self._tried or self.form is None or self.content is None:
            return self._tree
        self._tried = True
        if self.form.open is None:
            if self.form.closed:
                self.trouble = self.form.closed
            return None
        try:
            with self.steps.step(self.name):
                self._tree = self.form.open(self.content, self.identity)
        except Exception as error:  # noqa: BLE001 - hostile bytes break parsers in any way
            self.trouble = in_words(error)
        return self._tree

    @property
    def volume(self) -> Volume:
        """As the evidence lists it."""
        return Volume(
            name=self.name,
            kind=self.identity.kind,
            uuid=self.identity.uuid,
            label=self.identity.label,
            part_uuid=self.partition.uuid if self.partition else "",
            size_bytes=self.content.size_bytes if self.content else 0,
        )


@dataclass(frozen=True)
class DiskFound:
    """One disk: its table, and its volumes in order."""

    number: int
    table: Table
    places: tuple[Place, ...]


def in_words(error: BaseException) -> str:
    """Why something could not be read; a library's own words are no sentence for a person."""
    text = str(error)
    if isinstance(error, MemoryError):
        return "it wants more memory than an inspection may have"
    if text and not text.startswith(("py", "lib")) and ":" not in text:
        return text[:1].lower() + text[1:].rstrip(".")
    return DAMAGED


def find_places(disks: Sequence[Bytes], steps: Steps) -> tuple[list[DiskFound], list[Place]]:
    """What is on each disk, and the logical volumes that lie across them."""
    found = []
    for number, disk in enumerate(disks):
        if not disk.size_bytes:
            found.append(DiskFound(number, Table(None), ()))  # left behind
            continue
        with steps.step(f"disk{number}"):
            table = partitions.read_table(disk)
            places = tuple(_on_disk(number, disk, table, steps))
        found.append(DiskFound(number, table, places))
    return found, list(_logical([place for one in found for place in one.places], steps))


def _on_disk(number: int, disk: Bytes, table: Table, steps: Steps) -> Iterator[Place]:
    if table.kind is None:
        whole = Window(disk, 0, disk.size_bytes)
        place = _place(f"disk{number}", (number,), whole, None, steps)
        if place.form is not None:
            yield place
        return
    for partition in table.partitions:
        window = Window(disk, partition.offset, partition.size_bytes)
        yield _place(f"disk{number}p{partition.number}", (number,), window, partition, steps)


def _place(
    name: str, disks: tuple[int, ...], window: Window, partition: Partition | None, steps: Steps
) -> Place:
    try:
        known = recognise(window)
    except OSError:  # of a logical volume whose disk ends too early
        known = None
    form, identity = known or (None, Identity(UNKNOWN_KIND))
    return Place(name, disks, window, form, identity, partition, steps=steps)


def _logical(places: Sequence[Place], steps: Steps) -> Iterator[Place]:
    members = {p.identity.uuid: p for p in places if p.form is lvm_member.LVM and p.content}
    seen: set[str] = set()
    for place in members.values():
        if place.content is None:
            continue
        try:
            with steps.step(place.name):
                name, group = lvm.group_of(lvm_member.description(place.content))
        except Exception as error:  # noqa: BLE001 - hostile bytes break parsers in any way
            place.trouble = in_words(error)
            continue
        if name in seen:
            continue
        seen.add(name)
        windows = {uuid: p.content for uuid, p in members.items() if p.content}
        with steps.step(name):
            for volume in lvm.logical_volumes(name, group, windows):
                yield _logical_place(volume, members, steps)


def _logical_place(volume: lvm.LogicalVolume, members: dict[str, Place], steps: Steps) -> Place:
    on = sorted({n for uuid in volume.members if uuid in members for n in members[uuid].disks})
    name = f"{volume.group}/{volume.name}"
    window = lvm.window(volume)
    if window is None:
        place = Place(name, tuple(on), None, None, Identity(UNKNOWN_KIND), steps=steps)
        place.trouble = volume.trouble
        return place
    return _place(name, tuple(on), window, None, steps)
