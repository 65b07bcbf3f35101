"""How a disk is divided: MBR with its extended partitions, or GPT; written for hostile disks.

Sources: UEFI specification 2.10, section 5 ("GUID Partition Table (GPT) Disk
Layout"): the header at the second block and its copy in the last one, both
with CRC32; the type GUIDs of its table 5.7; attribute bit 2, "Legacy BIOS
Bootable". MBR: the same, section 5.2.
"""

import struct
import uuid
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from coldferry.guest.window import Bytes

ESP = "c12a7328-f81f-11d2-ba4b-00a0c93ec93b"
BIOS_BOOT = "21686148-6449-6e6f-744e-656564454649"
MBR_ESP = "ef"
LEGACY_BOOT = 1 << 2
"""Attribute bit of a GPT partition that a BIOS's boot code is to start."""

_SECTORS = (512, 4096)
_MBR_BYTES = 512
_BOOT_CODE_BYTES = 440
_PROTECTIVE = 0xEE
_EXTENDED = frozenset({0x05, 0x0F, 0x85})
_MOST_ENTRIES = 1024
"""Everybody makes 128, and the specification asks for no more."""
_MOST_LOGICAL = 60


@dataclass(frozen=True)
class Partition:
    """A part of a disk; ``type`` is a GUID or two hex digits, ``uuid`` what PARTUUID= names."""

    number: int
    offset: int
    size_bytes: int
    type: str
    uuid: str = ""
    attributes: int = 0
    active: bool = False


@dataclass(frozen=True)
class Table:
    """``trouble`` says in a sentence what of it cannot be right."""

    kind: Literal["gpt", "mbr"] | None
    partitions: tuple[Partition, ...] = ()
    boot_code: bytes = b""
    trouble: str = ""


def read_table(disk: Bytes) -> Table:
    """The partition table of a whole disk; ``kind`` None when there is none."""
    sector = disk.read_at(0, _MBR_BYTES)
    code = sector[:_BOOT_CODE_BYTES]
    entries = [entry for _, entry in _numbered(sector)]
    if any(entry.kind == _PROTECTIVE for entry in entries) or not entries:
        gpt = _gpt(disk)
        if gpt is not None:
            trouble = gpt.trouble or _beyond(gpt.partitions, disk)
            return Table("gpt", gpt.partitions, code, trouble)
        if entries:
            trouble = "It has the mark of a GPT, but no GPT that can be read."
            return Table("gpt", (), code, trouble)
    if not entries or not _sane(entries, disk):
        return Table(None)
    found, trouble = _logical(disk, sector)
    return Table("mbr", tuple(found), code, trouble or _beyond(found, disk))


@dataclass(frozen=True)
class _Entry:
    status: int
    kind: int
    start: int
    length: int


def _sane(entries: list[_Entry], disk: Bytes) -> bool:
    """A boot sector of a file system ends with the same two bytes, but holds code here."""
    return all(
        entry.status in (0, 0x80) and 0 < entry.start * 512 < disk.size_bytes for entry in entries
    )


def _beyond(found: Sequence[Partition], disk: Bytes) -> str:
    """A copy that was cut off, or a table of another disk."""
    for one in found:
        if one.offset + one.size_bytes > disk.size_bytes:
            return f"Partition {one.number} ends behind the end of the disk."
    return ""


def _logical(disk: Bytes, sector: bytes) -> tuple[list[Partition], str]:
    """Primary partitions by their place in the table, logical ones from number 5."""
    signature = struct.unpack("<I", sector[440:444])[0]
    found: list[Partition] = []
    trouble = ""

    def add(number: int, entry: _Entry, start: int) -> None:
        found.append(
            Partition(
                number, start * 512, entry.length * 512, f"{entry.kind:02x}",
                f"{signature:08x}-{number:02x}", active=entry.status == 0x80,
            )
        )  # fmt: skip

    for number, entry in _numbered(sector):
        add(number, entry, entry.start)
        if entry.kind not in _EXTENDED:
            continue
        seen: set[int] = set()
        at = entry.start
        while True:
            if at in seen or len(seen) >= _MOST_LOGICAL:
                trouble = "Its chain of logical partitions has no end."
                break
            seen.add(at)
            links = [one for _, one in _numbered(disk.read_at(at * 512, _MBR_BYTES))]
            for link in links:
                if link.kind not in _EXTENDED:
                    add(4 + len(seen), link, at + link.start)
            onward = next((link for link in links if link.kind in _EXTENDED), None)
            if onward is None:
                break
            at = entry.start + onward.start
    return found, trouble


def _numbered(sector: bytes) -> Iterator[tuple[int, _Entry]]:
    if len(sector) < _MBR_BYTES or sector[510:] != b"\x55\xaa":
        return
    for number, at in enumerate(range(446, 510, 16), 1):
        entry = _Entry(*struct.unpack("<B3xB3xII", sector[at : at + 16]))
        if entry.kind and entry.length:
            yield number, entry


def _gpt(disk: Bytes) -> Table | None:
    """The first of the two copies that can be read; None when there is none at all."""
    troubles = []
    for sector in _SECTORS:
        for at in (sector, disk.size_bytes // sector * sector - sector):
            header = disk.read_at(at, 92)
            if len(header) < 92 or header[:8] != b"EFI PART":
                continue
            found = _gpt_at(disk, header, at, sector)
            if not found.trouble:
                return found
            troubles.append(found)
    return troubles[0] if troubles else None


def _gpt_at(disk: Bytes, header: bytes, at: int, sector: int) -> Table:
    size, crc = struct.unpack("<II", header[12:20])
    entries_at, count, entry_bytes, entries_crc = struct.unpack("<QIII", header[72:92])
    if not 92 <= size <= sector:
        return _broken(f"Its GPT has a header of {size} bytes.")
    whole = bytearray(disk.read_at(at, size))
    whole[16:20] = bytes(4)
    if zlib.crc32(whole) != crc:
        return _broken("Its GPT does not match its own checksum.")
    if count > _MOST_ENTRIES or entry_bytes not in (128, 256, 512):
        return _broken(f"Its GPT claims {count} entries of {entry_bytes} bytes.")
    array = disk.read_at(entries_at * sector, count * entry_bytes)
    if zlib.crc32(array) != entries_crc:
        return _broken("The entries of its GPT do not match their checksum.")
    found = []
    for number in range(count):
        entry = array[number * entry_bytes :][:128]
        kind = str(uuid.UUID(bytes_le=entry[:16]))
        first, last, attributes = struct.unpack("<QQQ", entry[32:56])
        if entry[:16] != bytes(16) and first <= last:
            found.append(
                Partition(
                    number + 1, first * sector, (last - first + 1) * sector, kind,
                    str(uuid.UUID(bytes_le=entry[16:32])), attributes,
                )
            )  # fmt: skip
    return Table("gpt", tuple(found))


def _broken(trouble: str) -> Table:
    return Table("gpt", trouble=trouble)
