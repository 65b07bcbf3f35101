"""One disk from a reader to a writer: sparse, parallel, resumable.

Only what is allocated is read; of that only grains that are not zero are sent.
A piece goes into the manifest when the writer has acknowledged all of it, so a
killed copy sends again at most what was in flight and the unsynced tail.
"""

import threading
import time
from collections.abc import Iterator, Sequence

from coldferry.content import LEAF_BYTES, Digest, sha256
from coldferry.copying.allocation import Allocation
from coldferry.copying.delta import Delta, Since, stretches
from coldferry.copying.ends import Contents, Intake, Outlet, Unsent
from coldferry.copying.held import Held
from coldferry.copying.job import Turn, Work
from coldferry.copying.pieces import Piece, cut, piece_bytes
from coldferry.copying.pool import STALL_S, shared
from coldferry.copying.throttle import Throttle
from coldferry.disk import DiskReader, DiskWriter, OnProgress
from coldferry.errors import Drifted, Failed
from coldferry.manifest import Manifest
from coldferry.progress import check

_MOST_AHEAD = 4096
"""Leaves that may be done beyond one that is not: 2 GiB. A manifest remembers each."""

_CARRIED = 1024
"""Leaves that did not change and are recorded at once: 44 KiB."""

_LOOK_AGAIN_S = 0.05


def unwatched(_device: str, _done: int, _total: int) -> None:
    """Nobody watches."""


def copy_disk(
    reader: DiskReader,
    writer: DiskWriter,
    manifest: Manifest,
    *,
    device: str = "disk",
    on_progress: OnProgress = unwatched,
    reads: Sequence[Throttle] = (),
    writes: Sequence[Throttle] = (),
    held: DiskReader | None = None,
    since: Since | None = None,
    stall_s: float = STALL_S,
    digest: Digest = sha256,
) -> None:
    """Copy every byte of ``reader`` to ``writer``, going on from ``manifest``.

    A sealed writer takes no bytes: the source is only read, to fill the
    manifest for the proof. ``on_progress`` is called from this thread, a few
    times a second also when nothing moves, with bytes that are allocated at
    the source; what it raises ends the copy within a second. ``reads`` and
    ``writes`` bound requests to either end. ``held`` reads the target as it
    stands, where a manifest was lost: what is there already is not sent again.
    ``since`` is a complete copy of an earlier state to the same writer: only
    what changed is read, or all where nobody can tell, and only what differs is sent.
    A request that hangs for ``stall_s`` ends the copy. ``digest`` is for
    measuring what digests cost.

    Raises Failed when the target is smaller than the source, Drifted when the
    source's size changes meanwhile, Transient when a request hangs, and
    whatever reader and writer raise; all of it may be run again.
    """
    if writer.size_bytes < reader.size_bytes:
        raise Failed(
            f"The target's disk of {device} holds {writer.size_bytes} bytes, "
            f"the source's {reader.size_bytes}.",
            "Roll the migration back and plan it again.",
            resumable=False,
        )
    if manifest.complete:
        return
    limits = (reader.limits, writer.limits)
    size = reader.size_bytes
    length = piece_bytes(*limits)
    journey = _Journey(manifest, Intake(reader, reads, digest), length)
    if not writer.sealed:
        journey.outlet = Outlet(writer, writes)
        journey.delta = Delta(since, reader, writer) if since is not None else None
    if held is not None:
        journey.held = Held(held, length, writes)
    work = Work(
        subject=device,
        pieces=journey.pieces(reader),
        each=journey.bring,
        threads=max(2, sum(limit.max_in_flight for limit in limits)),
        buffer_bytes=length if held is None else 2 * length,
    )

    def tell() -> None:
        check()
        if journey.total_bytes is not None:
            on_progress(device, journey.done_bytes, journey.total_bytes)

    try:
        shared().run(work, tell, stall_s)
    finally:
        journey.over = True
    if reader.size_bytes != size:
        raise Drifted(
            f"The source's disk of {device} had {size} bytes when its copy began, "
            f"and {reader.size_bytes} when it ended.",
            "Roll the migration back, so that the disk is frozen anew, and run it again.",
            resumable=False,
        )
    manifest.finish()


