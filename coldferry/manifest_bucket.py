"""A manifest in a bucket: for workers whose disk does not outlive them.

A journal is objects of 64 KiB, ``NAME/00000000`` and on; only the last one is
shorter, and written anew as it grows. Each write says what it takes the place
of: of two runs that write one manifest the second to write is refused, so that
none of them loses what the other recorded.
"""

import re
import threading
from dataclasses import dataclass
from typing import Protocol

from coldferry.errors import Conflict
from coldferry.manifest_journal import Journal

CHUNK_BYTES = 64 * 1024
"""A copy's records are synced every 32 MiB of data: 64 records, some 3 KiB. A larger chunk would be
sent more often before it is full; of a smaller one a large disk would need more objects."""

_NUMBER = re.compile(r"\d{8}")


@dataclass(frozen=True)
class Object:
    """What an object holds, and the tag that says so: another content has another tag."""

    data: bytes
    tag: str


class Bucket(Protocol):
    """Objects by name. Every method may be called again, and from several threads.

    Each raises Transient when the store is busy or does not answer, Denied when it may not.
    """

    name: str

    def list(self, prefix: str) -> list[str]:
        """The names that begin so, in order."""

    def get(self, name: str) -> Object | None:
        """The object, None when there is none."""

    def put(self, name: str, data: bytes, tag: str | None) -> str | None:
        """Write it in place of the one that bears ``tag``, None: of none; the new tag.

        None when another object is there by now, and nothing was written.
        """

    def delete(self, name: str) -> None:
        """Remove it; one that is not there is no error."""


class BucketJournal:
    """A :class:`Journal` in a bucket. What was appended is safe once it was synced, not before.

    A killed process loses what was appended since: the leaves of 32 MiB.
    """

    sync_leaves = 64

    def __init__(self, bucket: Bucket, prefix: str) -> None:
        """Open or begin it at ``prefix``. Of what other runs add from now on nothing is seen."""
        self.name = f"{bucket.name}/{prefix}"
        self._bucket = bucket
        self._prefix = prefix
        self._lock = threading.RLock()
        self._cached: tuple[int, bytes] = (-1, b"")
        self._tail = bytearray()
        self._tag: str | None = None
        self._full = 0
        self._dirty = False
        self._find_end()

    def append(self, data: bytes) -> None:
        """See :class:`Journal`; a chunk that is full is written at once."""
        with self._lock:
            left = memoryview(data)
            while left:
                room = CHUNK_BYTES - len(self._tail)
                self._tail += left[:room]
                self._dirty = True
                left = left[room:]
                if len(self._tail) == CHUNK_BYTES:
                    self._write()
                    self._next_chunk()

    def sync(self) -> None:
        """See :class:`Journal`. Raises Conflict when another run wrote in between."""
        with self._lock:
            if self._dirty:
                self._write()

    def read(self, offset: int, length: int) -> bytes:
        """See :class:`Journal`."""
        found = bytearray()
        with self._lock:
            while length > 0:
                number, within = divmod(offset, CHUNK_BYTES)
                piece = self._chunk(number)[within : within + length]
                if not piece:
                    break
                found += piece
                offset += len(piece)
                length -= len(piece)
        return bytes(found)

    def truncate(self, length: int) -> None:
        """See :class:`Journal`; from the end on, so that no gap is left whenever it is killed."""
        with self._lock:
            self._cached = (-1, b"")
            number, within = divmod(length, CHUNK_BYTES)
            for name in reversed(self._bucket.list(f"{self._prefix}/")):
                if self._number(name) > number or (self._number(name) == number and not within):
                    self._bucket.delete(name)
            if number < self._full:
                kept = self._bucket.get(self._object(number)) if within else None
                self._tag = kept.tag if kept else None
                self._tail = bytearray(kept.data[:within] if kept else b"")
                self._full = number
            elif within < len(self._tail):
                del self._tail[within:]
                if not within:
                    self._tag = None
            self._dirty = bool(self._tail)

    def close(self) -> None:
        """See :class:`Journal`."""
        self.sync()

    def _find_end(self) -> None:
        """The chunks from the first on, up to the first that is not full."""
        there = {self._number(name) for name in self._bucket.list(f"{self._prefix}/")}
        while self._full in there and self._full + 1 in there:
            self._full += 1
        last = self._bucket.get(self._object(self._full)) if self._full in there else None
        if last is not None:
            self._tail, self._tag = bytearray(last.data), last.tag
            if len(self._tail) >= CHUNK_BYTES:
                self._next_chunk()

    def _next_chunk(self) -> None:
        self._cached = (self._full, bytes(self._tail))
        self._full += 1
        self._tail.clear()
        self._tag = None
        self._dirty = False

    def _write(self) -> None:
        """Raises Conflict when somebody else's bytes are there."""
        name, data = self._object(self._full), bytes(self._tail)
        tag = self._bucket.put(name, data, self._tag)
        if tag is None:
            found = self._bucket.get(name)
            if found is None or found.data != data:  # else it is ours: only the answer was lost
                raise Conflict(
                    f"Another run writes the manifest {self.name}.",
                    "Wait for it, or end it; then run the same command again.",
                )
            tag = found.tag
        self._tag = tag
        self._dirty = False

    def _chunk(self, number: int) -> bytes:
        if number == self._full:
            return bytes(self._tail)
        if number > self._full:
            return b""
        if self._cached[0] != number:
            found = self._bucket.get(self._object(number))
            self._cached = (number, found.data if found else b"")
        return self._cached[1]

    def _object(self, number: int) -> str:
        return f"{self._prefix}/{number:08d}"

    def _number(self, name: str) -> int:
        """Of an object that is none of ours: -1."""
        said = name.removeprefix(f"{self._prefix}/")
        return int(said) if _NUMBER.fullmatch(said) else -1


class BucketFolder:
    """A :class:`coldferry.manifest_folder.Folder` in a bucket, below ``prefix``."""

    def __init__(self, bucket: Bucket, prefix: str = "") -> None:
        self._bucket = bucket
        self._prefix = f"{prefix.strip('/')}/" if prefix.strip("/") else ""

    def open(self, migration: str, device: str) -> Journal:
        """See :class:`coldferry.manifest_folder.Folder`."""
        return BucketJournal(self._bucket, f"{self._prefix}{migration}/{device}.manifest")

    def forget(self, migration: str) -> None:
        """See :class:`coldferry.manifest_folder.Folder`."""
        for name in reversed(self._bucket.list(f"{self._prefix}{migration}/")):
            self._bucket.delete(name)
