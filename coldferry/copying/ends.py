"""The two ends of a copy: a piece is brought into a buffer here, and sent out of it."""

import threading
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from functools import partial
from typing import Protocol

from coldferry.content import (
    GRAIN_BYTES,
    GRAINS_PER_LEAF,
    LEAF_BYTES,
    Content,
    Digest,
    content,
    runs,
    sha256,
)
from coldferry.copying.job import Turn
from coldferry.copying.pieces import PIECE_BYTES, Piece
from coldferry.copying.pool import WINDOW_BYTES
from coldferry.copying.throttle import Throttle, wait_for_all
from coldferry.disk import DigestReader, DigestWriter, DiskReader, DiskWriter, Limits

Contents = list[tuple[int, Content]]
"""``(leaf index, content)`` in rising order."""

_ZEROS = memoryview(bytes(LEAF_BYTES))


class _End(Protocol):
    limits: Limits


def _shared(end: _End) -> bool:
    """Whether it takes more requests at once than there can be pieces: then pieces share them."""
    return end.limits.max_in_flight > WINDOW_BYTES // PIECE_BYTES


class _Gate:
    """At most ``max_in_flight`` requests of one end at once, each when throttles let it."""

    def __init__(self, end: _End, throttles: Sequence[Throttle]) -> None:
        self._throttles = throttles
        self._slots = threading.Semaphore(max(1, end.limits.max_in_flight))

    def enter(self, length: int, turn: Turn) -> threading.Semaphore:
        """Wait until a request of ``length`` bytes may begin; the answer is to be entered."""
        turn.go_on()
        if self._throttles:
            wait_for_all(self._throttles, length, turn.go_on)
        return self._slots


