"""ext2, ext3 and ext4, by libfsext.

Source: "ext4 Data Structures and Algorithms", the super block at byte 1024.
"""

import struct
import uuid

from coldferry.guest.formats.format import Format, Identity, word
from coldferry.guest.formats.yal_tree import YalTree
from coldferry.guest.window import Bytes, Window

_HAS_JOURNAL, _NEEDS_RECOVERY, _EXTENTS = 0x4, 0x4, 0x40
_CLEANLY_UNMOUNTED, _HAS_ERRORS = 0x1, 0x2


def _recognise(content: Bytes) -> Identity | None:
    block = content.read_at(1024, 1024)
    if len(block) < 1024 or block[0x38:0x3A] != b"\x53\xef":
        return None
    state = struct.unpack("<H", block[0x3A:0x3C])[0]
    compatible, incompatible = struct.unpack("<II", block[0x5C:0x64])
    kind = "ext4" if incompatible & _EXTENTS else "ext3" if compatible & _HAS_JOURNAL else "ext2"
    unclean = ""
    if state & _HAS_ERRORS:
        unclean = "its kernel found errors in it"
    elif incompatible & _NEEDS_RECOVERY:
        unclean = "its journal holds what was not written yet"
    elif not state & _CLEANLY_UNMOUNTED and not compatible & _HAS_JOURNAL:
        unclean = "it was not unmounted"
    return Identity(kind, str(uuid.UUID(bytes=block[0x68:0x78])), word(block[0x78:0x88]), unclean)


def _open(content: Window, identity: Identity) -> YalTree:
    import pyfsext

    volume = pyfsext.volume()
    volume.open_file_object(content)
    return YalTree(volume, identity)


EXT = Format(_recognise, _open)
