"""Where a disk holds anything: its extents, asked for in windows, merged and remembered.

A gap in what a reader answers is no hole: a disk that became smaller answers
so. It ends the walk with an error.
"""

from array import array
from collections.abc import Iterator

from coldferry.content import LEAF_BYTES
from coldferry.disk import Changes, DiskReader
from coldferry.errors import Drifted

_WINDOW_BYTES = 4 << 30
_WIDEST_BYTES = 1 << 40
_FEW, _MANY = 1024, 16384  # extents in a window: widen it, narrow it

_REMEMBERED = 1 << 17
"""Spans held in memory: 2 MiB. What is beyond them is asked for again."""


class Allocation:
    """All of a disk's allocated spans, walked once; ``total_bytes`` is the sum of their lengths.

    Or of what changed between two states of it.
    """

    def __init__(self, reader: DiskReader | Changes, offset: int = 0) -> None:
        """Walk the whole disk from ``offset`` on; raises what the reader raises, and Drifted."""
        self._reader = reader
        self._starts, self._ends = array("Q"), array("Q")
        self._whole = True
        self.total_bytes = 0
        for start, end in _merged(reader, offset):
            self.total_bytes += end - start
            if len(self._starts) < _REMEMBERED:
                self._starts.append(start)
                self._ends.append(end)
            else:
                self._whole = False

    def spans(self) -> Iterator[tuple[int, int]]:
        """``(start, end)`` in bytes, rising, neither touching nor overlapping."""
        yield from zip(self._starts, self._ends, strict=True)
        if not self._whole:
            yield from _merged(self._reader, self._ends[-1])


def data_extents(reader: DiskReader) -> Iterator[tuple[int, int]]:
    """``(offset, length)`` of what is allocated, adjacent extents merged, as they are asked for."""
    for start, end in _merged(reader, 0):
        yield start, end - start


def data_leaves(reader: DiskReader) -> Iterator[int]:
    """Indexes of the leaves that hold anything allocated, rising."""
    following = 0
    for start, end in _merged(reader, 0):
        first = max(following, start // LEAF_BYTES)
        following = -(-end // LEAF_BYTES)
        yield from range(first, following)


def _merged(reader: DiskReader | Changes, offset: int) -> Iterator[tuple[int, int]]:
    start = end = offset
    for at, until in _extents(reader, offset):
        if at > end:
            if end > start:
                yield start, end
            start = at
        end = until
    if end > start:
        yield start, end


def _extents(reader: DiskReader | Changes, offset: int) -> Iterator[tuple[int, int]]:
    """``(start, end)`` of each extent that holds data, checked to leave nothing out."""
    size, width = reader.size_bytes, _WINDOW_BYTES
    while offset < size:
        end = min(offset + width, size)
        count = 0
        at = offset
        for extent in reader.extents(offset, end - offset):
            until = min(extent.offset + extent.length, end)
            if extent.offset > at:
                break
            if extent.data and until > at:
                yield at, until
            at = max(at, until)
            count += 1
        if at < end:
            raise Drifted(
                f"The disk does not say whether bytes {at}-{end - 1} hold anything: "
                "it may have become smaller while it was copied.",
                "Roll the migration back, so that the disk is frozen anew, and run it again.",
                resumable=False,
            )
        if count < _FEW:
            width = min(width * 2, _WIDEST_BYTES)
        elif count > _MANY:
            width = max(width // 2, _WINDOW_BYTES)
        offset = end
