"""A GPT as sgdisk writes one, at once: sgdisk syncs the whole machine, then sleeps a second."""

import struct
import uuid
import zlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

SECTOR = 512
_ENTRIES, _ENTRY_BYTES = 128, 128
_ENTRY_SECTORS = _ENTRIES * _ENTRY_BYTES // SECTOR

TYPES = {
    "0700": "EBD0A0A2-B9E5-4433-87C0-68B6B72699C7",
    "8200": "0657FD6D-A4AB-43C4-84E5-0933C84B4F4F",
    "8300": "0FC63DAF-8483-4772-8E79-3D69D8477DE4",
    "8309": "CA7D7CCB-63ED-4C53-861C-1742536059CC",
    "8e00": "E6D6D379-F507-44C2-A23C-238F2A3DF928",
    "ef00": "C12A7328-F81F-11D2-BA4B-00A0C93EC93B",
    "ef02": "21686148-6449-6E6F-744E-656564454649",
}
"""By sgdisk's short names."""


@dataclass(frozen=True)
class Entry:
    """One partition, from its first sector to its last."""

    kind: str
    first: int
    last: int
    name: str = ""
    unique: str = field(default_factory=lambda: str(uuid.uuid4()))


def write_gpt(image: Path, entries: Sequence[Entry], disk: str = "") -> None:
    """Both copies and the protective MBR, into an image that has its size already."""
    end = image.stat().st_size // SECTOR
    table = b"".join(map(_packed, entries)).ljust(_ENTRIES * _ENTRY_BYTES, b"\0")
    identity = uuid.UUID(disk or str(uuid.uuid4())).bytes_le

    def header(here: int, there: int, table_at: int) -> bytes:
        def packed(checksum: int) -> bytes:
            return struct.pack(
                "<8sIIIIQQQQ16sQIII", b"EFI PART", 0x10000, 92, checksum, 0, here, there,
                2 + _ENTRY_SECTORS, end - 2 - _ENTRY_SECTORS, identity, table_at, _ENTRIES,
                _ENTRY_BYTES, zlib.crc32(table),
            )  # fmt: skip

        return packed(zlib.crc32(packed(0))).ljust(SECTOR, b"\0")

    whole = struct.pack("<B3sB3sII", 0, b"\0\x02\0", 0xEE, _cylinder(end - 1), 1, end - 1)
    with image.open("r+b") as file:
        file.write(whole.rjust(446 + 16, b"\0") + bytes(48) + b"\x55\xaa")
        file.write(header(1, end - 1, 2) + table)
        file.seek((end - 1 - _ENTRY_SECTORS) * SECTOR)
        file.write(table + header(end - 1, 1, end - 1 - _ENTRY_SECTORS))


def _cylinder(sector: int) -> bytes:
    """Where it is on a disk of 255 heads and 63 sectors; larger ones are not made here."""
    head, cylinder = sector // 63 % 255, sector // 63 // 255
    return bytes((head, sector % 63 + 1 | cylinder >> 2 & 0xC0, cylinder & 0xFF))


def _packed(entry: Entry) -> bytes:
    kind, unique = (uuid.UUID(one).bytes_le for one in (TYPES[entry.kind], entry.unique))
    name = entry.name.encode("utf-16-le")
    return struct.pack("<16s16sQQQ72s", kind, unique, entry.first, entry.last, 0, name)
