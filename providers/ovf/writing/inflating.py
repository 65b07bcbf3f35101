"""Reading a streamOptimized VMDK back: what was written is proven by what comes out of it.

It reads what :mod:`providers.ovf.writing.deflating` writes, and is strict: every marker must
say what its table says. A VMDK of strangers is read by the source's reader.
"""

import os
import struct
import zlib
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import lru_cache

from coldferry.content import GRAIN_BYTES, LEAF_BYTES, Tree, content
from coldferry.disk import Extent, Limits
from coldferry.errors import CorruptCopy
from providers.ovf.writing import vmdk
from providers.ovf.writing.deflating import PIECE_BYTES, THREADS, pieces

LIMITS = Limits(block_size_bytes=1, max_request_bytes=512 << 10, max_in_flight=4)

_TAIL_BYTES = 3 * vmdk.SECTOR_BYTES
_TABLES_HELD = 64


class StreamReader:
    """A :class:`coldferry.disk.DiskReader` over a VMDK that begins anywhere in a file.

    Thread-safe. The descriptor stays its owner's. Raises CorruptCopy for whatever is not as it
    was written.
    """

    limits = LIMITS

    def __init__(self, file: int, start: int, length: int, size_bytes: int) -> None:
        self._file, self._start, self._length = file, start, length
        self.size_bytes = size_bytes
        tail = self._read(length - _TAIL_BYTES, _TAIL_BYTES)
        capacity = vmdk.capacity_sectors(size_bytes)
        ends = vmdk.HEADER.unpack(tail[vmdk.SECTOR_BYTES : 2 * vmdk.SECTOR_BYTES])
        at = ends[9]
        if (
            tail[: vmdk.SECTOR_BYTES] != vmdk.marker(1, vmdk.FOOTER)
            or tail[vmdk.SECTOR_BYTES : 2 * vmdk.SECTOR_BYTES] != vmdk.header(capacity, at)
            or tail[2 * vmdk.SECTOR_BYTES :] != vmdk.marker(0, vmdk.END_OF_STREAM)
            or self._read(0, vmdk.SECTOR_BYTES) != vmdk.header(capacity)
        ):
            raise self._corrupt("its header or its footer is another")
        count = vmdk.tables(capacity)
        told = self._read(at * vmdk.SECTOR_BYTES, count * 4)
        self._directory = struct.unpack(f"<{count}I", told)
        self._table = lru_cache(_TABLES_HELD)(self._load)

    def extents(self, offset: int, length: int) -> Iterator[Extent]:
        """One a table (32 MiB): what has none is zeros."""
        end = min(offset + length, self.size_bytes)
        covers = vmdk.TABLE_GRAINS * GRAIN_BYTES
        while offset < end:
            until = min((offset // covers + 1) * covers, end)
            yield Extent(offset, until - offset, self._directory[offset // covers] != 0)
            offset = until

    def read_into(self, offset: int, view: memoryview) -> None:
        """Fill ``view``, grain by grain."""
        done = 0
        while done < len(view):
            grain, inside = divmod(offset + done, GRAIN_BYTES)
            part = min(GRAIN_BYTES - inside, len(view) - done)
            view[done : done + part] = self._grain(grain)[inside : inside + part]
            done += part

    def root(self, threads: int = THREADS) -> str:
        """The Merkle root of what is in it, all of it read and inflated again."""
        tree = Tree()
        with ThreadPoolExecutor(threads, thread_name_prefix="inflate") as pool:
            for leaves in pool.map(self._leaves, pieces(self)):
                for index, digest in leaves:
                    tree.add(index, digest)
        return tree.root

    def _leaves(self, offset: int) -> list[tuple[int, bytes]]:
        held = min(PIECE_BYTES, self.size_bytes - offset)
        buffer = bytearray(-(-held // LEAF_BYTES) * LEAF_BYTES)
        with memoryview(buffer) as view:
            self.read_into(offset, view[:held])
        found = (content(buffer, at) for at in range(0, len(buffer), LEAF_BYTES))
        return [(offset // LEAF_BYTES + n, one.digest) for n, one in enumerate(found)]

    def _grain(self, index: int) -> bytes:
        table, entry = divmod(index, vmdk.TABLE_GRAINS)
        sector = self._table(table)[entry] if self._directory[table] else 0
        if not sector:
            return bytes(GRAIN_BYTES)
        at = sector * vmdk.SECTOR_BYTES
        size = vmdk.GRAIN_MARKER.size
        lba, length = vmdk.GRAIN_MARKER.unpack(self._read(at, size))
        if lba != index * vmdk.GRAIN_SECTORS or not 0 < length <= 2 * GRAIN_BYTES:
            raise self._corrupt(f"grain {index} is not where its table says")
        packer = zlib.decompressobj()
        try:
            inflated = packer.decompress(self._read(at + size, length), GRAIN_BYTES + 1)
        except zlib.error:
            raise self._corrupt(f"grain {index} cannot be inflated") from None
        if len(inflated) != GRAIN_BYTES or not packer.eof:
            raise self._corrupt(f"grain {index} holds {len(inflated)} bytes")
        return inflated

    def _load(self, table: int) -> tuple[int, ...]:
        at = self._directory[table] * vmdk.SECTOR_BYTES
        told = self._read(at - vmdk.SECTOR_BYTES, vmdk.SECTOR_BYTES + vmdk.TABLE_BYTES)
        marker = vmdk.marker(vmdk.TABLE_BYTES // vmdk.SECTOR_BYTES, vmdk.GRAIN_TABLE)
        if not told.startswith(marker):
            raise self._corrupt(f"table {table} is not where the directory says")
        return struct.unpack(f"<{vmdk.TABLE_GRAINS}I", told[vmdk.SECTOR_BYTES :])

    def _read(self, at: int, length: int) -> bytes:
        if at < 0 or at + length > self._length:
            raise self._corrupt("it points beyond its end")
        found = os.pread(self._file, length, self._start + at)
        if len(found) != length:
            raise self._corrupt("it ends too early")
        return found

    def _corrupt(self, why: str) -> CorruptCopy:
        return CorruptCopy(
            f"A VMDK that was written is not as it was written: {why}.",
            "Look at the disk that the folder is on, then run the same command again.",
        )
