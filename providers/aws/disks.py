"""Reading a snapshot's blocks with EBS direct, each checked against its digest.

Sources: "Read snapshots with EBS direct APIs" of the Amazon EBS user guide;
ListSnapshotBlocks and GetSnapshotBlock of the EBS direct API reference. Blocks
that were never written are not listed and read as zeros.
"""

import threading
from bisect import bisect_left
from collections import OrderedDict
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

from coldferry.content import ZERO_DIGEST
from coldferry.disk import Extent, Limits
from coldferry.errors import Conflict, CorruptCopy, Drifted, ProviderError
from providers.aws.blocks import BLOCK_BYTES, IN_FLIGHT, Blocks, StaleToken
from providers.aws.client import speaking
from providers.aws.session import Clients

if TYPE_CHECKING:
    from coldferry.ports import FrozenDisk

LIMITS = Limits(
    block_size_bytes=BLOCK_BYTES, max_request_bytes=BLOCK_BYTES, max_in_flight=IN_FLIGHT
)

_GIB = 2**30
PAGE_BLOCKS = 4096
"""Blocks asked for in one listing: 2 GiB where all are written, about 1 MiB of tokens."""

PAGES_KEPT = 3
_TRIES = 3


@dataclass(frozen=True)
class _Page:
    """All written blocks from ``first`` up to, not including, ``end``, with their tokens."""

    first: int
    end: int
    tokens: dict[int, str]

    @cached_property
    def indexes(self) -> list[int]:
        """The written blocks, rising."""
        return sorted(self.tokens)


