"""The manifest of one disk's copy: resume journal, proof and inventory in one.

It is appended to only: a header that names what is copied from where to where,
then a record for each leaf that was durably written (``manifest_records``). A
torn tail (a crash in the middle of an append) is cut off at the last whole,
intact record. A header that names another source or another writer counts for
nothing: the manifest is begun anew. What it holds in memory does not grow with
the disk: of leaves that came before their turn it remembers those in flight.
"""

import threading
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from pathlib import Path
from types import TracebackType
from typing import Self

from coldferry.content import LEAF_BYTES, PAGE_BYTES, ZERO, Content, root
from coldferry.errors import Conflict
from coldferry.manifest_journal import FileJournal, Journal
from coldferry.manifest_records import (
    END,
    MAGIC,
    RECORD_BYTES,
    Copy,
    Record,
    header,
    in_order,
    pack,
    read_header,
    scan,
)

__all__ = ["MAGIC", "Copy", "Manifest"]


class Manifest:
    """Open for one copy at a time; ``add`` may be called from several threads.

    ``complete``: nothing is missing. ``data_bytes``: 4 KiB pages that are not
    all zero, times 4096. ``done_bytes``: bytes of disk that the recorded
    leaves stand for. ``frontier``: no leaf below it is missing.
    """

    complete: bool
    data_bytes: int
    done_bytes: int
    frontier: int
    _beyond: set[int]  # recorded leaves at or above the frontier
    _checksum: int  # the chain's, at the end
    _end: int  # bytes
    _unsynced: int  # leaves
    _closed: bool

    def __init__(self, where: Path | Journal, copy: Copy) -> None:
        """Open or begin it; a path is a file. Raises Conflict while another run has it open."""
        self.copy = copy
        self._journal = FileJournal(where) if isinstance(where, Path) else where
        self._lock = threading.Lock()
        self._syncing = threading.Lock()
        self._reset()
        if not self._recover():
            self._begin()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def __contains__(self, leaf: int) -> bool:
        """Whether nothing is left to do for the leaf: it is recorded, or a hole below others."""
        return leaf < self.frontier or leaf in self._beyond

    @property
    def ahead(self) -> int:
        """How many leaves are recorded beyond the first that is not: each takes memory."""
        return len(self._beyond)

    def close(self) -> None:
        """Sync and close; may be called twice."""
        with self._syncing, self._lock:
            if not self._closed:
                self._closed = True
                if self._unsynced:
                    self._journal.sync()
                self._journal.close()

    def add(self, leaf: int, content: Content) -> None:
        """Record a leaf whose bytes the writer acknowledged; one that is here stays as it is."""
        self.add_all([(leaf, content)], 0)

    def add_all(self, leaves: Sequence[tuple[int, Content]], frontier: int) -> None:
        """Record leaves at once, in rising order.

        ``frontier`` promises that every leaf below it that holds anything was
        added before; the highest that was promised counts. Raises Conflict
        once the manifest is closed: what a late writer did is not recorded.
        """
        with self._lock:
            if self._closed:
                raise Conflict("The manifest is closed.", "Run the same command again.")
            fresh = [(leaf, content) for leaf, content in leaves if leaf not in self]
            self._advance(frontier)
            packed = bytearray()
            for leaf, content in fresh:
                record, self._checksum = pack(leaf, content, self.frontier, self._checksum)
                packed += record
                self._count(leaf, content)
            self._journal.append(bytes(packed))
            self._end += len(packed)
            self._unsynced += len(fresh)
        self._sync_if_due()

    def finish(self) -> None:
        """Record that every leaf which is not here is zero at the target."""
        with self._lock:
            if not self.complete:
                record, self._checksum = pack(END, ZERO, 0, self._checksum)
                self._journal.append(record)
                self._end += len(record)
                self._journal.sync()
                self._unsynced = 0
                self.complete = True

    def restart(self) -> None:
        """Forget everything: the target's disk is begun anew."""
        with self._lock:
            self._begin()

    def items(self) -> Iterator[tuple[int, Content]]:
        """``(leaf index, content)`` in rising order, read as they are asked for."""
        with self._lock:
            start, checksum, end = self._start, self._first_checksum, self._end
        count = (end - start) // RECORD_BYTES - self.complete
        found = (record for record, _ in scan(self._journal, start, checksum))
        return in_order(record for _, record in zip(range(count), found, strict=False))

    def content(self, leaf: int) -> Content | None:
        """What was recorded for a leaf; reads the manifest up to there."""
        for index, found in self.items():
            if index >= leaf:
                return found if index == leaf else None
        return None

    @property
    def root(self) -> str:
        """See :func:`coldferry.content.root`."""
        return root((leaf, content.digest) for leaf, content in self.items())

    @classmethod
    def found(cls, where: Path | Journal) -> Self | None:
        """The manifest that is there, whatever it is of; None where none was begun."""
        journal = FileJournal(where) if isinstance(where, Path) else where
        about = read_header(journal)
        if about is None:
            journal.close()
            return None
        return cls(journal, Copy(**about[0]))

    def _begin(self) -> None:
        self._reset()
        first, self._first_checksum = header(self.copy)
        self._checksum = self._first_checksum
        if self._journal.read(0, 1):
            self._journal.truncate(0)
            self._journal.sync()  # what is forgotten must not come back after a power cut
        self._journal.append(first)
        self._start = self._end = len(first)

    def _reset(self) -> None:
        self.complete = False
        self.frontier = 0
        self.data_bytes = 0
        self.done_bytes = 0
        self._beyond = set()
        self._start = self._end = 0
        self._first_checksum = self._checksum = 0
        self._unsynced = 0
        self._closed = False

    def _recover(self) -> bool:
        found = read_header(self._journal)
        if found is None or found[0] != asdict(self.copy):
            return False
        _, self._start, self._first_checksum = found
        self._end, self._checksum = self._start, self._first_checksum
        for record, checksum in scan(self._journal, self._start, self._checksum):
            self._checksum = checksum
            self._end += RECORD_BYTES
            self._take(record)
            if self.complete:
                break
        self._journal.truncate(self._end)
        return True

    def _take(self, record: Record) -> None:
        if record.leaf == END:
            self.complete = True
            return
        self._advance(record.floor)
        self._count(record.leaf, record.content)

    def _count(self, leaf: int, content: Content) -> None:
        self._beyond.add(leaf)
        self.data_bytes += content.pages * PAGE_BYTES
        self.done_bytes += min(LEAF_BYTES, self.copy.size_bytes - leaf * LEAF_BYTES)

    def _advance(self, frontier: int) -> None:
        if frontier > self.frontier:
            self.frontier = frontier
            self._beyond = {leaf for leaf in self._beyond if leaf >= frontier}

    def _sync_if_due(self) -> None:
        """Sync outside the lock: others append while the disk works, but not twice as much."""
        due = self._journal.sync_leaves
        if self._unsynced < due:
            return
        if not self._syncing.acquire(blocking=self._unsynced >= 2 * due):
            return
        try:
            with self._lock:
                if self._closed or self._unsynced < due:
                    return
                synced = self._unsynced
            self._journal.sync()
            with self._lock:
                self._unsynced -= synced
        finally:
            self._syncing.release()
