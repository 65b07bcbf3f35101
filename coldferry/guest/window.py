"""Bytes of a disk at any offset, and stretches of them as the parser libraries take them."""

import bisect
import itertools
import os
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

PIECE_BYTES = 1 << 20
"""As much as is read of a file at once."""


class Bytes(Protocol):
    """Something that can be read anywhere; what lies beyond its end is not there."""

    size_bytes: int

    def read_at(self, offset: int, length: int) -> bytes:
        """Up to ``length`` bytes; fewer only at the end."""


class Window:
    """A stretch of something larger; also a file object as libyal's libraries ask for."""

    def __init__(self, under: Bytes, offset: int, size_bytes: int) -> None:
        self._under = under
        self._offset = offset
        self.size_bytes = max(0, min(size_bytes, under.size_bytes - offset))
        self._at = 0

    def read_at(self, offset: int, length: int) -> bytes:
        """As :class:`Bytes` says."""
        length = min(length, self.size_bytes - offset)
        if offset < 0 or length <= 0:
            return b""
        return self._under.read_at(self._offset + offset, length)

    def read(self, size: int | None = None) -> bytes:
        """From where the last read ended."""
        found = self.read_at(self._at, self.size_bytes if size is None or size < 0 else size)
        self._at += len(found)
        return found

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        """As of any file object."""
        start = {os.SEEK_SET: 0, os.SEEK_CUR: self._at, os.SEEK_END: self.size_bytes}[whence]
        self._at = start + offset
        return self._at

    def tell(self) -> int:
        """Where the next read begins."""
        return self._at

    def get_offset(self) -> int:
        """The same, in libyal's word."""
        return self._at

    def get_size(self) -> int:
        """In bytes."""
        return self.size_bytes


@dataclass(frozen=True)
class Piece:
    """A run of bytes somewhere else; ``under`` None reads as zeros."""

    under: Bytes | None
    offset: int
    length: int


class Joined:
    """Runs of bytes from several places, one behind the other."""

    def __init__(self, pieces: Sequence[Piece]) -> None:
        self._pieces = pieces
        self._starts = [0, *itertools.accumulate(piece.length for piece in pieces)]
        self.size_bytes = self._starts[-1]

    def read_at(self, offset: int, length: int) -> bytes:
        """As :class:`Bytes` says."""
        length = min(length, self.size_bytes - offset)
        if offset < 0 or length <= 0:
            return b""
        found = []
        index = bisect.bisect_right(self._starts, offset) - 1
        while length > 0:
            piece, skip = self._pieces[index], offset - self._starts[index]
            part = min(length, piece.length - skip)
            if part and piece.under is None:
                found.append(bytes(part))
            elif part and piece.under is not None:
                found.append(_exactly(piece.under, piece.offset + skip, part))
            offset, length, index = offset + part, length - part, index + 1
        return b"".join(found)


def _exactly(under: Bytes, offset: int, length: int) -> bytes:
    found = under.read_at(offset, length)
    if len(found) != length:
        raise OSError("A part of it lies beyond the end of its disk.")
    return found
