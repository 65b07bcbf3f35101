"""Reading a snapshot's blocks with EBS direct, each checked against its digest.

Sources: "Read snapshots with EBS direct APIs" of the Amazon EBS user guide;
ListSnapshotBlocks and GetSnapshotBlock of the EBS direct API reference. Blocks
that were never written are not listed and read as zeros.
"""

import base64
import hashlib
import threading
from collections import OrderedDict
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from coldferry.errors import Conflict, CorruptCopy, Drifted, ProviderError, Transient
from coldferry.ports import Extent, FrozenDisk, Limits
from providers.aws.client import speaking
from providers.aws.session import Clients

if TYPE_CHECKING:
    from mypy_boto3_ebs import EBSClient

BLOCK_BYTES = 524_288
LIMITS = Limits(block_size_bytes=BLOCK_BYTES, max_request_bytes=BLOCK_BYTES, max_in_flight=32)

_GIB = 2**30
_PAGE_BLOCKS = 4096
"""Blocks asked for in one listing: 2 GiB where all are written, about 1 MiB of tokens."""

_PAGES_KEPT = 3
_TRIES = 3


class _StaleToken(Transient):
    """A block token that EBS no longer takes: the block must be listed again."""


@dataclass(frozen=True)
class _Page:
    """All written blocks from ``first`` up to, not including, ``end``, with their tokens."""

    first: int
    end: int
    tokens: dict[int, str]


class SnapshotReader:
    """A :class:`coldferry.ports.DiskReader` over a completed snapshot; thread-safe.

    Raises Transient for broken answers, Denied (the KMS key too), and
    CorruptCopy for a block that does not match its digest three times.
    """

    limits = LIMITS

    def __init__(self, ebs: "EBSClient", snapshot: str) -> None:
        self._ebs = ebs
        self._snapshot = snapshot
        self._lock = threading.Lock()
        self._listing = threading.Lock()
        self._pages: OrderedDict[int, _Page] = OrderedDict()
        self.size_bytes = 0
        self._page(0)

    def extents(self, offset: int, length: int) -> Iterator[Extent]:
        """Runs of written and of unwritten blocks, cut to the window."""
        end = min(offset + length, self.size_bytes)
        while offset < end:
            page = self._page(offset // BLOCK_BYTES)
            until = min(end, page.end * BLOCK_BYTES)
            while offset < until:
                data = offset // BLOCK_BYTES in page.tokens
                stop = offset // BLOCK_BYTES + 1
                while stop * BLOCK_BYTES < until and (stop in page.tokens) is data:
                    stop += 1
                run_end = min(stop * BLOCK_BYTES, until)
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

    def _read_part(self, index: int, skip: int, part: memoryview) -> None:
        if len(part) == BLOCK_BYTES:
            self._read_block(index, part)
            return
        block = memoryview(bytearray(BLOCK_BYTES))
        self._read_block(index, block)
        part[:] = block[skip : skip + len(part)]

    def _read_block(self, index: int, block: memoryview) -> None:
        broken: ProviderError | None = None
        for attempt in range(_TRIES):
            page = self._page(index)
            token = page.tokens.get(index)
            if token is None and attempt == 0:
                block[:] = bytes(BLOCK_BYTES)
                return
            try:
                if token is not None and self._fetch(index, token, block):
                    return
                broken = None
            except _StaleToken as error:
                broken = error
                self._forget(page)
            except Transient as error:
                broken = error
        if broken is not None:
            raise broken
        raise CorruptCopy(
            f"Block {index} of {self._snapshot} does not match its SHA-256 digest "
            f"after {_TRIES} reads.",
            "Run the same command again; if it stays so, something between here and AWS "
            "alters the data.",
        )

    def _fetch(self, index: int, token: str, block: memoryview) -> bool:
        """Whether a whole block with the announced digest arrived."""
        subject = f"block {index} of {self._snapshot}"
        stale = {"INVALID_BLOCK_TOKEN": _StaleToken(f"EBS does not take the token of {subject}.")}
        with speaking("ebs:GetSnapshotBlock", subject, stale):
            answer = self._ebs.get_snapshot_block(
                SnapshotId=self._snapshot, BlockIndex=index, BlockToken=token
            )
            body: Any = answer["BlockData"]
            with body:
                got = 0
                while got < BLOCK_BYTES and (more := body.readinto(block[got:])):
                    got += more
        if got != BLOCK_BYTES or answer["DataLength"] != BLOCK_BYTES:
            return False
        digest = base64.b64encode(hashlib.sha256(block).digest()).decode()
        return answer["ChecksumAlgorithm"] == "SHA256" and answer["Checksum"] == digest

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
                while len(self._pages) > _PAGES_KEPT:
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
                    SnapshotId=self._snapshot, MaxResults=_PAGE_BLOCKS, **asked
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


@contextmanager
def open_snapshot(clients: Clients, frozen: FrozenDisk) -> Iterator[SnapshotReader]:
    """Connections of its own, closed at the end. Raises Drifted when the disk's size changed."""
    ebs = clients.new_ebs()
    try:
        reader = SnapshotReader(ebs, frozen.ref)
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
        ebs.close()
