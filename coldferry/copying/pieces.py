"""A disk cut into pieces: what one thread holds in one buffer at a time."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from coldferry.content import LEAF_BYTES
from coldferry.disk import Limits

PIECE_BYTES = 4 << 20
"""The longest piece: the most that a page blob takes at once. Longer ones are no faster."""


@dataclass(frozen=True)
class Piece:
    """Some leaves of a disk that hold anything, not all beside one another, and where they do.

    ``spans`` are ``(start, end)`` in bytes of disk, rising and apart; ``leaves``
    are the indexes of the leaves that they touch.
    """

    spans: tuple[tuple[int, int], ...]
    leaves: tuple[int, ...]

    @property
    def start(self) -> int:
        """The first leaf's offset on the disk: the buffer's byte 0."""
        return self.leaves[0] * LEAF_BYTES

    @property
    def allocated_bytes(self) -> int:
        """What is read."""
        return sum(end - start for start, end in self.spans)

    def gaps(self) -> Iterator[tuple[int, int]]:
        """``(start, end)`` of what the spans leave out of the leaves, in bytes of disk."""
        stop = self.start
        for start, end in (*self.spans, (self._end, self._end)):
            # Leaves between two spans that neither touches are no part of the piece.
            middle = min(start, _ceil(stop))
            if stop < middle:
                yield stop, middle
            if max(middle, _floor(start)) < start:
                yield max(middle, _floor(start)), start
            stop = end

    def __str__(self) -> str:
        return f"bytes {self.spans[0][0]}-{self.spans[-1][1] - 1}"

    @property
    def _end(self) -> int:
        return (self.leaves[-1] + 1) * LEAF_BYTES


def piece_bytes(*limits: Limits) -> int:
    """How long pieces are to be between endpoints of these limits: whole leaves, 1 to 8.

    As long as the longest request of either. Shorter ones, of the other, are
    made by several threads for one piece.
    """
    longest = min(PIECE_BYTES, max(limit.max_request_bytes for limit in limits))
    return max(LEAF_BYTES, longest // LEAF_BYTES * LEAF_BYTES)


def cut(
    spans: Iterable[tuple[int, int]], length: int, skip: Callable[[int, int], bool]
) -> Iterator[Piece]:
    """Pieces of at most ``length`` bytes, rising.

    ``skip(start, end)`` is asked of each leaf's part of a span: True leaves it out.
    """
    held: list[tuple[int, int]] = []
    leaves: list[int] = []
    for part in _by_leaf(spans, skip):
        first, last = part[0] // LEAF_BYTES, (part[1] - 1) // LEAF_BYTES
        if leaves and (last + 1 - leaves[0]) * LEAF_BYTES > length:
            yield Piece(tuple(held), tuple(leaves))
            held, leaves = [], []
        if held and held[-1][1] == part[0]:
            held[-1] = (held[-1][0], part[1])
        else:
            held.append(part)
        if not leaves or leaves[-1] != first:
            leaves.append(first)
        leaves.extend(range(first + 1, last + 1))
    if leaves:
        yield Piece(tuple(held), tuple(leaves))


def _by_leaf(
    spans: Iterable[tuple[int, int]], skip: Callable[[int, int], bool]
) -> Iterator[tuple[int, int]]:
    """The spans cut at leaves' edges, without those that are to be skipped."""
    for start, end in spans:
        at = start
        while at < end:
            until = min(end, _floor(at) + LEAF_BYTES)
            if not skip(at, until):
                yield at, until
            at = until


def _floor(offset: int) -> int:
    return offset // LEAF_BYTES * LEAF_BYTES


def _ceil(offset: int) -> int:
    return -(-offset // LEAF_BYTES) * LEAF_BYTES
