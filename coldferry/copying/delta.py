"""A copy that goes on from an earlier frozen state of the same disk: only what changed is sent.

What did not change keeps the digest that was recorded when it was copied. What may have changed
is read again in whole leaves; of a leaf that differs those grains are sent, or zeroed, that may
have changed. A copy that was killed on the way leaves grains of both states, and no others: they
are sent again.
"""

import heapq
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import groupby
from operator import itemgetter

from coldferry.content import GRAIN_BYTES, GRAINS_PER_LEAF, LEAF_BYTES, ZERO, Content, runs
from coldferry.copying.allocation import Allocation
from coldferry.copying.ends import Contents
from coldferry.copying.pieces import Piece
from coldferry.disk import DigestWriter, DiskReader, DiskWriter
from coldferry.manifest import Manifest

Spans = Iterator[tuple[int, int]]
"""``(start, end)`` in bytes of disk, rising."""

_WHOLE = (1 << GRAINS_PER_LEAF) - 1


@dataclass(frozen=True)
class Since:
    """A complete copy of an earlier frozen state of the disk to the same writer.

    ``changed`` is None where nobody can tell what changed: then all is read again, and what
    differs is sent. It was walked once: what refuses to tell does so before anything is copied.
    """

    manifest: Manifest
    changed: Allocation | None = None


class Delta:
    """What is to be done again of one disk; drawn by one thread at a time, in rising order.

    ``total_bytes`` is what is read again.
    """

    def __init__(self, since: Since, reader: DiskReader, writer: DiskWriter) -> None:
        """Walk what changed; raises what its listing raises."""
        self._since = since
        self._changed = since.changed if since.changed is not None else Allocation(reader)
        self._size_bytes = reader.size_bytes
        taken = LEAF_BYTES if isinstance(writer, DigestWriter) else writer.limits.block_size_bytes
        self._unit = max(1, taken // GRAIN_BYTES)  # grains
        self._recorded = since.manifest.items()
        self._following = next(self._recorded, None)
        self._masks: dict[int, int] = {}
        """In which grains a leaf changed, until it is drawn; one that is not here may in all."""
        self._drawn: dict[int, tuple[Content, int]] = {}
        """What was recorded of a leaf that is read again, and in which grains it changed."""
        self.total_bytes = sum(end - start for start, end in self._spans(remember=False))

    def spans(self) -> Spans:
        """Whole leaves, cut at the disk's end: all that may have changed."""
        # Where more than a grain is written at once, all of it goes.
        return self._spans(remember=self._unit == 1 and self._since.changed is not None)

    def _spans(self, *, remember: bool) -> Spans:
        spans = self._widened(remember=remember)
        if self._since.changed is None:
            spans = _with_leaves(spans, self._since.manifest)
        for start, end in spans:
            yield start, min(end, self._size_bytes)

    def unread(self, piece: Piece | None) -> Contents:
        """What was recorded of leaves up to the piece's last, and is not read again.

        Of those that are, what was recorded is remembered for :meth:`apart`. Without a piece it is
        all that is left.
        """
        carried: Contents = []
        read: dict[int, Content] = dict.fromkeys(piece.leaves, ZERO) if piece is not None else {}
        while self._following is not None and (
            piece is None or self._following[0] <= piece.leaves[-1]
        ):
            leaf, content = self._following
            if leaf in read:
                read[leaf] = content
            else:
                carried.append((leaf, content))
            self._following = next(self._recorded, None)
        for leaf, before in read.items():
            self._drawn[leaf] = before, self._masks.pop(leaf, _WHOLE)
            # What an earlier run brought is not drawn.
            while self._masks and (first := next(iter(self._masks))) < leaf:
                del self._masks[first]
        return carried

    def apart(self, contents: Contents) -> tuple[Contents, Contents]:
        """What to send of the leaves, and what to zero: each by its grains."""
        sent: Contents = []
        zeroed: Contents = []
        for leaf, found in contents:
            before, mask = self._drawn.pop(leaf)
            if found.digest == before.digest:
                continue
            if found.grains & mask:
                sent.append((leaf, found._replace(grains=found.grains & mask)))
            if cleared := self._cleared(before.grains & mask, found.grains):
                zeroed.append((leaf, found._replace(grains=cleared)))
        return sent, zeroed

    def _cleared(self, before: int, now: int) -> int:
        """Grains of units that held something, and hold nothing any more."""
        cleared = 0
        for first in range(0, GRAINS_PER_LEAF, self._unit):
            unit = (1 << self._unit) - 1 << first
            if before & unit and not now & unit:
                cleared |= unit & _WHOLE
        return cleared

    def _widened(self, *, remember: bool) -> Spans:
        """What changed, widened to leaves; in which grains of a leaf it was may be remembered."""
        run: tuple[int, int] | None = None
        for start, end in self._changed.spans():
            first, last = _floor(start), _floor(end - 1)
            if remember:
                self._remember(start, min(end, first + LEAF_BYTES))
                self._remember(max(start, last), end)
            if run is not None and first >= run[1]:
                yield run
                run = None
            run = (run[0] if run is not None else first, last + LEAF_BYTES)
        if run is not None:
            yield run

    def _remember(self, start: int, end: int) -> None:
        """A stretch inside one leaf."""
        leaf, begin = start // LEAF_BYTES, start % LEAF_BYTES
        first, stop = begin // GRAIN_BYTES, -(-(begin + end - start) // GRAIN_BYTES)
        self._masks[leaf] = self._masks.get(leaf, 0) | (1 << stop) - (1 << first)


def ever_put(manifest: Manifest, earlier: Manifest | None = None) -> Iterator[tuple[int, bytes]]:
    """``(leaf index, SHA-256)`` of each leaf that a copy put, rising, as it is at the end.

    ``earlier`` is a copy that this one went on from, where both are to the same writer: what it
    put and is zero by now was overwritten with zeros.
    """
    now = ((leaf, found.digest) for leaf, found in manifest.items() if not found.zero)
    if earlier is None or earlier.copy.writer != manifest.copy.writer:
        yield from now
        return
    before = ((leaf, ZERO.digest) for leaf, found in earlier.items() if not found.zero)
    index = itemgetter(0)
    for _, same in groupby(heapq.merge(now, before, key=index), key=index):
        yield next(same)  # the later copy's, where both have it: a merge is stable


def stretches(zeroed: Contents) -> Iterator[tuple[int, int]]:
    """``(start, end)`` in bytes of disk of the grains that are to be zeroed."""
    for leaf, content in zeroed:
        begin = leaf * LEAF_BYTES
        for first, stop in runs(content.grains, GRAINS_PER_LEAF):
            yield begin + first * GRAIN_BYTES, begin + stop * GRAIN_BYTES


def _with_leaves(spans: Spans, manifest: Manifest) -> Spans:
    """The spans, and each leaf that none touches, and that held something."""
    held = (leaf * LEAF_BYTES for leaf, content in manifest.items() if not content.zero)
    waiting = next(held, None)
    for start, end in spans:
        while waiting is not None and waiting < end:
            if waiting < start:
                yield waiting, waiting + LEAF_BYTES
            waiting = next(held, None)
        yield start, end
    while waiting is not None:
        yield waiting, waiting + LEAF_BYTES
        waiting = next(held, None)


def _floor(offset: int) -> int:
    return offset // LEAF_BYTES * LEAF_BYTES
