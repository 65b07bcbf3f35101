"""NTFS, by libfsntfs; its label and whether it was closed, from its own record.

Source: "New Technologies File System (NTFS) format" of the libfsntfs project:
the volume header, an MFT entry and its fix-up values, and the attributes
$VOLUME_NAME and $VOLUME_INFORMATION of the fourth entry.
"""

import stat
import struct
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from coldferry.guest.formats.format import Format, Identity
from coldferry.guest.formats.yal_tree import YalTree
from coldferry.guest.window import Bytes, Window

_VOLUME_ENTRY = 3
_VOLUME_NAME, _VOLUME_INFORMATION = 0x60, 0x70
_DIRTY = 0x1
_ENTRY_BYTES = (512, 1024, 2048, 4096)


def _recognise(content: Bytes) -> Identity | None:
    sector = content.read_at(0, 512)
    if len(sector) < 512 or sector[3:11] != b"NTFS    " or sector[510:] != b"\x55\xaa":
        return None
    found = Identity("ntfs", f"{struct.unpack('<Q', sector[72:80])[0]:016X}")
    for kind, said in _attributes(_entry(content, sector)):
        if kind == _VOLUME_NAME:
            found = replace(found, label=said[:256].decode("utf-16-le", "replace"))
        elif kind == _VOLUME_INFORMATION and said[10:11] and said[10] & _DIRTY:
            found = replace(found, unclean="Windows marked it to be checked")
    return found


def _entry(content: Bytes, sector: bytes) -> bytes:
    """The entry of the volume itself, or what is there instead of one."""
    sector_bytes, per_cluster = struct.unpack("<HB", sector[11:14])
    cluster_bytes = sector_bytes * (per_cluster if per_cluster <= 128 else 1 << 256 - per_cluster)
    size = struct.unpack("<b", sector[64:65])[0]
    entry_bytes = size * cluster_bytes if size > 0 else 1 << min(-size, 16)
    if entry_bytes not in _ENTRY_BYTES:
        return b""
    start = struct.unpack("<Q", sector[48:56])[0] * cluster_bytes
    try:
        return _mended(content.read_at(start + _VOLUME_ENTRY * entry_bytes, entry_bytes))
    except OSError:  # of a logical volume whose disk ends too early
        return b""


def _mended(raw: bytes) -> bytes:
    """The last two bytes of each sector are kept in front, to tell a torn write."""
    if len(raw) < 48 or raw[:4] != b"FILE":
        return b""
    at, count = struct.unpack("<HH", raw[4:8])
    kept, entry = raw[at : at + 2 * count], bytearray(raw)
    for number in range(1, len(kept) // 2):
        end = number * 512
        if end <= len(entry):
            entry[end - 2 : end] = kept[2 * number : 2 * number + 2]
    return bytes(entry)


def _attributes(entry: bytes) -> Iterator[tuple[int, bytes]]:
    """Those whose content is in the entry itself."""
    at = struct.unpack("<H", entry[20:22])[0] if entry else 0
    while entry and at + 24 <= len(entry):
        kind, length, elsewhere = struct.unpack("<IIB", entry[at : at + 9])
        if kind == 0xFFFFFFFF or length < 24:
            return
        size, start = struct.unpack("<IH", entry[at + 16 : at + 22])
        if not elsewhere:
            yield kind, entry[at + start : at + start + size]
        at += length


def _kind_of(entry: Any) -> int:
    return stat.S_IFDIR if entry.has_directory_entries_index() else stat.S_IFREG


def _open(content: Window, identity: Identity) -> YalTree:
    import pyfsntfs

    volume = pyfsntfs.volume()
    volume.open_file_object(content)
    return YalTree(volume, identity, _kind_of, "\\")


NTFS = Format(_recognise, _open)
