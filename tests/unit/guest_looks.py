"""Looking at images in files: the reader, the question, and a child whose cost is measured."""

import os
import socket
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from coldferry.guest.evidence import Inspection
from coldferry.guest.needs import GuestNeeds
from coldferry.guest.parent import look_at
from coldferry.guest.question import Question
from coldferry.ports import Extent, Limits
from providers.aws.guest import GUEST as AWS
from providers.azure.guest import GUEST as AZURE
from tests.guest.gpt import SECTOR, Entry, write_gpt
from tests.guest.packages import run
from tests.guest.sparse import write_into
from tests.unit.forked_child import Cost, Forked
from tests.unit.machines import a_machine

BLOCK_BYTES = 512 << 10
MIB = 1 << 20


class ImageReader:
    """A :class:`coldferry.ports.DiskReader` over a raw image, in blocks as EBS has them."""

    limits = Limits(BLOCK_BYTES, BLOCK_BYTES, 8)

    def __init__(self, image: Path, *, holes: bool = True) -> None:
        self._file = os.open(image, os.O_RDONLY)
        self._holes = holes
        self.size_bytes = os.fstat(self._file).st_size
        self.read_bytes = 0

    def extents(self, offset: int, length: int) -> Iterator[Extent]:
        end = min(offset + length, self.size_bytes)
        while offset < end:
            until = min((offset // BLOCK_BYTES + 1) * BLOCK_BYTES, end)
            yield Extent(offset, until - offset, self._has_data(offset, until))
            offset = until

    def read_into(self, offset: int, view: memoryview) -> None:
        self.read_bytes += len(view)
        view[:] = os.pread(self._file, len(view), offset)

    def _has_data(self, start: int, end: int) -> bool:
        if not self._holes:
            return True
        try:
            return os.lseek(self._file, start, os.SEEK_DATA) < end
        except OSError:
            return False


def question(*disks_bytes: int, **changes: Any) -> Question:
    """A machine from EC2 that goes to Azure, frozen while it runs."""
    fields: dict[str, Any] = {
        "machine": a_machine(), "disks_bytes": disks_bytes, "root_disk": 0, "needs": AZURE,
        "left": AWS,
    }  # fmt: skip
    return Question(**fields | changes)


def look(*images: Path, **changes: Any) -> Inspection:
    """What the child finds in them; the first one is the root disk."""
    return measured(*images, **changes)[0]


def measured(*images: Path, **changes: Any) -> tuple[Inspection, Cost]:
    """A look, and what it cost."""
    readers = [ImageReader(image) for image in images]
    children: list[Forked] = []

    def start(line: socket.socket) -> Forked:
        children.append(Forked(line))
        return children[-1]

    asked = question(*(r.size_bytes for r in readers), **changes)
    found, _ = look_at(asked, readers, start=start)
    return found, children[0].cost


def codes(found: Inspection) -> list[str]:
    """The findings' codes, in order."""
    return [finding.code for finding in found.findings]


def a_tree(folder: Path, files: Mapping[str, str | bytes]) -> Path:
    """A folder with these files; a text that begins with ``->`` is a link."""
    for path, content in files.items():
        place = folder / path.lstrip("/")
        place.parent.mkdir(parents=True, exist_ok=True)
        if isinstance(content, str) and content.startswith("->"):
            place.symlink_to(content[2:])
        else:
            place.write_bytes(content.encode() if isinstance(content, str) else content)
    return folder


def ext4(folder: Path, files: Mapping[str, str | bytes], size_mib: int = 32) -> Path:
    """A file system with these files, as a file of its own."""
    tree = a_tree(folder / "tree", files)
    image = folder / "ext4.img"
    image.touch()
    os.truncate(image, size_mib * MIB)
    run("mke2fs", "-q", "-t", "ext4", "-b", "4096", "-d", tree, image)
    return image


def partitioned(image: Path, *contents: tuple[str, Path]) -> Path:
    """A GPT disk with these partitions, each a type of sgdisk and the image of its content."""
    entries, free = [], MIB
    for kind, content in contents:
        size = content.stat().st_size
        entries.append(Entry(kind, free // SECTOR, (free + size - 1) // SECTOR))
        free += -(-size // MIB) * MIB
    image.touch()
    os.truncate(image, free + MIB)
    write_gpt(image, entries)
    with image.open("r+b") as file:
        for (_, content), entry in zip(contents, entries, strict=True):
            write_into(file.fileno(), entry.first * SECTOR, content)
    return image


NEEDS_NOTHING = GuestNeeds()
