"""Reading and writing one disk: the part of the contract that the copy engine needs.

It knows no machine, so that copying one disk by itself loads nothing else. The
laws of :mod:`coldferry.ports` hold here too.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Protocol, runtime_checkable


@dataclass(frozen=True)
class Limits:
    """What one disk's endpoint takes.

    All offsets and lengths are multiples of the block size, but for the disk's end.
    """

    block_size_bytes: int
    max_request_bytes: int
    max_in_flight: int


@dataclass(frozen=True)
class Extent:
    """A stretch of a disk; ``data`` False means that it surely reads as zeros."""

    offset: int
    length: int
    data: bool = True


@dataclass(frozen=True)
class Proof:
    """How it is known that target equals source."""

    method: str
    reader: str
    equal: bool


class DiskReader(Protocol):
    """Random access to an immutable disk."""

    size_bytes: int
    limits: Limits

    def extents(self, offset: int, length: int) -> Iterator[Extent]:
        """What is allocated in the window, in order and without gaps or overlap.

        All-data is a legal answer; ``data=False`` is a promise.
        """

    def read_into(self, offset: int, view: memoryview) -> None:
        """Fill ``view`` from ``offset``, exactly, or raise. Up to ``max_in_flight`` at once."""


class Changes(Protocol):
    """Where two frozen states of one disk differ, the earlier and the later."""

    size_bytes: int

    def extents(self, offset: int, length: int) -> Iterator[Extent]:
        """What changed in the window, in order and without gaps or overlap.

        ``data=False`` is a promise: the bytes there are the same in both. What was freed since,
        and what was written for the first time, has changed.
        """


class DiskWriter(Protocol):
    """A disk that is being written. ``size_bytes`` is at least the source's.

    ``identity`` names the object and its generation: a manifest written
    against another identity counts for nothing. ``sealed`` is True once it was
    committed: it can then only be committed again, which changes nothing.
    ``sent_bytes`` and ``requests`` count retries too.
    """

    identity: str
    size_bytes: int
    limits: Limits
    sealed: bool

    @property
    def sent_bytes(self) -> int:
        """Bodies of all write requests so far."""

    @property
    def requests(self) -> int:
        """All write requests so far."""

    def write(self, offset: int, view: memoryview) -> None:
        """Put bytes; idempotent per range; durable once it returned."""

    def zero(self, offset: int, length: int) -> None:
        """Make a range read as zeros, also where it was written before."""

    def commit(self) -> str:
        """End writing, once; answer the disk's full provider id. What was not written is zero."""


@runtime_checkable
class CountingReader(Protocol):
    """A reader that counts what it fetched, retries included."""

    @property
    def fetched_bytes(self) -> int:
        """Bodies of all answers to read requests so far."""


@runtime_checkable
class DigestReader(Protocol):
    """A reader whose provider tells the SHA-256 of every 512 KiB: no byte is hashed twice."""

    def read_leaf(self, offset: int, view: memoryview) -> bytes:
        """Fill ``view`` (512 KiB) and answer the SHA-256 of it, checked against what came.

        ``offset`` is a multiple of 512 KiB; what lies beyond the disk's end is filled with
        zeros and counts in the digest. Raises CorruptCopy when the two differ.
        """


@runtime_checkable
class DigestWriter(Protocol):
    """A writer that sends the SHA-256 of every 512 KiB with it."""

    def write_leaf(self, offset: int, view: memoryview, digest: bytes) -> None:
        """Put 512 KiB at a multiple of 512 KiB, with their known digest; durable once returned."""


@runtime_checkable
class ManifestCommitter(Protocol):
    """A writer that has to name everything that was ever put when it commits."""

    def rely_on(self, leaves: Callable[[], Iterable[tuple[int, bytes]]]) -> None:
        """Take what was put from ``leaves``: ``(index, SHA-256)`` of each 512 KiB, rising.

        They are those that hold something, and those that were put and hold zeros by now.
        Said once, before the first write; asked for at the commit, when all that this and
        earlier runs put is in it. Without it only this writer's own writes count.
        """


OnProgress = Callable[[str, int, int], None]
"""``on_progress(device, done_bytes, total_bytes)``, from any thread."""
