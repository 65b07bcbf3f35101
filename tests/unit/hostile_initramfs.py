"""Initramfs that are made to break who unpacks them; see ``tests.unit.hostile_images``."""

import gzip
import lzma
import random
import struct
import zlib
from collections.abc import Callable

MIB = 1 << 20


def cpio_entry(name: bytes, size: int = 0, name_bytes: int | None = None) -> bytes:
    """A header of the newc format, with whatever sizes."""
    length = len(name) + 1 if name_bytes is None else name_bytes
    fields = (0, 0o100644, 0, 0, 1, 0, size, 0, 0, 0, 0, length, 0)
    head = b"070701" + b"".join(b"%08X" % field for field in fields) + name + b"\0"
    return head + bytes(-len(head) % 4)


def _gzipped(head: bytes, piece: bytes, times: int) -> bytes:
    """As if all of it had been packed: a full flush makes what follows the same each time."""
    packer = zlib.compressobj(9, zlib.DEFLATED, -15)
    packed = packer.compress(head) + packer.flush(zlib.Z_FULL_FLUSH)
    again = packer.compress(piece) + packer.flush(zlib.Z_FULL_FLUSH)
    checksum = zlib.crc32(head)
    for _ in range(times):
        checksum = zlib.crc32(piece, checksum)
    length = len(head) + len(piece) * times & 0xFFFFFFFF
    start = b"\x1f\x8b\x08\0\0\0\0\0\0\xff"
    end = packer.flush() + struct.pack("<II", checksum, length)
    return start + packed + again * times + end


def _zstd_of_zeros() -> bytes:
    """Blocks of one repeated byte: 128 KiB in four bytes."""
    head = cpio_entry(b"zeros", 0xFFFFFFF0)
    raw = struct.pack("<I", len(head) << 3)[:3] + head
    run_of_zeros = struct.pack("<I", (131072 << 3) | 2)[:3] + b"\0"
    return b"\x28\xb5\x2f\xfd" + b"\0\x58" + raw + run_of_zeros * 131072


HOSTILE_INITRAMFS: dict[str, Callable[[], bytes]] = {
    "a bomb of gzip": lambda: _gzipped(cpio_entry(b"zeros", 0xFFFFFFF0), bytes(16 * MIB), 64),
    "a bomb of zstd": _zstd_of_zeros,
    "a zstd window of 2 GiB": lambda: b"\x28\xb5\x2f\xfd\x00\xa8" + bytes(64),
    "an lzma dictionary of 4 GiB": lambda: b"\x5d\x00\x00\xff\xff" + b"\xff" * 8 + bytes(64),
    "an xz that ends at once": lambda: lzma.compress(b"x" * 1000)[:40],
    "a gzip that ends at once": lambda: gzip.compress(b"x" * 100_000)[:60],
    "lz4 blocks of noise": lambda: b"\x02\x21\x4c\x18\xff\x00\x00\x00" + b"\xf0" * 4096,
    "a file of 4 GiB": lambda: cpio_entry(b"lib/modules/1/x.ko", 0xFFFFFFFF) + bytes(4096),
    "a name of 4 GiB": lambda: cpio_entry(b"x", 0, 0xFFFFFFFF) + bytes(4096),
    "no digits for sizes": lambda: b"070701" + b"z" * 104 + bytes(512),
    "no archive": lambda: random.Random(2).randbytes(4096),
    "a million files": lambda: _gzipped(b"", cpio_entry(b"x") * 10_000, 100),
    "a hundred archives": lambda: cpio_entry(b"TRAILER!!!") * 100,
    "lists of drivers without end": lambda: _gzipped(b"", _lists(), 400),
}


def _lists() -> bytes:
    head = cpio_entry(b"lib/modules/1/modules.builtin", 1 << 19)
    return head + (b"k/a.ko\n" * 74_898).ljust(1 << 19, b"\0")