class _Journey:
    """What the threads that copy one disk share.

    ``total_bytes`` are allocated at the source, None until that is known;
    ``done_bytes`` of them need no more work.
    """

    def __init__(self, manifest: Manifest, intake: Intake, length: int) -> None:
        self.total_bytes: int | None = None
        self.done_bytes = 0
        self.over = False
        self.outlet: Outlet | None = None
        self.held: Held | None = None
        self.delta: Delta | None = None
        self._manifest = manifest
        self._intake = intake
        self._length = length
        self._lock = threading.Lock()
        self._underway: dict[int, None] = {}
        """First leaves of the pieces in work; they begin in rising order."""

    def pieces(self, reader: DiskReader) -> Iterator[Piece]:
        """What is left to copy. The whole allocation is known before the first."""
        source: Allocation | Delta = Allocation(reader) if self.delta is None else self.delta
        self.total_bytes = source.total_bytes
        for piece in cut(self._left(source.spans()), self._length, self._recorded):
            while self._manifest.ahead > _MOST_AHEAD and not self.over:
                time.sleep(_LOOK_AGAIN_S)
            self._carry(piece)
            with self._lock:
                self._underway[piece.leaves[0]] = None
            yield piece
        self._carry(None)

    def bring(self, piece: Piece, buffer: bytearray, turn: Turn) -> None:
        """Read, look, send, record: all of it, or the leaves that were sent before a failure."""
        try:
            contents = self._intake.fill(piece, buffer, turn)
            self._send(piece, contents, buffer, turn)
            self._record(contents, turn)
        except Unsent as failure:
            self.over = True
            self._record([found for found in contents if found[0] not in failure.leaves], turn)
            raise failure.__cause__ or failure from None
        except BaseException:
            self.over = True
            raise
        with self._lock:
            del self._underway[piece.leaves[0]]
            self.done_bytes += piece.allocated_bytes

    def _send(self, piece: Piece, contents: Contents, buffer: bytearray, turn: Turn) -> None:
        if self.outlet is None:
            return
        unsent: Contents = contents
        zeroed: Contents = []
        if self.held is not None:
            unsent = self.held.without(piece, contents, buffer, turn)
        elif self.delta is not None:
            unsent, zeroed = self.delta.apart(contents)
        self.outlet.send(piece, unsent, buffer, turn, stretches(zeroed))

    def _carry(self, piece: Piece | None) -> None:
        """Record what did not change before a piece, or at the end, as it was recorded before."""
        carried = self.delta.unread(piece) if self.delta is not None else []
        for start in range(0, len(carried), _CARRIED):
            part = carried[start : start + _CARRIED]
            with self._lock:
                missing = [*self._underway, *(piece.leaves if piece is not None else ())][:1]
            self._manifest.add_all(part, min([part[0][0], *missing]))

    def _record(self, contents: Contents, turn: Turn) -> None:
        if not turn.forgotten:
            with self._lock:
                frontier = next(iter(self._underway))
            self._manifest.add_all(contents, frontier)

    def _left(self, spans: Iterator[tuple[int, int]]) -> Iterator[tuple[int, int]]:
        """The spans without what lies below the manifest's frontier, which is done."""
        frontier = self._manifest.frontier * LEAF_BYTES
        for start, end in spans:
            if start < frontier:
                self.done_bytes += min(end, frontier) - start
            if end > frontier:
                yield max(start, frontier), end

    def _recorded(self, start: int, end: int) -> bool:
        """Skip a part of a leaf that an earlier run brought."""
        if start // LEAF_BYTES not in self._manifest:
            return False
        with self._lock:
            self.done_bytes += end - start
        return True
