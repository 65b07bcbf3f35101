"""A raw disk becomes a streamOptimized VMDK: deflated by several threads, written in order.

The same disk gives the same bytes, with any number of threads (and the same zlib). Grains of
zeros are left out, so a file is as long as what its disk holds.
"""

import hashlib
import os
import struct
import zlib
from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import BinaryIO, NamedTuple

from coldferry.content import GRAIN_BYTES, GRAINS_PER_LEAF, LEAF_BYTES, Tree, content
from coldferry.disk import DiskReader
from coldferry.errors import Refused
from providers.ovf.writing import vmdk

PIECE_LEAVES = 8
PIECE_BYTES = PIECE_LEAVES * LEAF_BYTES
THREADS = min(8, max(2, os.cpu_count() or 2))
"""Each holds some pieces: with eight it is about 100 MiB."""

LEVEL = 1
"""Of zlib: the fastest that makes anything smaller."""

_GRAINS_A_PIECE = PIECE_LEAVES * GRAINS_PER_LEAF


@dataclass(frozen=True)
class Deflated:
    """A VMDK that was written.

    ``root`` is the Merkle root of what it holds (see :mod:`coldferry.content`), ``data_bytes``
    how much of that is not zero.
    """

    size_bytes: int
    sha256: str
    root: str
    data_bytes: int


class _Piece(NamedTuple):
    """Some leaves of a disk: their digests, and their grains that are not zero, deflated."""

    leaves: list[tuple[int, bytes]]
    grains: list[tuple[int, bytes]]


def deflate(
    reader: DiskReader, file: int, name: str, told: str, threads: int = THREADS
) -> Deflated:
    """Write ``reader``'s disk to the descriptor ``file``, from its beginning.

    ``name`` is the file's, ``told`` what its content id is made from.
    Raises Refused when the file would be larger than the format can tell.
    """
    capacity = vmdk.capacity_sectors(reader.size_bytes)
    tree, grains = Tree(), 0
    with os.fdopen(os.dup(file), "wb", buffering=1 << 20) as stream:
        out = _File(stream, capacity)
        out.put(vmdk.head(name, capacity, told))
        for piece in _in_order(reader, threads):
            for index, digest in piece.leaves:
                tree.add(index, digest)
            for index, packed in piece.grains:
                out.grain(index, packed)
            grains += len(piece.grains)
        out.end()
        stream.flush()
        os.fsync(file)
    return Deflated(out.written, out.digest.hexdigest(), tree.root, grains * GRAIN_BYTES)


def _in_order(reader: DiskReader, threads: int) -> Iterator[_Piece]:
    """Pieces as threads finish them, in the disk's order; few are held at a time."""
    waiting: deque[Future[_Piece]] = deque()
    with ThreadPoolExecutor(threads, thread_name_prefix="deflate") as pool:
        try:
            for offset in pieces(reader):
                waiting.append(pool.submit(_pack, reader, offset))
                if len(waiting) > 2 * threads:
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()
        finally:
            pool.shutdown(cancel_futures=True)


def pieces(reader: DiskReader) -> Iterable[int]:
    """Where the pieces begin that may hold data, in order."""
    last = -1
    for extent in reader.extents(0, reader.size_bytes):
        if extent.data:
            first = max(last + 1, extent.offset // PIECE_BYTES)
            last = max(last, (extent.offset + extent.length - 1) // PIECE_BYTES)
            yield from range(first * PIECE_BYTES, (last + 1) * PIECE_BYTES, PIECE_BYTES)


def _pack(reader: DiskReader, offset: int) -> _Piece:
    held = min(PIECE_BYTES, reader.size_bytes - offset)
    buffer = bytearray(-(-held // LEAF_BYTES) * LEAF_BYTES)
    with memoryview(buffer) as view:
        reader.read_into(offset, view[:held])
        packed = _Piece([], [])
        for at in range(0, len(buffer), LEAF_BYTES):
            found = content(buffer, at)
            if found.zero:
                continue
            packed.leaves.append(((offset + at) // LEAF_BYTES, found.digest))
            for grain in range(GRAINS_PER_LEAF):
                if found.grains >> grain & 1:
                    start = at + grain * GRAIN_BYTES
                    deflated = zlib.compress(view[start : start + GRAIN_BYTES], LEVEL)
                    packed.grains.append(((offset + start) // GRAIN_BYTES, deflated))
    return packed


class _File:
    """What is written so far, and where the tables are."""

    def __init__(self, file: BinaryIO, capacity: int) -> None:
        self._file = file
        self._file.seek(0)
        self._file.truncate()
        self._capacity = capacity
        self._directory = [0] * vmdk.tables(capacity)
        self._table = [0] * vmdk.TABLE_GRAINS
        self._filling = -1
        self.digest = hashlib.sha256()
        self.written = 0

    def put(self, some: bytes) -> int:
        """Append whole sectors; answer the sector that they begin at."""
        at = self.written // vmdk.SECTOR_BYTES
        self._file.write(some)
        self.digest.update(some)
        self.written += len(some)
        if self.written // vmdk.SECTOR_BYTES > vmdk.MAX_FILE_SECTORS:
            raise Refused(
                "The disk holds more than 2 TiB that cannot be made smaller: a streamOptimized "
                "VMDK ends there.",
                "Split the disk, or leave it behind (--placement) and move it by other means.",
            )
        return at

    def grain(self, index: int, packed: bytes) -> None:
        """Append a grain, in rising order."""
        table, entry = divmod(index, vmdk.TABLE_GRAINS)
        if table != self._filling:
            self._end_table()
            self._filling = table
        lba = index * vmdk.GRAIN_SECTORS
        marked = vmdk.GRAIN_MARKER.pack(lba, len(packed)) + packed
        self._table[entry] = self.put(vmdk.padded(marked))

    def end(self) -> None:
        """Append what stands at the end."""
        self._end_table()
        told = vmdk.padded(struct.pack(f"<{len(self._directory)}I", *self._directory))
        self.put(vmdk.marker(len(told) // vmdk.SECTOR_BYTES, vmdk.GRAIN_DIRECTORY))
        directory = self.put(told)
        self.put(vmdk.marker(1, vmdk.FOOTER))
        self.put(vmdk.header(self._capacity, directory))
        self.put(vmdk.marker(0, vmdk.END_OF_STREAM))

    def _end_table(self) -> None:
        """A table follows its last grain; one of nothing but zeros is not there at all."""
        if self._filling >= 0:
            told = struct.pack(f"<{vmdk.TABLE_GRAINS}I", *self._table)
            self.put(vmdk.marker(len(told) // vmdk.SECTOR_BYTES, vmdk.GRAIN_TABLE))
            self._directory[self._filling] = self.put(told)
            self._table = [0] * vmdk.TABLE_GRAINS
