"""What a target holds already, where the manifest that would say so was lost."""

from collections.abc import Sequence

from coldferry.content import LEAF_BYTES
from coldferry.copying.ends import Contents, Intake
from coldferry.copying.job import Turn
from coldferry.copying.pieces import Piece, cut
from coldferry.copying.throttle import Throttle
from coldferry.disk import DiskReader


class Held:
    """Reads the target beside the source, and leaves out what both hold.

    The target alone would not do: a leaf that was half written when the process
    died has a digest, too.
    """

    def __init__(self, reader: DiskReader, length: int, throttles: Sequence[Throttle]) -> None:
        """``length`` is that of the longest piece, in bytes."""
        self._reader = reader
        self._length = length
        self._intake = Intake(reader, throttles)

    def without(self, piece: Piece, contents: Contents, buffer: bytearray, turn: Turn) -> Contents:
        """The contents that are not at the target. Uses the buffer's second half."""
        there = self._allocated(piece)
        if there is None:
            return contents
        found = dict(self._intake.fill(there, buffer, turn, at=self._length))
        return [(leaf, content) for leaf, content in contents if found.get(leaf) != content]

    def _allocated(self, piece: Piece) -> Piece | None:
        """What of the piece's leaves the target lists as written; None for nothing."""
        end = min((piece.leaves[-1] + 1) * LEAF_BYTES, self._reader.size_bytes)
        spans = [
            (max(extent.offset, piece.start), min(extent.offset + extent.length, end))
            for extent in self._reader.extents(piece.start, end - piece.start)
            if extent.data and extent.length
        ]
        wanted = set(piece.leaves)
        cuts = cut(spans, self._length, lambda start, _: start // LEAF_BYTES not in wanted)
        return next(cuts, None)
