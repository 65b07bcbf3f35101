"""FAT12, FAT16 and FAT32, by libfsfat.

Source: "Microsoft FAT Specification", sections 3.1 to 3.3; the "dirty" bit of
the byte behind the drive's number is what Linux and Windows both keep there.
"""

import stat
import struct
from typing import Any

from coldferry.guest.formats.format import Format, Identity
from coldferry.guest.formats.yal_tree import YalTree
from coldferry.guest.window import Bytes, Window

_FOLDER = 0x10
_DIRTY = 0x1


def _recognise(content: Bytes) -> Identity | None:
    sector = content.read_at(0, 512)
    if len(sector) < 512 or sector[510:] != b"\x55\xaa" or sector[0] not in (0xEB, 0xE9):
        return None
    wide = sector[0x52:0x57] == b"FAT32"
    if not wide and sector[0x36:0x39] != b"FAT":
        return None
    at = 0x41 if wide else 0x25
    serial = struct.unpack("<I", sector[at + 2 : at + 6])[0]
    label = sector[at + 6 : at + 17].decode("ascii", "replace").strip()
    return Identity(
        "vfat",
        f"{serial >> 16:04X}-{serial & 0xFFFF:04X}",
        "" if label == "NO NAME" else label,
        "it was not unmounted" if sector[at] & _DIRTY else "",
    )


def _kind_of(entry: Any) -> int:
    flags = entry.file_attribute_flags  # the root folder has none
    return stat.S_IFDIR if flags is None or int(flags) & _FOLDER else stat.S_IFREG


def _open(content: Window, identity: Identity) -> YalTree:
    import pyfsfat

    volume = pyfsfat.volume()
    volume.open_file_object(content)
    return YalTree(volume, identity, _kind_of, "\\")


FAT = Format(_recognise, _open)
