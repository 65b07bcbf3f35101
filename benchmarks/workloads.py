"""The disks that are copied: the same bytes on every machine, holes where a disk has holes.

A workload is a raw sparse file. Its data is random, so nothing in it is zero by
chance, and follows from a fixed seed. What a workload holds is known without
reading it: :attr:`Workload.data_bytes`, :meth:`Workload.blocks`.
"""

import json
import os
import random
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

MIB, GIB, TIB = 1 << 20, 1 << 30, 1 << 40
BLOCK_BYTES = 512 * 1024
"""What EBS direct takes at once."""
_PAGE_BYTES = 4096
_UNIT_BYTES = 64 * 1024
_SEED = 7
_CHUNK_BYTES = 1 << 20
_VERSION = 1


@dataclass(frozen=True)
class Shape:
    """What a workload is made of, in bytes at full scale.

    ``extents``: False is one dense run; True is runs of 64 KiB to 4 MiB, the
    sizes log-uniform in steps of 64 KiB, at offsets that are multiples of 4 KiB.
    ``zeros_allocated``: its holes hold zeros that the file system knows as data.
    """

    what: str
    size_bytes: int
    data_bytes: int
    extents: bool = True
    zeros_allocated: bool = False
    grows: bool = True
    """At a smaller scale the disk shrinks too, not its data alone."""


SHAPES = {
    "w1": Shape("dense, 1 GiB", GIB, GIB, extents=False),
    "w2": Shape("16 GiB with 1 GiB in 1,143 extents", 16 * GIB, GIB),
    "w2_2t": Shape("the same extents on 2 TiB", 2 * TIB, GIB, grows=False),
    "w2z": Shape("4 GiB, the holes allocated as zeros", 4 * GIB, GIB, zeros_allocated=True),
    "empty": Shape("2 TiB without data", 2 * TIB, 0, grows=False),
}


@dataclass(frozen=True)
class Workload:
    """One file and what is in it: ``extents`` are ``(offset, length)``, rising, apart."""

    name: str
    path: Path
    size_bytes: int
    extents: list[tuple[int, int]] = field(repr=False)

    @property
    def data_bytes(self) -> int:
        """Bytes that are not zero; holes and allocated zeros do not count."""
        return sum(length for _, length in self.extents)

    def blocks(self, block_bytes: int = BLOCK_BYTES) -> int:
        """How many aligned blocks of that size hold anything but zeros."""
        return len(
            {
                block
                for offset, length in self.extents
                for block in range(offset // block_bytes, (offset + length - 1) // block_bytes + 1)
            }
        )


def make(name: str, folder: Path, scale: float = 1.0) -> Workload:
    """The workload of that name in ``folder``, made unless it is there; raises KeyError.

    ``scale`` (above 0, at most 1) shrinks data and disk alike, for a look at the rig itself.
    """
    shape = SHAPES[name]
    size_bytes = _scaled(shape.size_bytes, scale) if shape.grows else shape.size_bytes
    extents = _extents(shape, size_bytes, data_bytes(name, scale))
    path = folder / (f"{name}.raw" if scale == 1 else f"{name}-{scale:g}.raw")
    workload = Workload(name, path, size_bytes, extents)
    told = json.dumps([_VERSION, size_bytes, shape.zeros_allocated, extents])
    stamp = path.with_suffix(".json")
    if not (stamp.is_file() and stamp.read_text() == told and path.stat().st_size == size_bytes):
        folder.mkdir(parents=True, exist_ok=True)
        stamp.unlink(missing_ok=True)
        _write(workload, zeros_allocated=shape.zeros_allocated)
        stamp.write_text(told)
    return workload


def data_bytes(name: str, scale: float = 1.0) -> int:
    """What :func:`make` would put into it."""
    return _scaled(SHAPES[name].data_bytes, scale)


def _scaled(full_bytes: int, scale: float) -> int:
    return max(1, round(full_bytes * scale / MIB)) * MIB if full_bytes else 0


def _extents(shape: Shape, size_bytes: int, data_bytes: int) -> list[tuple[int, int]]:
    if not shape.extents:
        return [(0, data_bytes)]
    drawn = random.Random(_SEED)  # noqa: S311 - the same disk everywhere, no secret
    lengths: list[int] = []
    while (left := data_bytes - sum(lengths)) > 0:
        lengths.append(min(int(2 ** drawn.uniform(16, 22)) // _UNIT_BYTES * _UNIT_BYTES, left))
    weights = [drawn.uniform(0.2, 1.75) for _ in range(len(lengths) + 1)]
    a_weight = (size_bytes - data_bytes) / sum(weights)
    found, offset = [], 0
    for length, weight in zip(lengths, weights, strict=False):
        offset += int(a_weight * weight) // _PAGE_BYTES * _PAGE_BYTES
        found.append((offset, length))
        offset += length
    return found


def _write(workload: Workload, *, zeros_allocated: bool) -> None:
    """By small buffers: the kernel counts what this process peaks at as its children's peak."""
    drawn = random.Random(workload.name)  # noqa: S311
    with workload.path.open("wb") as file:
        file.truncate(workload.size_bytes)
        for offset, length in workload.extents:
            file.seek(offset)
            for piece in _pieces(length):
                file.write(drawn.randbytes(piece))
        if zeros_allocated:
            for offset, length in holes(workload):
                file.seek(offset)
                for piece in _pieces(length):
                    file.write(bytes(piece))
        file.flush()
        os.fsync(file.fileno())


def _pieces(length: int) -> Iterator[int]:
    for done in range(0, length, _CHUNK_BYTES):
        yield min(_CHUNK_BYTES, length - done)


def holes(workload: Workload) -> Iterator[tuple[int, int]]:
    """``(offset, length)`` of all that is zero."""
    at = 0
    for offset, length in [*workload.extents, (workload.size_bytes, 0)]:
        if offset > at:
            yield at, offset - at
        at = offset + length


def first_difference(workload: Workload, copy: Path) -> int | None:
    """The offset near which ``copy`` is not the workload; None when it is, zeros included.

    Reads only what either of the two has allocated.
    """
    with workload.path.open("rb") as one, copy.open("rb") as other:
        if os.fstat(other.fileno()).st_size < workload.size_bytes:
            return os.fstat(other.fileno()).st_size
        ranges = [*workload.extents]
        for offset, length in _allocated(other.fileno()):
            ranges.append((offset, min(length, max(0, workload.size_bytes - offset))))
        for offset, length in ranges:
            one.seek(offset)
            other.seek(offset)
            for piece in _pieces(length):
                if one.read(piece) != other.read(piece):
                    return offset
    return None


def _allocated(descriptor: int) -> Iterator[tuple[int, int]]:
    at, size = 0, os.fstat(descriptor).st_size
    while at < size:
        try:
            start = os.lseek(descriptor, at, os.SEEK_DATA)
        except OSError:  # nothing but a hole is left
            return
        at = os.lseek(descriptor, start, os.SEEK_HOLE)
        yield start, at - start
