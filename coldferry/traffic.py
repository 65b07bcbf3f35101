"""What copying a disk takes of both its ends, counted by the rules that the copy itself cuts by.

Every allocated byte counts as if it were not zero: what is zero after all is
read, and neither sent nor read back. So bytes sent are a ceiling, and bytes
read are exact where the extents are the provider's own.
"""

import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from coldferry.content import GRAIN_BYTES, LEAF_BYTES
from coldferry.contents import DiskContent, Traffic
from coldferry.copying.pieces import PIECE_BYTES, Piece, cut, piece_bytes
from coldferry.disk import Limits

_FEW = 1024
_FIRST_WINDOW_BYTES = 4 << 30
_WIDEST_BYTES = 1 << 40

Spans = Iterable[tuple[int, int]]
"""``(start, end)`` in bytes of disk, rising and apart."""


@dataclass(frozen=True)
class End:
    """How a cloud's disks are read or written.

    ``whole_leaves``: by 512 KiB, with their digest. ``commit_bytes`` and
    ``commit_writes`` are sent of each disk when its writing ends.
    """

    limits: Limits
    whole_leaves: bool = False
    commit_bytes: int = 0
    commit_writes: int = 0


def measured(device: str, size_bytes: int, spans: Spans, source: End, target: End) -> DiskContent:
    """The content of a disk whose allocated ``spans`` are known; they are walked once."""
    seen = _Seen(spans)
    found = traffic(seen, size_bytes, source, target)
    return DiskContent(
        device=device,
        size_bytes=size_bytes,
        allocated_bytes=seen.total_bytes,
        stretches=seen.count,
        traffic=found,
    )


def whole(device: str, size_bytes: int, source: End, target: End) -> DiskContent:
    """The content of a disk of which nothing is known: all of it, which is the most there can be.

    Long disks are many equal pieces, so that 16 TiB take no longer than 16 GiB.
    """
    stride = PIECE_BYTES * 256
    strides, rest = divmod(size_bytes, stride)
    one = traffic([(0, stride)], stride, source, target)
    last = traffic([(0, rest)] if rest else [], rest, source, target)
    ends = Traffic(sent_bytes=target.commit_bytes, writes=target.commit_writes)
    # The end of writing comes once a disk, not once a piece.
    inner = one + ends.times(-1)
    return DiskContent(
        device=device,
        size_bytes=size_bytes,
        allocated_bytes=size_bytes,
        stretches=1 if size_bytes else 0,
        traffic=inner.times(strides) + last,
        listed=False,
    )


def traffic(spans: Spans, size_bytes: int, source: End, target: End) -> Traffic:
    """All that one disk's copy and read-back ask for, when nothing has to be repeated."""
    count = _Count()
    sent = _joined(_sent(spans, size_bytes, source, target, count))
    length = piece_bytes(target.limits)
    for piece in cut(sent, length, _nothing):
        asked = [LEAF_BYTES] * len(piece.leaves) if target.whole_leaves else []
        asked = asked or [b - a for a, b in _read(piece, size_bytes, target.limits)]
        count.back_reads += len(asked)
        count.back_bytes += sum(asked)
    return Traffic(
        read_bytes=count.read_bytes,
        reads=count.reads,
        sent_bytes=count.sent_bytes + target.commit_bytes,
        writes=count.writes + target.commit_writes,
        back_bytes=count.back_bytes,
        back_reads=count.back_reads,
    )


def listings(size_bytes: int, stretches: int) -> int:
    """In how many windows a disk's allocation is asked for: they widen where little is in them."""
    windows, offset, width = 0, 0, _FIRST_WINDOW_BYTES
    while offset < size_bytes:
        windows += 1
        share = min(width, size_bytes - offset) / size_bytes
        offset += width
        if 2 * stretches * share < _FEW:
            width = min(width * 2, _WIDEST_BYTES)
    return windows


def until(deadline_s: float, extents: Iterable[tuple[int, int]]) -> Iterator[tuple[int, int]]:
    """The spans of ``(offset, length)`` extents. Raises TimeoutError when it takes too long."""
    for offset, length in extents:
        if time.monotonic() > deadline_s:
            raise TimeoutError
        yield offset, offset + length


class _Seen:
    """Spans that are counted while somebody else walks them."""

    def __init__(self, spans: Spans) -> None:
        self._spans = spans
        self.total_bytes = self.count = 0

    def __iter__(self) -> Iterator[tuple[int, int]]:
        for start, end in self._spans:
            self.total_bytes += end - start
            self.count += 1
            yield start, end


@dataclass
class _Count:
    read_bytes: int = 0
    reads: int = 0
    sent_bytes: int = 0
    writes: int = 0
    back_bytes: int = 0
    back_reads: int = 0


def _sent(
    spans: Spans, size_bytes: int, source: End, target: End, count: _Count
) -> Iterator[tuple[int, int]]:
    """What is written, as the read-back finds it; counts what is read and written on the way."""
    for piece in cut(spans, piece_bytes(source.limits, target.limits), _nothing):
        if source.whole_leaves:
            count.reads += len(piece.leaves)
            count.read_bytes += len(piece.leaves) * LEAF_BYTES
        else:
            for start, end in _read(piece, size_bytes, source.limits):
                count.reads += 1
                count.read_bytes += end - start
        if target.whole_leaves:
            requests = [(leaf * LEAF_BYTES, (leaf + 1) * LEAF_BYTES) for leaf in piece.leaves]
        else:
            requests = list(_written(piece, target.limits))
        for start, end in requests:
            count.writes += 1
            count.sent_bytes += end - start
        yield from requests


def _read(piece: Piece, size_bytes: int, limits: Limits) -> Iterator[tuple[int, int]]:
    """Requests end where the piece's own steps do."""
    block = limits.block_size_bytes
    step = max(block, limits.max_request_bytes // block * block)
    for first, last in piece.spans:
        start, end = first // block * block, min(-(-last // block) * block, size_bytes)
        while start < end:
            stop = min(start - (start - piece.start) % step + step, end)
            yield start, stop
            start = stop


def _written(piece: Piece, limits: Limits) -> Iterator[tuple[int, int]]:
    """Runs of grains that hold anything, in requests as long as the target takes."""
    block = limits.block_size_bytes
    unit = max(1, block // GRAIN_BYTES) * GRAIN_BYTES
    step = limits.max_request_bytes // unit * unit or limits.max_request_bytes // block * block
    step = step or block
    edge = min(GRAIN_BYTES, step)
    for begin, stop in _runs(piece.spans, unit, block):
        start = begin
        while start < stop:
            end = min(start - (start - piece.start) % edge + step, stop)
            yield start, end
            start = end


def _runs(spans: Spans, unit: int, block: int) -> Iterator[tuple[int, int]]:
    """Spans whose grains touch are one run, that begins and ends with what is allocated."""
    run: tuple[int, int] | None = None
    for first, last in spans:
        begin, stop = first // block * block, -(-last // block) * block
        if run is not None and first // unit * unit <= -(-run[1] // unit) * unit:
            run = (run[0], stop)
            continue
        if run is not None:
            yield run
        run = (begin, stop)
    if run is not None:
        yield run


def _joined(requests: Spans) -> Iterator[tuple[int, int]]:
    """Requests beside one another are one stretch of the target's disk."""
    held: tuple[int, int] | None = None
    for start, end in requests:
        if held is not None and held[1] == start:
            held = (held[0], end)
            continue
        if held is not None:
            yield held
        held = (start, end)
    if held is not None:
        yield held


def _nothing(_start: int, _end: int) -> bool:
    """Skip nothing."""
    return False
