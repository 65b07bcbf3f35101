"""Stored bytes at random offsets: a stretch of a file, files one after the other, gzip.

A disk is read where it lies, inside an archive too: nothing is unpacked.
"""

import os
import stat
import threading
import zlib
from bisect import bisect_right
from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

from coldferry.errors import Failed, NotMovable

_PIECE_BYTES = 1 << 18
_FED_BYTES = 1 << 14
_MOST_CHECKPOINTS = 512  # of some 60 KiB each: inflate's window, its state, and what it was fed
_MOST_EMPTY = 1000
_CURSORS = 4


class Stored(Protocol):
    """Bytes that do not change while they are read. May be read from several threads."""

    size_bytes: int

    def read(self, offset: int, length: int) -> bytes:
        """Exactly ``length`` bytes. Raises Failed where they cannot be had."""

    def close(self) -> None:
        """Give back what was opened."""


class Window:
    """A stretch of one open file."""

    def __init__(self, path: Path, offset: int, size_bytes: int) -> None:
        """Raises NotMovable for a file that cannot be opened."""
        self.path, self.offset, self.size_bytes = path, offset, size_bytes
        try:
            self._file = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK)
        except OSError as error:
            raise NotMovable(
                f"{path.name} cannot be opened: {error.strerror}.", "Correct its rights."
            ) from None
        if not stat.S_ISREG(os.fstat(self._file).st_mode):  # a pipe took the place of a file
            os.close(self._file)
            raise NotMovable(f"{path.name} is no file.", "Put the whole package there again.")

    def read(self, offset: int, length: int) -> bytes:
        if offset < 0 or offset + length > self.size_bytes:
            raise self._short(offset + length)
        parts, at, left = [], self.offset + offset, length
        while left:
            try:
                got = os.pread(self._file, left, at)
            except OSError as error:
                raise Failed(
                    f"{self.path.name} cannot be read at byte {at}: {error.strerror}.",
                    "Look at the disk it is on; then run the same command again.",
                ) from None
            if not got:
                raise self._short(offset + length)
            parts.append(got)
            at += len(got)
            left -= len(got)
        return b"".join(parts)

    def close(self) -> None:
        os.close(self._file)

    def _short(self, end: int) -> Failed:
        return Failed(
            f"{self.path.name} has {self.size_bytes} bytes where at least {end} are needed.",
            "It is cut off or was changed: put the whole package there again.",
            resumable=False,
        )


class Joined:
    """Chunks of one file, one after the other."""

    def __init__(self, parts: Sequence[Stored]) -> None:
        self._parts = parts
        self._starts = [0]
        for part in parts:
            self._starts.append(self._starts[-1] + part.size_bytes)
        self.size_bytes = self._starts.pop()

    def read(self, offset: int, length: int) -> bytes:
        found = bytearray()
        index = bisect_right(self._starts, offset) - 1
        while length > len(found):
            part, start = self._parts[index], self._starts[index]
            at = offset + len(found) - start
            last = index + 1 == len(self._parts)
            take = length - len(found) if last else min(length - len(found), part.size_bytes - at)
            found += part.read(at, take)  # beyond the last one's end, it says so
            index += 1
        return bytes(found)

    def close(self) -> None:
        for part in self._parts:
            part.close()


class Inflated:
    """A gzip file's content at any offset, by checkpoints of the inflation; nothing is kept.

    All of it is inflated once at the beginning: only then is its size known, and nothing
    is read of one that is a bomb.
    """

    def __init__(self, packed: Stored, most_bytes: int, name: str) -> None:
        """Raises NotMovable for what is no gzip, is damaged, or inflates beyond ``most_bytes``."""
        self._lock = threading.Lock()
        self._packed, self._name = packed, name
        self._spacing = max(4 << 20, most_bytes // _MOST_CHECKPOINTS)
        cursor = _Cursor(packed)
        self._checkpoints = [cursor.copy()]
        self._live: list[_Cursor] = []
        try:
            while cursor.read(_PIECE_BYTES):
                if cursor.at > most_bytes:
                    raise NotMovable(
                        f"{name} inflates to more than the {most_bytes} bytes that its disk can "
                        "take: it is not read.",
                        "Export the machine anew.",
                    )
                if cursor.at - self._checkpoints[-1].at >= self._spacing:
                    self._checkpoints.append(cursor.copy())
        except (zlib.error, EOFError):
            raise NotMovable(
                f"{name} is said to be gzip and is not, or is damaged.", "Export it anew."
            ) from None
        self.size_bytes = cursor.at

    def read(self, offset: int, length: int) -> bytes:
        if offset < 0 or offset + length > self.size_bytes:
            raise self._lost(offset + length)
        with self._lock:
            cursor = self._nearest(offset)
            try:
                while cursor.at < offset:
                    if not cursor.read(min(_PIECE_BYTES, offset - cursor.at)):
                        raise self._lost(offset)
                found = bytearray()
                while len(found) < length:
                    piece = cursor.read(length - len(found))
                    if not piece:
                        raise self._lost(offset + length)
                    found += piece
            except (zlib.error, EOFError):
                raise self._lost(offset + length) from None
            self._live = [*self._live[1 - _CURSORS :], cursor]
        return bytes(found)

    def close(self) -> None:
        self._packed.close()

    def _nearest(self, offset: int) -> "_Cursor":
        """Where another read ended, or a copy of a checkpoint: whatever is nearest before."""
        at = bisect_right([one.at for one in self._checkpoints], offset) - 1
        best = self._checkpoints[at]
        for live in self._live:
            if best.at <= live.at <= offset:
                best = live
        if best in self._live:
            self._live.remove(best)
            return best
        return best.copy()

    def _lost(self, end: int) -> Failed:
        return Failed(
            f"{self._name} does not inflate to the {end} bytes that were asked of it.",
            "It was changed: put the whole package there again.",
            resumable=False,
        )


class _Cursor:
    """A place in an inflation, from which it goes on."""

    def __init__(self, packed: Stored) -> None:
        self.at = 0
        self._packed = packed
        self._fed = 0
        self._tail = b""
        self._empty = 0
        self._engine = zlib.decompressobj(31)

    def copy(self) -> "_Cursor":
        made = _Cursor(self._packed)
        made.at, made._fed, made._tail, made._empty = self.at, self._fed, self._tail, self._empty
        made._engine = self._engine.copy()
        return made

    def read(self, most: int) -> bytes:
        """Some of what comes next; nothing at the end. Raises EOFError for one that is cut off."""
        while True:
            if self._engine.eof:
                rest = self._engine.unused_data or self._feed()
                if not rest.strip(b"\0"):  # gzip(1) takes zeros behind the last member, too
                    return b""
                self._empty += 1
                if self._empty > _MOST_EMPTY:  # members of nothing, one after the other
                    raise EOFError
                self._engine, self._tail = zlib.decompressobj(31), rest
            data = self._tail or self._feed()
            if not data:
                raise EOFError
            found = self._engine.decompress(data, most)
            self._tail = self._engine.unconsumed_tail
            if found:
                self.at += len(found)
                self._empty = 0
                return found

    def _feed(self) -> bytes:
        length = min(_FED_BYTES, self._packed.size_bytes - self._fed)
        data = self._packed.read(self._fed, length)
        self._fed += length
        return data
