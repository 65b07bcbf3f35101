"""The two ends of a copy: a piece is brought into a buffer here, and sent out of it."""

import threading
from collections.abc import Iterator, Sequence
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
from coldferry.copying.job import Call, Turn
from coldferry.copying.pieces import PIECE_BYTES, Piece
from coldferry.copying.throttle import Throttle, wait_for_all
from coldferry.ports import DigestReader, DigestWriter, DiskReader, DiskWriter, Limits

Contents = list[tuple[int, Content]]
"""``(leaf index, content)`` in rising order."""

_ZEROS = memoryview(bytes(LEAF_BYTES))


class _End(Protocol):
    limits: Limits


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
        self._gate = _Gate(reader, throttles)
        self._digest = digest
        self._size_bytes = reader.size_bytes
        block = reader.limits.block_size_bytes
        self._block = block
        self._step = max(block, reader.limits.max_request_bytes // block * block)

    def fill(self, piece: Piece, buffer: bytearray, turn: Turn, at: int = 0) -> Contents:
        """Bring a piece into ``buffer``, its first leaf at byte ``at``, and look at each leaf."""
        with memoryview(buffer)[at:] as view:
            if isinstance(self._reader, DigestReader):
                known = self._fill_leaves(self._reader, piece, view, turn)
            else:
                known = [None] * len(piece.leaves)
                self._fill_spans(piece, view, turn)
        contents: Contents = []
        for leaf, its_digest in zip(piece.leaves, known, strict=True):
            start = at + leaf * LEAF_BYTES - piece.start
            found = content(buffer, start, digest=self._digest, known=its_digest)
            contents.append((leaf, found))
        return contents

    def _fill_leaves(
        self, reader: DigestReader, piece: Piece, view: memoryview, turn: Turn
    ) -> list[bytes | None]:
        known: list[bytes | None] = [None] * len(piece.leaves)

        def get(index: int, turn: Turn) -> None:
            offset = piece.leaves[index] * LEAF_BYTES
            at = offset - piece.start
            with self._gate.enter(LEAF_BYTES, turn):
                known[index] = reader.read_leaf(offset, view[at : at + LEAF_BYTES])

        turn.together([partial(get, index) for index in range(len(known))])
        return known

    def _fill_spans(self, piece: Piece, view: memoryview, turn: Turn) -> None:
        base = piece.start
        for start, end in piece.gaps():
            view[start - base : end - base] = _ZEROS[: end - start]

        def get(offset: int, until: int, turn: Turn) -> None:
            with self._gate.enter(until - offset, turn):
                self._reader.read_into(offset, view[offset - base : until - base])

        calls: list[Call] = []
        for span_start, span_end in piece.spans:
            start = span_start // self._block * self._block
            end = min(-(-span_end // self._block) * self._block, self._size_bytes)
            calls.extend(
                partial(get, offset, min(offset + self._step, end))
                for offset in range(start, end, self._step)
            )
        if self._step < PIECE_BYTES:
            turn.together(calls)
        else:
            for call in calls:
                call(turn)


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
        self._gate = _Gate(writer, throttles)
        block = writer.limits.block_size_bytes
        most = writer.limits.max_request_bytes
        self._block = block
        self._unit = max(1, block // GRAIN_BYTES)  # grains
        unit_bytes = self._unit * GRAIN_BYTES
        self._step = most // unit_bytes * unit_bytes or most // block * block or block
        self._edge = min(GRAIN_BYTES, self._step)
        """Requests end at multiples of it, but for the last of a run."""

    def send(self, piece: Piece, contents: Contents, buffer: bytearray, turn: Turn) -> None:
        """Send what :meth:`Intake.fill` has filled; all of it was acknowledged then.

        Raises Unsent, caused by the first failure, that names what was not.
        """
        requests = list(self._requests(piece, contents))
        digests = {leaf * LEAF_BYTES - piece.start: found.digest for leaf, found in contents}
        sent: set[tuple[int, int]] = set()

        def put(start: int, end: int, turn: Turn) -> None:
            with self._gate.enter(end - start, turn):
                if isinstance(self._writer, DigestWriter):
                    offset = piece.start + start
                    self._writer.write_leaf(offset, view[start:end], digests[start])
                else:
                    self._writer.write(piece.start + start, view[start:end])
            sent.add((start, end))

        view = memoryview(buffer)
        calls = [partial(put, *request) for request in requests]
        try:
            if self._step < PIECE_BYTES:
                turn.together(calls)
            else:
                for call in calls:
                    call(turn)
        except BaseException as error:
            raise Unsent(piece, [one for one in requests if one not in sent]) from error

    def _requests(self, piece: Piece, contents: Contents) -> Iterator[tuple[int, int]]:
        """``(start, end)`` in the buffer of what is not zero: whole leaves, or grains' runs.

        Runs are cut at grains. They begin and end with what is allocated, and
        so with less than a whole grain.
        """
        if isinstance(self._writer, DigestWriter):
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
            while begin < stop:
                end = min(begin // self._edge * self._edge + self._step, stop)
                yield begin, end
                begin = end
