"""A swap area of Linux: mkswap(8) writes its word at the end of the first page."""

import uuid

from coldferry.guest.formats.format import Format, Identity, word
from coldferry.guest.window import Bytes

_PAGES = (4096, 16384, 65536)


def _recognise(content: Bytes) -> Identity | None:
    for page in _PAGES:
        if content.read_at(page - 10, 10) in (b"SWAPSPACE2", b"SWAP-SPACE"):
            header = content.read_at(1024, 44)
            return Identity("swap", str(uuid.UUID(bytes=header[12:28])), word(header[28:44]))
    return None


SWAP = Format(_recognise)
