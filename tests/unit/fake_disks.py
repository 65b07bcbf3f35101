"""A disk's two ends as fakes that record every operation, and refuse what a real one would."""

import hashlib
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from coldferry.content import LEAF_BYTES
from coldferry.errors import Conflict
from coldferry.ports import Extent, Limits

MIB = 1 << 20
WIDE = Limits(block_size_bytes=512, max_request_bytes=4 * MIB, max_in_flight=4)


class _FakeEnd:
    def __init__(self, limits: Limits) -> None:
        self.limits = limits
        self.most_at_once = 0
        self._at_once = 0
        self._lock = threading.Lock()

    @contextmanager
    def _one_request(self, offset: int, length: int, size_bytes: int) -> Iterator[None]:
        block = self.limits.block_size_bytes
        if offset % block or (length % block and offset + length != size_bytes) or length <= 0:
            raise Conflict(f"{length} bytes at {offset} are no blocks of {block}.")
        if length > self.limits.max_request_bytes or offset + length > size_bytes:
            raise Conflict(f"{length} bytes at {offset} are too many.")
        with self._lock:
            self._at_once += 1
            self.most_at_once = max(self.most_at_once, self._at_once)
            if self._at_once > self.limits.max_in_flight:
                raise Conflict("Too many requests at once.")
        try:
            yield
        finally:
            with self._lock:
                self._at_once -= 1


class FakeReader(_FakeEnd):
    """Over bytes; ``allocated`` are ``(offset, length)``, rising. No read may touch a hole.

    What is allocated is told in whole blocks.
    """

    def __init__(
        self,
        held: bytes | bytearray,
        allocated: Sequence[tuple[int, int]] | None = None,
        limits: Limits = WIDE,
    ) -> None:
        super().__init__(limits)
        self.held = held
        self.size_bytes = len(held)
        self.allocated = _blocks(
            [(0, len(held))] if allocated is None else allocated,
            limits.block_size_bytes,
            len(held),
        )
        self.reads: list[tuple[int, int]] = []
        self.windows: list[tuple[int, int]] = []

    def extents(self, offset: int, length: int) -> Iterator[Extent]:
        self.windows.append((offset, length))
        end = min(offset + length, self.size_bytes)
        for first, size in self.allocated:
            start, stop = max(first, offset), min(first + size, end)
            if start < stop:
                if start > offset:
                    yield Extent(offset, start - offset, data=False)
                yield Extent(start, stop - start)
                offset = stop
        if offset < end:
            yield Extent(offset, end - offset, data=False)

    def read_into(self, offset: int, view: memoryview) -> None:
        with self._one_request(offset, len(view), self.size_bytes):
            self.reads.append((offset, len(view)))
            if not any(
                first <= offset and offset + len(view) <= first + size
                for first, size in merged(self.allocated)
            ):
                raise Conflict(f"A read of {len(view)} bytes at {offset} touches a hole.")
            view[:] = self.held[offset : offset + len(view)]


class FakeDigestReader(FakeReader):
    """Tells the digest of each leaf with it, and may tell a wrong one as if it were right."""

    def read_leaf(self, offset: int, view: memoryview) -> bytes:
        assert offset % LEAF_BYTES == 0
        assert len(view) == LEAF_BYTES
        self.reads.append((offset, LEAF_BYTES))
        found = self.held[offset : offset + LEAF_BYTES]
        view[:] = bytes(found) + bytes(LEAF_BYTES - len(found))
        return hashlib.sha256(view).digest()[::-1]  # not SHA-256: who computes one anew is seen

    def read_into(self, offset: int, view: memoryview) -> None:
        raise AssertionError("It is asked for leaves.")


class FakeWriter(_FakeEnd):
    """Into a bytearray of zeros; of whole blocks, or ``exact`` of a size that need not be."""

    def __init__(self, size_bytes: int, limits: Limits = WIDE, *, exact: bool = False) -> None:
        super().__init__(limits)
        block = 1 if exact else limits.block_size_bytes
        self.held = bytearray(-(-size_bytes // block) * block)
        self.size_bytes = len(self.held)
        self.identity = "fake@1"
        self.sealed = False
        self.sent_bytes = 0
        self.requests = 0
        self.writes: list[tuple[int, int]] = []
        self.zeroed: list[tuple[int, int]] = []

    def write(self, offset: int, view: memoryview) -> None:
        with self._one_request(offset, len(view), self.size_bytes):
            if self.sealed or offset + len(view) > self.size_bytes:
                raise Conflict("Sealed, or too long.")
            self._keep(offset, view)

    def zero(self, offset: int, length: int) -> None:
        with self._one_request(offset, length, self.size_bytes):
            self.zeroed.append((offset, length))
            self.held[offset : offset + length] = bytes(length)

    def commit(self) -> str:
        self.sealed = True
        return self.identity

    def _keep(self, offset: int, view: memoryview) -> None:
        self.held[offset : offset + len(view)] = view
        with self._lock:
            self.writes.append((offset, len(view)))
            self.sent_bytes += len(view)
            self.requests += 1


class FakeDigestWriter(FakeWriter):
    """Takes leaves with their digests."""

    def __init__(self, size_bytes: int, limits: Limits) -> None:
        super().__init__(size_bytes, limits)
        self.digests: dict[int, bytes] = {}

    def write_leaf(self, offset: int, view: memoryview, digest: bytes) -> None:
        assert len(view) == LEAF_BYTES
        self.digests[offset // LEAF_BYTES] = digest
        self._keep(offset, view)

    def write(self, offset: int, view: memoryview) -> None:
        raise AssertionError("It takes leaves.")


def merged(spans: Sequence[tuple[int, int]]) -> list[tuple[int, int]]:
    """Spans that touch as one, each ``(offset, length)``."""
    found: list[tuple[int, int]] = []
    for offset, length in spans:
        if found and sum(found[-1]) == offset:
            found[-1] = (found[-1][0], found[-1][1] + length)
        elif length:
            found.append((offset, length))
    return found


def _blocks(spans: Sequence[tuple[int, int]], block: int, size: int) -> list[tuple[int, int]]:
    found: list[tuple[int, int]] = []
    stop = 0
    for offset, length in spans:
        start = max(stop, offset // block * block)
        stop = max(stop, min(-(-(offset + length) // block) * block, size))
        if start < stop:
            found.append((start, stop - start))
    return found
