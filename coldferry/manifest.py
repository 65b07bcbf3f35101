"""The manifest of one disk's copy: resume journal, proof and inventory in one file.

An append-only file: a header that names what is copied from where to where,
then one fixed record a leaf that was durably written. A torn tail (a crash in
the middle of an append) is cut off at the last whole, intact record. A header
that names another source or another writer counts for nothing: the file is
begun anew.
"""

import fcntl
import json
import os
import struct
import threading
import zlib
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

from coldferry.content import LEAF_BYTES, PAGE_BYTES, Content, root
from coldferry.errors import Conflict

MAGIC = b"coldferry-manifest-1\n"
_RECORD = struct.Struct("<Q32sBBxxI")  # leaf index, digest, grains, pages, CRC-32 of the rest
_SYNC_EVERY = 32  # leaves: 16 MiB that a power cut may send again
_END = (1 << 64) - 1  # leaf index of the record that says: nothing is missing


@dataclass(frozen=True)
class Copy:
    """What a manifest is about; equal only for the same frozen source and the same writer."""

    source: str
    writer: str
    size_bytes: int


class Manifest:
    """Open for one copy at a time; ``add`` may be called from several threads."""

    def __init__(self, path: Path, copy: Copy) -> None:
        """Open or begin the file; creates its folder, readable by the owner only.

        Raises Conflict while another run of this machine has it open.
        """
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        self.copy = copy
        self._leaves: dict[int, Content] = {}
        self._lock = threading.Lock()
        self._unsynced = 0
        self.complete = False
        flags = os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW
        self._file = os.fdopen(os.open(path, flags, 0o600), "r+b")
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            self._file.close()
            raise Conflict(
                f"Another run on this machine is copying to {copy.writer}.",
                "Wait for it, or end it; then run the same command again.",
            ) from None
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
        return leaf in self._leaves

    def close(self) -> None:
        """Sync and close; may be called twice."""
        if not self._file.closed:
            with self._lock:
                self._sync()
                self._file.close()

    def add(self, leaf: int, content: Content) -> None:
        """Record a leaf whose bytes the writer acknowledged."""
        with self._lock:
            self._leaves[leaf] = content
            self._append(leaf, content)
            self._file.flush()  # a killed process loses nothing, a power cut the unsynced tail
            self._unsynced += 1
            if self._unsynced >= _SYNC_EVERY:
                self._sync()

    def finish(self) -> None:
        """Record that every leaf which is not here is zero at the target."""
        with self._lock:
            if not self.complete:
                self._append(_END, Content(bytes(32), 0, 0))
                self._sync()
                self.complete = True

    def restart(self) -> None:
        """Forget everything: the target's disk is begun anew."""
        with self._lock:
            self._begin()

    def items(self) -> Iterator[tuple[int, Content]]:
        """``(leaf index, content)`` in rising order."""
        yield from sorted(self._leaves.items())

    def content(self, leaf: int) -> Content | None:
        """What was recorded for a leaf."""
        return self._leaves.get(leaf)

    @property
    def root(self) -> str:
        """See :func:`coldferry.content.root`."""
        return root((leaf, content.digest) for leaf, content in self.items())

    @property
    def data_bytes(self) -> int:
        """4 KiB blocks that are not all zero, times 4096."""
        return sum(content.pages for content in self._leaves.values()) * PAGE_BYTES

    @property
    def done_bytes(self) -> int:
        """Bytes of disk that the recorded leaves stand for."""
        size = self.copy.size_bytes
        return sum(min(LEAF_BYTES, size - leaf * LEAF_BYTES) for leaf in self._leaves)

    def _begin(self) -> None:
        self._leaves.clear()
        self.complete = False
        header = json.dumps(asdict(self.copy), sort_keys=True).encode()
        self._file.seek(0)
        self._file.truncate()
        self._file.write(MAGIC + struct.pack("<II", len(header), zlib.crc32(header)) + header)
        self._sync()

    def _recover(self) -> bool:
        if self._file.read(len(MAGIC)) != MAGIC:
            return False
        lengths = self._file.read(8)
        if len(lengths) < 8:
            return False
        length, checksum = struct.unpack("<II", lengths)
        header = self._file.read(length)
        # The checksum of nothing is zero: a power cut that leaves only zeros would pass.
        if not header or zlib.crc32(header) != checksum or json.loads(header) != asdict(self.copy):
            return False
        end = self._file.tell()
        while record := self._file.read(_RECORD.size):
            if len(record) < _RECORD.size or zlib.crc32(record[:-4]) != _RECORD.unpack(record)[4]:
                break
            leaf, leaf_digest, grains, pages, _ = _RECORD.unpack(record)
            if leaf == _END:
                self.complete = True
            else:
                self._leaves[leaf] = Content(leaf_digest, grains, pages)
            end += _RECORD.size
        self._file.seek(end)
        self._file.truncate()
        return True

    def _append(self, leaf: int, content: Content) -> None:
        body = _RECORD.pack(leaf, content.digest, content.grains, content.pages, 0)[:-4]
        self._file.write(body + struct.pack("<I", zlib.crc32(body)))

    def _sync(self) -> None:
        self._file.flush()
        os.fsync(self._file.fileno())
        self._unsynced = 0
