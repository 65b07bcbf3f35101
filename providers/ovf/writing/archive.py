"""A tar that is the same for the same members: no owner, no date, no order but the one given.

Sources: POSIX ustar; GNU tar's base-256 for a size of 8 GiB or more, where the standard's own
field ends, which VMware, VirtualBox, qemu and Python read; DSP0243, "Distribution as a single
file": the descriptor is the first member, then the manifest, then files in the references' order.
"""

import os
import tarfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from coldferry.errors import CorruptCopy
from providers.ovf.writing.records import own

BLOCK_BYTES = 512
_RECORD_BYTES = 10240
_LARGEST_USTAR_BYTES = 8 << 30
_COPIED_BYTES = 64 << 20


@dataclass(frozen=True)
class Member:
    """One file of a package: its text, or where it lies."""

    name: str
    held: bytes | Path

    @property
    def size_bytes(self) -> int:
        """Of what it holds."""
        return len(self.held) if isinstance(self.held, bytes) else self.held.stat().st_size


@dataclass(frozen=True)
class Place:
    """Where a member's bytes are in its archive."""

    name: str
    start: int
    size_bytes: int


def header(name: str, size_bytes: int) -> bytes:
    """The block before a member; ``name`` is ASCII, of 100 characters at most."""
    info = tarfile.TarInfo(name)
    info.size, info.mode = size_bytes, 0o644
    large = size_bytes >= _LARGEST_USTAR_BYTES
    told = info.tobuf(tarfile.GNU_FORMAT if large else tarfile.USTAR_FORMAT, "ascii", "strict")
    if len(told) != BLOCK_BYTES:
        raise ValueError(name)
    return told


def layout(members: Sequence[Member]) -> tuple[list[Place], int]:
    """Where each member's bytes will be, and how long the archive will be."""
    places, at = [], 0
    for member in members:
        at += BLOCK_BYTES
        places.append(Place(member.name, at, member.size_bytes))
        at += -(-member.size_bytes // BLOCK_BYTES) * BLOCK_BYTES
    return places, -(-(at + 2 * BLOCK_BYTES) // _RECORD_BYTES) * _RECORD_BYTES


def write(path: Path, members: Sequence[Member]) -> list[Place]:
    """Write the archive as a new file, and have it on the disk; where each member's bytes are.

    What bears the name is not written over: it may bear another one too, and be a person's by now.
    """
    places, length = layout(members)
    if not path.is_symlink():  # which is refused
        path.unlink(missing_ok=True)
    with open(path, "xb", opener=own) as out:
        for member, place in zip(members, places, strict=True):
            out.seek(place.start - BLOCK_BYTES)
            out.write(header(member.name, place.size_bytes))
            if isinstance(member.held, bytes):
                out.write(member.held)
            else:
                out.flush()
                _append(out, member.held, place)
        out.truncate(length)
        out.flush()
        os.fsync(out.fileno())
    return places


def extract(path: Path, place: Place, goal: Path) -> None:
    """Write one member's bytes to ``goal``, and have them on the disk."""
    with path.open("rb") as file, open(goal, "wb", opener=own) as out:
        _transfer(file.fileno(), place.start, out.fileno(), 0, place.size_bytes)
        os.fsync(out.fileno())


def _append(out: BinaryIO, path: Path, place: Place) -> None:
    with path.open("rb") as file:
        _transfer(file.fileno(), 0, out.fileno(), place.start, place.size_bytes)
    out.seek(place.start + place.size_bytes)


def _transfer(file: int, start: int, out: int, at: int, length: int) -> None:
    """Inside the kernel where that can be: the bytes need not come here."""
    done = 0
    while done < length:
        part = min(_COPIED_BYTES, length - done)
        try:
            put = os.copy_file_range(file, out, part, start + done, at + done)
        except OSError:
            some = os.pread(file, min(part, 1 << 20), start + done)
            put = os.pwrite(out, some, at + done)
        if not put:
            raise CorruptCopy("A file became shorter.", "Run the same command again.")
        done += put