class SnapshotReader:
    """A :class:`coldferry.ports.DiskReader` over a completed snapshot; thread-safe.

    Raises Transient for broken answers, Denied (the KMS key too), and
    CorruptCopy for a block that does not match its digest three times.
    """

    limits = LIMITS

    def __init__(self, clients: Clients, snapshot: str) -> None:
        self._ebs = clients.ebs
        self._blocks = Blocks(clients)
        self._snapshot = snapshot
        self._lock = threading.Lock()
        self._listing = threading.Lock()
        self._pages: OrderedDict[int, _Page] = OrderedDict()
        self.size_bytes = 0
        self._page(0)

    @property
    def fetched_bytes(self) -> int:
        """All blocks that came, those that did not match their digest included."""
        return self._blocks.got_bytes

    def extents(self, offset: int, length: int) -> Iterator[Extent]:
        """Runs of written and of unwritten blocks, cut to the window."""
        end = min(offset + length, self.size_bytes)
        while offset < end:
            page = self._page(offset // BLOCK_BYTES)
            for first, stop, data in _runs(page, offset // BLOCK_BYTES):
                if first * BLOCK_BYTES >= end:
                    return
                run_end = min(stop * BLOCK_BYTES, end)
                yield Extent(offset, run_end - offset, data)
                offset = run_end

    def read_into(self, offset: int, view: memoryview) -> None:
        """Any offset and length within the disk; raises Conflict beyond its end."""
        if offset < 0 or offset + len(view) > self.size_bytes:
            raise Conflict(
                f"A read of {len(view)} bytes at {offset} is beyond the end of {self._snapshot}."
            )
        done = 0
        while done < len(view):
            index, skip = divmod(offset + done, BLOCK_BYTES)
            size = min(BLOCK_BYTES - skip, len(view) - done)
            self._read_part(index, skip, view[done : done + size])
            done += size

    def read_leaf(self, offset: int, view: memoryview) -> bytes:
        """A whole block, with the digest that EBS announced and that was checked."""
        index, skip = divmod(offset, BLOCK_BYTES)
        if skip or len(view) != BLOCK_BYTES or not 0 <= offset < self.size_bytes:
            raise Conflict(f"{len(view)} bytes at {offset} are no block of {self._snapshot}.")
        return self._read_block(index, view)

    def close(self) -> None:
        """Close connections."""
        self._blocks.close()

    def _read_part(self, index: int, skip: int, part: memoryview) -> None:
        if len(part) == BLOCK_BYTES:
            self._read_block(index, part)
            return
        block = memoryview(bytearray(BLOCK_BYTES))
        self._read_block(index, block)
        part[:] = block[skip : skip + len(part)]

    def _read_block(self, index: int, block: memoryview) -> bytes:
        stale: StaleToken | None = None
        for attempt in range(_TRIES):
            page = self._page(index)
            token = page.tokens.get(index)
            if token is None and attempt == 0:
                block[:] = bytes(BLOCK_BYTES)
                return ZERO_DIGEST
            try:
                if token is not None:
                    digest = self._blocks.get(self._snapshot, index, token, block)
                    if digest is not None:
                        return digest
                stale = None
            except StaleToken as error:
                stale = error
                self._forget(page)
        if stale is not None:
            raise stale
        raise CorruptCopy(
            f"Block {index} of {self._snapshot} does not match its SHA-256 digest "
            f"after {_TRIES} reads.",
            "Run the same command again; if it stays so, something between here and AWS "
            "alters the data.",
        )

    def _page(self, index: int) -> _Page:
        """The page that covers the block; listed once, also when several threads ask."""
        if page := self._kept(index):
            return page
        with self._listing:
            if page := self._kept(index):
                return page
            page = self._list(index)
            with self._lock:
                self._pages[page.first] = page
                while len(self._pages) > PAGES_KEPT:
                    self._pages.popitem(last=False)
            return page

    def _kept(self, index: int) -> _Page | None:
        with self._lock:
            for page in self._pages.values():
                if page.first <= index < page.end:
                    self._pages.move_to_end(page.first)
                    return page
        return None

    def _forget(self, page: _Page) -> None:
        with self._lock:
            if self._pages.get(page.first) is page:
                del self._pages[page.first]

    def _list(self, first: int) -> _Page:
        """From ``first`` on; an empty page with a next token is followed, as the guide asks."""
        asked: dict[str, Any] = {"StartingBlockIndex": first}
        while True:
            with speaking("ebs:ListSnapshotBlocks", self._snapshot):
                answer: Any = self._ebs.list_snapshot_blocks(
                    SnapshotId=self._snapshot, MaxResults=PAGE_BLOCKS, **asked
                )
            if answer.get("BlockSize") != BLOCK_BYTES:
                raise ProviderError(
                    f"{self._snapshot} answers blocks of {answer.get('BlockSize')} bytes, "
                    f"not {BLOCK_BYTES}.",
                    "Check the endpoint in the credentials block.",
                )
            self.size_bytes = answer["VolumeSize"] * _GIB
            tokens = {row["BlockIndex"]: row["BlockToken"] for row in answer.get("Blocks", [])}
            more = answer.get("NextToken")
            if tokens or not more:
                end = max(tokens) + 1 if more else self.size_bytes // BLOCK_BYTES
                return _Page(first, end, tokens)
            asked = {"NextToken": more}


def _runs(page: _Page, first: int) -> Iterator[tuple[int, int, bool]]:
    """``(first, stop, written)`` of the page's blocks from ``first`` on."""
    written = page.indexes
    place = bisect_left(written, first)
    while first < page.end:
        stop = written[place] if place < len(written) else page.end
        if stop > first:
            yield first, stop, False
            first = stop
        while place < len(written) and written[place] == stop:
            place, stop = place + 1, stop + 1
        if stop > first:
            yield first, stop, True
            first = stop


@contextmanager
def open_snapshot(clients: Clients, frozen: "FrozenDisk") -> Iterator[SnapshotReader]:
    """Connections of its own, closed at the end. Raises Drifted when the disk's size changed."""
    reader = SnapshotReader(clients, frozen.ref)
    try:
        planned = frozen.device.disk.size_bytes
        if reader.size_bytes != planned:
            raise Drifted(
                f"{frozen.device.disk.id} holds {reader.size_bytes} bytes in {frozen.ref}, "
                f"{planned} in the plan.",
                "Roll the migration back and plan it anew.",
                resumable=False,
            )
        yield reader
    finally:
        reader.close()
