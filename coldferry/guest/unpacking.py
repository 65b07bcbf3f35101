"""Compressed streams, unpacked piece by piece: gzip, xz, lzma, bzip2, zstd and lz4.

What the kernel takes for an initramfs ("Documentation/driver-api/early-userspace"):
lz4 is its legacy frame, blocks of at most 8 MiB (lz4's "LZ4 Frame Format",
"Legacy frame"). lzo is not read: no maintained library with wheels does.
"""

import bz2
import lzma
import struct
import zlib
from collections.abc import Callable, Iterator
from typing import Any

import lz4.block
import lz4.frame
import zstandard

PIECE_BYTES = 256 << 10
_LZMA_BYTES = 96 << 20
"""xz -9 needs 65 MiB."""
_WINDOW_BYTES = 64 << 20
"""zstd -19 needs 8 MiB, the longest of --ultra 128."""
_ZSTD_FEED_BYTES = 1 << 10
_LZ4_BLOCK_BYTES = 8 << 20

ZSTD, LZ4, LZ4_LEGACY = b"\x28\xb5\x2f\xfd", b"\x04\x22\x4d\x18", b"\x02\x21\x4c\x18"


class Stream:
    """Bytes that can be looked at before they are taken, and put back."""

    def __init__(self, pieces: Iterator[bytes]) -> None:
        self._pieces = pieces
        self._kept = b""
        self._at = 0

    def peek(self, length: int) -> bytes:
        """The next bytes; fewer only at the end."""
        while len(self._kept) - self._at < length and (more := next(self._pieces, b"")):
            self.put_back(more, behind=True)
        return self._kept[self._at : self._at + length]

    def take(self, length: int) -> bytes:
        """The next bytes, which are then gone; fewer only at the end."""
        found = self.peek(length)
        self._at += len(found)
        return found

    def some(self) -> bytes:
        """Whatever is at hand; empty only at the end."""
        found = self._kept[self._at :] or next(self._pieces, b"")
        self._kept, self._at = b"", 0
        return found

    def put_back(self, unused: bytes, *, behind: bool = False) -> None:
        """To be taken next, or, ``behind``, after what is at hand."""
        at_hand = self._kept[self._at :]
        self._kept, self._at = (at_hand + unused if behind else unused + at_hand), 0

    def skip(self, length: int) -> int:
        """Let bytes go; how many there were."""
        left = length
        while left:
            at_hand = len(self._kept) - self._at
            if at_hand > left:
                self._at += left
                return length
            left -= at_hand
            self._kept, self._at = next(self._pieces, b""), 0
            if not self._kept:
                break
        return length - left

    def skip_zeros(self) -> None:
        """Up to the next byte that is not zero."""
        while found := self.some():
            rest = found.lstrip(b"\0")
            if rest:
                self.put_back(rest)
                return


def unpacked(stream: Stream) -> Iterator[bytes] | None:
    """What the next compressed stream holds, up to its end; None when nobody knows its kind.

    The iterator raises OSError on what is damaged or wants too much memory.
    """
    head = stream.peek(6)
    make: Callable[[], Any] | None = None
    if head[:2] == b"\x1f\x8b":
        make = lambda: zlib.decompressobj(31)  # noqa: E731
    elif head[:6] == b"\xfd7zXZ\0":
        make = lambda: lzma.LZMADecompressor(lzma.FORMAT_XZ, _LZMA_BYTES)  # noqa: E731
    elif head[:3] == b"\x5d\0\0":
        make = lambda: lzma.LZMADecompressor(lzma.FORMAT_ALONE, _LZMA_BYTES)  # noqa: E731
    elif head[:3] == b"BZh":
        make = bz2.BZ2Decompressor
    elif head[:4] == LZ4:
        make = lz4.frame.LZ4FrameDecompressor
    if make is not None:
        return _in_words(_by_object(stream, make()))
    if head[:4] == ZSTD:
        return _in_words(_zstd(stream))
    if head[:4] == LZ4_LEGACY:
        return _in_words(_lz4_legacy(stream))
    return None


def _in_words(pieces: Iterator[bytes]) -> Iterator[bytes]:
    """Each library has errors of its own."""
    try:
        yield from pieces
    except (zlib.error, lzma.LZMAError, zstandard.ZstdError, lz4.block.LZ4BlockError) as error:
        raise OSError("It is damaged, or wants too much memory to be unpacked.") from error
    except (RuntimeError, EOFError, ValueError) as error:
        raise OSError("It is damaged.") from error


def _by_object(stream: Stream, unpacker: Any) -> Iterator[bytes]:
    """The manners that zlib, lzma, bz2 and lz4.frame share."""
    held = b""
    while not unpacker.eof:
        if not held and getattr(unpacker, "needs_input", True):
            held = stream.some()
            if not held:
                raise OSError("It ends in the middle.")
        found = unpacker.decompress(held, PIECE_BYTES)
        # zlib hands back what it did not get to, the others keep it.
        held = getattr(unpacker, "unconsumed_tail", b"")
        if found:
            yield found
    stream.put_back(unpacker.unused_data or b"")


def _zstd(stream: Stream) -> Iterator[bytes]:
    """Fed in small pieces: four bytes may say 128 KiB."""
    unpacker = zstandard.ZstdDecompressor(max_window_size=_WINDOW_BYTES).decompressobj()
    while not unpacker.eof:
        packed = stream.take(_ZSTD_FEED_BYTES)
        if not packed:
            raise OSError("It ends in the middle.")
        found = unpacker.decompress(packed)
        if found:
            yield found
    stream.put_back(unpacker.unused_data)


def _lz4_legacy(stream: Stream) -> Iterator[bytes]:
    stream.take(4)
    while len(size := stream.peek(4)) == 4:
        length = struct.unpack("<I", size)[0]
        if size == LZ4_LEGACY:  # another frame, glued to this one
            stream.take(4)
            continue
        if not 0 < length <= _LZ4_BLOCK_BYTES + _LZ4_BLOCK_BYTES // 255 + 16:
            return
        stream.take(4)
        block = stream.take(length)
        yield lz4.block.decompress(block, uncompressed_size=_LZ4_BLOCK_BYTES)
