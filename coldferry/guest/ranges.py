"""Ranges of frozen disks for the child: holes cost nothing, blocks are fetched once."""

import bisect
from collections import OrderedDict
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

from coldferry.ports import DiskReader

BUDGET_BYTES = 160 << 20
"""Fetched for one inspection. A server's initramfs has 20 to 80 MiB, all else is a few."""

_BLOCK_BYTES = 256 << 10
_BLOCKS_KEPT = 64
_EXTENT_WINDOW_BYTES = 1 << 30
_WINDOWS_KEPT = 64
_MOST_EXTENTS = 100_000
_AT_ONCE = 8
"""Requests under way: a block of EBS takes tens of milliseconds from outside of its region."""


class Spent(Exception):
    """The budget is used up."""


class Ranges:
    """One machine's frozen disks; ``fetched_bytes`` counts what was asked of the provider."""

    def __init__(self, readers: Sequence[DiskReader], budget_bytes: int = BUDGET_BYTES) -> None:
        self.fetched_bytes = 0
        self._readers = readers
        self._budget_bytes = budget_bytes
        self._blocks: OrderedDict[tuple[int, int], bytes] = OrderedDict()
        self._windows: OrderedDict[tuple[int, int], list[tuple[int, int]]] = OrderedDict()

    def read(self, disk: int, offset: int, length: int) -> bytes:
        """Exactly that range. Raises Spent, IndexError, and what the provider raises."""
        reader = self._readers[disk]
        if offset + length > reader.size_bytes:
            raise IndexError
        size = _block_bytes(reader)
        first, last = offset // size, (offset + length - 1) // size
        wanted = [index for index in range(first, last + 1) if self._has_data(disk, index, size)]
        self._fetch(disk, [index for index in wanted if (disk, index) not in self._blocks], size)
        found = bytearray(length)
        for index in wanted:
            start = index * size
            self._blocks.move_to_end((disk, index))
            block = self._blocks[disk, index]
            begin, end = max(offset, start), min(offset + length, start + len(block))
            found[begin - offset : end - offset] = block[begin - start : end - start]
        while len(self._blocks) > _BLOCKS_KEPT:
            self._blocks.popitem(last=False)
        return bytes(found)

    def _fetch(self, disk: int, indexes: list[int], size: int) -> None:
        reader = self._readers[disk]
        lengths = [min(size, reader.size_bytes - index * size) for index in indexes]
        if self.fetched_bytes + sum(lengths) > self._budget_bytes:
            raise Spent
        self.fetched_bytes += sum(lengths)

        def one(index: int, length: int) -> bytes:
            block = bytearray(length)
            reader.read_into(index * size, memoryview(block))
            return bytes(block)

        if len(indexes) <= 1:
            blocks = [one(*pair) for pair in zip(indexes, lengths, strict=True)]
        else:
            with ThreadPoolExecutor(min(_AT_ONCE, reader.limits.max_in_flight)) as pool:
                blocks = list(pool.map(one, indexes, lengths))
        for index, block in zip(indexes, blocks, strict=True):
            self._blocks[disk, index] = block

    def _has_data(self, disk: int, index: int, size: int) -> bool:
        start, end = index * size, (index + 1) * size
        extents = self._extents(disk, start // _EXTENT_WINDOW_BYTES)
        # The last one that begins before the block's end is the only one that can reach into it.
        before = bisect.bisect_left(extents, (end, 0))
        return before > 0 and extents[before - 1][1] > start

    def _extents(self, disk: int, window: int) -> list[tuple[int, int]]:
        """What holds data in one GiB; a list too long to keep is taken as all data."""
        known = self._windows.get((disk, window))
        if known is not None:
            return known
        start = window * _EXTENT_WINDOW_BYTES
        length = min(_EXTENT_WINDOW_BYTES, self._readers[disk].size_bytes - start)
        found: list[tuple[int, int]] = []
        for extent in self._readers[disk].extents(start, length):
            if not extent.data:
                continue
            if found and found[-1][1] == extent.offset:
                found[-1] = found[-1][0], extent.offset + extent.length
            else:
                found.append((extent.offset, extent.offset + extent.length))
            if len(found) > _MOST_EXTENTS:
                found = [(start, start + length)]
                break
        self._windows[disk, window] = found
        if len(self._windows) > _WINDOWS_KEPT:
            self._windows.popitem(last=False)
        return found


def _block_bytes(reader: DiskReader) -> int:
    """A multiple of what the provider answers at once, and no larger than it takes."""
    block = reader.limits.block_size_bytes
    return max(block, min(_BLOCK_BYTES, reader.limits.max_request_bytes) // block * block)