class Intake:
    """Fills buffers from a reader: only what is allocated is asked for, the rest is zeroed."""

    def __init__(
        self, reader: DiskReader, throttles: Sequence[Throttle] = (), digest: Digest = sha256
    ) -> None:
        self._reader = reader
        # Asking a protocol takes 20 µs: a tenth of what a request costs.
        self._telling = reader if isinstance(reader, DigestReader) else None
        self._gate = _Gate(reader, throttles)
        self._digest = digest
        self._size_bytes = reader.size_bytes
        block = reader.limits.block_size_bytes
        self._block = block
        self._step = max(block, reader.limits.max_request_bytes // block * block)
        self._shared = _shared(reader)

    def fill(self, piece: Piece, buffer: bytearray, turn: Turn, at: int = 0) -> Contents:
        """Bring a piece into ``buffer``, its first leaf at byte ``at``, and look at each leaf."""
        view = memoryview(buffer)[at:]
        known: dict[int, bytes] = {}

        def get(start: int, end: int, turn: Turn) -> None:
            offset = piece.start + start
            with self._gate.enter(end - start, turn):
                if self._telling is not None:
                    known[start] = self._telling.read_leaf(offset, view[start:end])
                else:
                    self._reader.read_into(offset, view[start:end])

        for start, end in piece.gaps():
            view[start - piece.start : end - piece.start] = _ZEROS[: end - start]
        waiting = deque(self._requests(piece))
        if self._shared:
            turn.together([partial(get, *request) for request in waiting])
            waiting.clear()
        contents: Contents = []
        for leaf in piece.leaves:
            start = leaf * LEAF_BYTES - piece.start
            # Where a request is a leaf, it is looked at while it is still in the CPU's cache.
            while waiting and waiting[0][0] < start + LEAF_BYTES:
                get(*waiting.popleft(), turn)
            found = content(buffer, at + start, digest=self._digest, known=known.get(start))
            contents.append((leaf, found))
        return contents

    def _requests(self, piece: Piece) -> Iterator[tuple[int, int]]:
        """``(start, end)`` in the buffer: whole leaves, or what is allocated and nothing else."""
        if self._telling is not None:
            for leaf in piece.leaves:
                start = leaf * LEAF_BYTES - piece.start
                yield start, start + LEAF_BYTES
            return
        for first, last in piece.spans:
            start = first // self._block * self._block - piece.start
            end = min(-(-last // self._block) * self._block, self._size_bytes) - piece.start
            while start < end:
                until = min(start - start % self._step + self._step, end)
                yield start, until
                start = until


class Unsent(Exception):
    """Some requests for a piece failed; ``leaves`` are those that may not be whole at the target.

    The failure is its cause.
    """

    def __init__(self, piece: Piece, requests: list[tuple[int, int]]) -> None:
        self.leaves = {
            piece.leaves[0] + index
            for start, end in requests
            for index in range(start // LEAF_BYTES, -(-end // LEAF_BYTES))
        }


class Outlet:
    """Sends what is not zero of a buffer to a writer, in requests as large as it takes."""

    def __init__(self, writer: DiskWriter, throttles: Sequence[Throttle] = ()) -> None:
        self._writer = writer
        self._taking = writer if isinstance(writer, DigestWriter) else None
        self._gate = _Gate(writer, throttles)
        block = writer.limits.block_size_bytes
        most = writer.limits.max_request_bytes
        self._block = block
        self._unit = max(1, block // GRAIN_BYTES)  # grains
        unit_bytes = self._unit * GRAIN_BYTES
        self._step = most // unit_bytes * unit_bytes or most // block * block or block
        self._shared = _shared(writer)
        self._edge = min(GRAIN_BYTES, self._step)
        """Requests end at multiples of it, but for the last of a run."""

    def send(
        self,
        piece: Piece,
        contents: Contents,
        buffer: bytearray,
        turn: Turn,
        zeroed: Iterable[tuple[int, int]] = (),
    ) -> None:
        """Send what :meth:`Intake.fill` has filled; all of it was acknowledged then.

        ``zeroed`` are ``(start, end)`` in bytes of disk that are to read as zeros. Raises Unsent,
        caused by the first failure, that names what was not done.
        """
        requests = list(self._requests(piece, contents))
        clearings = list(self._clearings(piece, zeroed))
        digests = {leaf * LEAF_BYTES - piece.start: found.digest for leaf, found in contents}
        sent: set[tuple[int, int]] = set()

        def put(start: int, end: int, turn: Turn) -> None:
            with self._gate.enter(end - start, turn):
                if self._taking is not None:
                    offset = piece.start + start
                    self._taking.write_leaf(offset, view[start:end], digests[start])
                else:
                    self._writer.write(piece.start + start, view[start:end])
            sent.add((start, end))

        def clear(start: int, end: int, turn: Turn) -> None:
            with self._gate.enter(0, turn):
                self._writer.zero(piece.start + start, end - start)
            sent.add((start, end))

        view = memoryview(buffer)
        calls = [partial(put, *request) for request in requests]
        calls += [partial(clear, *request) for request in clearings]
        requests += clearings
        try:
            if self._shared:
                turn.together(calls)
            else:
                for call in calls:
                    call(turn)
        except BaseException as error:
            raise Unsent(piece, [one for one in requests if one not in sent]) from error

    def _clearings(
        self, piece: Piece, zeroed: Iterable[tuple[int, int]]
    ) -> Iterator[tuple[int, int]]:
        """``(start, end)`` in the buffer, none longer than a request or beyond the disk's end."""
        for first, last in zeroed:
            start, stop = first - piece.start, min(last, self._writer.size_bytes) - piece.start
            while start < stop:
                end = min(start + self._step, stop)
                yield start, end
                start = end

    def _requests(self, piece: Piece, contents: Contents) -> Iterator[tuple[int, int]]:
        """``(start, end)`` in the buffer of what is not zero: whole leaves, or grains' runs.

        Runs are cut at grains. They begin and end with what is allocated, and
        so with less than a whole grain.
        """
        if self._taking is not None:
            for leaf, found in contents:
                if not found.zero:
                    start = leaf * LEAF_BYTES - piece.start
                    yield start, start + LEAF_BYTES
            return
        grains = 0
        for leaf, found in contents:
            grains |= found.grains << (leaf - piece.leaves[0]) * GRAINS_PER_LEAF
        count = (piece.leaves[-1] + 1 - piece.leaves[0]) * GRAINS_PER_LEAF
        spans = [(start - piece.start, end - piece.start) for start, end in piece.spans]
        at = 0
        for first, last in runs(grains, count, self._unit):
            begin, stop = first * GRAIN_BYTES, last * GRAIN_BYTES
            while spans[at][1] <= begin:
                at += 1
            begin = max(begin, spans[at][0] // self._block * self._block)
            while at + 1 < len(spans) and spans[at + 1][0] < stop:
                at += 1
            stop = min(stop, -(-spans[at][1] // self._block) * self._block)
            stop = min(stop, self._writer.size_bytes - piece.start)
            while begin < stop:
                end = min(begin // self._edge * self._edge + self._step, stop)
                yield begin, end
                begin = end
