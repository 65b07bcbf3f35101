"""Reading a target back: the proof that does not trust the copy's own numbers."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from threading import Lock

from coldferry.content import LEAF_BYTES, ZERO_DIGEST, Tree
from coldferry.copying.allocation import Allocation
from coldferry.copying.ends import Intake
from coldferry.copying.engine import unwatched
from coldferry.copying.job import Turn, Work
from coldferry.copying.pieces import Piece, cut, piece_bytes
from coldferry.copying.pool import STALL_S, shared
from coldferry.copying.throttle import Throttle
from coldferry.disk import DiskReader, OnProgress, Proof
from coldferry.errors import CorruptCopy
from coldferry.manifest import Manifest
from coldferry.plain import counted
from coldferry.progress import check

METHOD = (
    "every allocated range read back, SHA-256 of each 512 KiB compared; the rest is unallocated"
)

EARLIER = "read back by an earlier run, before the machine was made that may have written to it"

Mend = Callable[[int, int], None]
"""``mend(offset, length)``: copy these bytes of the disk once more."""

_MENDED = 1024  # leaves: more than that is no accident of single requests


def read_back(
    reader: DiskReader,
    manifest: Manifest,
    reader_name: str,
    *,
    device: str = "disk",
    on_progress: OnProgress = unwatched,
    reads: Sequence[Throttle] = (),
    mend: Mend | None = None,
    stall_s: float = STALL_S,
) -> tuple[str, Proof]:
    """The Merkle root of what the target holds, and the proof that it is the source's.

    All that the target lists as allocated is read and compared with the
    manifest; what the manifest holds beyond it is missing. Where something
    differs and ``mend`` is given, it is copied again and read again, once.
    Raises CorruptCopy naming the device and the first byte ranges that differ.
    """
    comparison = _Comparison(reader, manifest, reads)

    def tell() -> None:
        check()
        if comparison.total_bytes is not None:
            on_progress(device, comparison.done_bytes, comparison.total_bytes)

    length = piece_bytes(reader.limits)
    work = Work(
        subject=device,
        pieces=comparison.expected(length),
        each=comparison.compare,
        threads=max(1, reader.limits.max_in_flight),
        buffer_bytes=length,
    )
    shared().run(work, tell, stall_s)
    differing = comparison.differing
    if differing and mend is not None and comparison.count <= _MENDED:
        for leaf in sorted(differing):
            begin = leaf * LEAF_BYTES
            mend(begin, min(LEAF_BYTES, manifest.copy.size_bytes - begin))
        return read_back(reader, manifest, reader_name, device=device, reads=reads, stall_s=stall_s)
    if differing:
        raise _corrupt(device, sorted(differing), comparison.count)
    return comparison.tree.root, Proof(METHOD, reader_name, equal=True)


@dataclass(frozen=True)
class _Expected:
    """A piece of the target, and the digests that its leaves have to have; zero if not named."""

    piece: Piece
    digests: dict[int, bytes]

    def __str__(self) -> str:
        return str(self.piece)


class _Comparison:
    """What the threads that read one disk back share."""

    def __init__(self, reader: DiskReader, manifest: Manifest, reads: Sequence[Throttle]) -> None:
        self.total_bytes: int | None = None
        self.done_bytes = 0
        self.tree = Tree()
        self.differing: set[int] = set()
        """The first of them."""
        self.count = 0
        self._reader = reader
        self._manifest = manifest
        self._intake = Intake(reader, reads)
        self._lock = Lock()

    def expected(self, length: int) -> Iterator[_Expected]:
        """Each piece of the target with what the manifest says of it, side by side."""
        allocation = Allocation(self._reader)
        self.total_bytes = allocation.total_bytes
        recorded = self._recorded()
        following = next(recorded, None)
        for piece in cut(allocation.spans(), length, lambda _start, _end: False):
            digests = {}
            while following is not None and following[0] <= piece.leaves[-1]:
                digests[following[0]] = following[1]
                following = next(recorded, None)
            touched = set(piece.leaves)
            self._differ(digests.keys() - touched)
            yield _Expected(piece, {leaf: digests[leaf] for leaf in touched & digests.keys()})
        while following is not None:
            self._differ({following[0]})
            following = next(recorded, None)

    def compare(self, expected: _Expected, buffer: bytearray, turn: Turn) -> None:
        """Read a piece, and note what is not as expected."""
        found = self._intake.fill(expected.piece, buffer, turn)
        self._differ(
            {
                leaf
                for leaf, content in found
                if content.digest != expected.digests.get(leaf, ZERO_DIGEST)
            }
        )
        with self._lock:
            self.done_bytes += expected.piece.allocated_bytes

    def _recorded(self) -> Iterator[tuple[int, bytes]]:
        """The manifest's leaves that are not zero; the tree grows by each, as it is compared."""
        for leaf, content in self._manifest.items():
            if not content.zero:
                self.tree.add(leaf, content.digest)
                yield leaf, content.digest

    def _differ(self, leaves: set[int]) -> None:
        with self._lock:
            self.count += len(leaves)
            if len(self.differing) < _MENDED:
                self.differing |= leaves


def _corrupt(device: str, differing: Sequence[int], count: int) -> CorruptCopy:
    ranges = ", ".join(
        f"{leaf * LEAF_BYTES}-{(leaf + 1) * LEAF_BYTES - 1}" for leaf in differing[:4]
    )
    return CorruptCopy(
        f"The target's disk of {device} differs from the source in {counted(count, 'place')} of "
        f"512 KiB: bytes {ranges}{' …' if count > 4 else ''}.",
        "Run the same command again: the disk was discarded and is copied anew.",
    )
