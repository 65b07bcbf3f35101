"""Copies of images that are mostly holes: only what is written in them is read and written."""

import os
from collections.abc import Iterator
from pathlib import Path

_STEP = 64 << 10


def pieces(file: int, first: int, length: int) -> Iterator[tuple[int, bytes]]:
    """What a range of a file holds but for zeros, each piece with its place in the file."""
    at, end = first, min(first + length, os.fstat(file).st_size)
    while at < end:
        try:
            start = os.lseek(file, at, os.SEEK_DATA)
        except OSError:  # nothing but a hole from here on
            return
        until = min(os.lseek(file, start, os.SEEK_HOLE), end)
        for at in range(start, until, _STEP):
            piece = os.pread(file, min(_STEP, until - at), at)
            if piece.count(0) != len(piece):
                yield at, piece
        at = max(until, start)


def write_into(disk: int, offset: int, content: Path | bytes) -> None:
    """Into a new disk, from ``offset`` on; zeros stay holes."""
    if isinstance(content, bytes):
        for at in range(0, len(content), _STEP):
            piece = content[at : at + _STEP]
            if piece.count(0) != len(piece):
                os.pwrite(disk, piece, offset + at)
        return
    with content.open("rb") as file:
        for at, piece in pieces(file.fileno(), 0, content.stat().st_size):
            os.pwrite(disk, piece, offset + at)


def copy_of(image: Path, copy: Path, first: int = 0, length: int | None = None) -> Path:
    """A range of an image as a file of its own, all of it by default; it may be written to."""
    length = image.stat().st_size - first if length is None else length
    with image.open("rb") as origin, copy.open("wb") as file:
        file.truncate(length)
        for at, piece in pieces(origin.fileno(), first, length):
            os.pwrite(file.fileno(), piece, at - first)
    return copy
