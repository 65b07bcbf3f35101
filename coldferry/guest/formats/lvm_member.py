"""A physical volume of LVM: its label, and where its group's description lies.

Source: lvm2's "LVM2 Metadata Format", as written by lvm.conf's format "lvm2":
a label in one of the first four sectors, behind it the volume's header with
its data and metadata areas; each metadata area has a header of 512 bytes that
points to the text in force.
"""

import itertools
import struct

from coldferry.guest.formats.format import Format, Identity
from coldferry.guest.window import Bytes

_SECTOR = 512
_MOST_AREAS = 16
_TEXT_BYTES = 4 << 20
_MDA_MAGIC = b"\x20LVM2\x20x[5A%r0N*>"
_IGNORED = 0x1


def _recognise(content: Bytes) -> Identity | None:
    found = _label(content)
    if found is None:
        return None
    raw = found[1][:32].decode("ascii", "replace")
    cuts = (0, 6, 10, 14, 18, 22, 26, 32)
    return Identity("lvm", "-".join(raw[a:b] for a, b in itertools.pairwise(cuts)))


def description(content: Bytes) -> str:
    """The text of the volume group in force. Raises OSError when there is none to be read."""
    found = _label(content)
    if found is None:
        raise OSError("It has no label of LVM.")
    for offset in _metadata_areas(found[1]):
        text = _text(content, offset)
        if text:
            return text
    raise OSError("Its volume group has no description here.")


def _label(content: Bytes) -> tuple[int, bytes] | None:
    for sector in range(4):
        block = content.read_at(sector * _SECTOR, _SECTOR)
        if len(block) < _SECTOR or block[:8] != b"LABELONE" or block[24:32] != b"LVM2 001":
            continue
        header_at = struct.unpack("<I", block[20:24])[0]
        if header_at <= _SECTOR - 40:
            return sector, block[header_at:]
    return None


def _metadata_areas(header: bytes) -> list[int]:
    """Offsets of the second list: data areas come first, each list ends with zeros."""
    lists: list[list[int]] = [[]]
    for at in range(40, len(header) - 15, 16):
        offset, size = struct.unpack("<QQ", header[at : at + 16])
        if offset:
            lists[-1].append(offset)
        elif not size and len(lists) == 1:
            lists.append([])
        else:
            break
    return lists[1][:_MOST_AREAS] if len(lists) > 1 else []


def _text(content: Bytes, area: int) -> str:
    header = content.read_at(area, _SECTOR)
    if len(header) < _SECTOR or header[4:20] != _MDA_MAGIC:
        return ""
    area_bytes = struct.unpack("<Q", header[32:40])[0]
    offset, size, _, flags = struct.unpack("<QQII", header[40:64])
    if flags & _IGNORED or not 0 < size <= _TEXT_BYTES or offset >= area_bytes:
        return ""
    # The area is a ring behind its header: a text may go on at its beginning.
    first = content.read_at(area + offset, min(size, area_bytes - offset))
    rest = content.read_at(area + _SECTOR, size - len(first)) if len(first) < size else b""
    return (first + rest).rstrip(b"\0").decode("utf-8", "replace")


LVM = Format(_recognise)
