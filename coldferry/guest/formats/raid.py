"""A member of a software RAID of Linux: "RAID superblock formats" of the kernel's RAID wiki."""

from coldferry.guest.formats.format import Format, Identity, word
from coldferry.guest.window import Bytes

_MAGIC = b"\xfc\x4e\x2b\xa9"


def _recognise(content: Bytes) -> Identity | None:
    for at in (0, 4096, max(0, (content.size_bytes // 512 - 16) // 8 * 8 * 512)):
        block = content.read_at(at, 256)
        if len(block) == 256 and block[:8] == _MAGIC + b"\x01\0\0\0":
            return Identity("raid", block[16:32].hex(), word(block[32:64]))
    return None


RAID = Format(_recognise, closed="a software RAID is not put together in this release")
