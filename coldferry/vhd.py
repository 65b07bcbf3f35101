"""A fixed VHD: the disk's bytes, and 512 bytes of footer behind them.

Page: "Virtual Hard Disk Image Format Specification" (Microsoft), "Hard Disk
Footer Format" and "Appendix: CHS Calculation". Everything is big-endian.
"""

import struct
import uuid

from coldferry.errors import BadInput

FOOTER_BYTES = 512
SECTOR_BYTES = 512

_LAYOUT = struct.Struct(">8sIIQI4sI4sQQHBBII16sB")
_COOKIE = b"conectix"
_CHECKSUM_AT = 64
_FEATURES_RESERVED = 2  # a bit that is always set
_VERSION = 0x0001_0000
_NO_DATA_OFFSET = 0xFFFF_FFFF_FFFF_FFFF  # a fixed disk has no dynamic header
# Readers such as qemu take a disk's size from its geometry, which is smaller, unless they know the
# creator: this is Hyper-V's, whose convention the size follows.
_CREATOR = b"win "
_CREATOR_OS = b"Wi2k"
_FIXED = 2
_NAMESPACE = uuid.UUID("5b2c1c0e-6a0f-5d5e-9f0a-3d1f4a7c2e11")


def footer(size_bytes: int, identity: str) -> bytes:
    """The footer of a fixed disk of ``size_bytes``; the same for the same ``identity``.

    The time stamp is 0 (the start of the year 2000), so that writing it again
    changes nothing.
    """
    cylinders, heads, sectors = _geometry(size_bytes)
    fields = _LAYOUT.pack(
        _COOKIE, _FEATURES_RESERVED, _VERSION, _NO_DATA_OFFSET, 0, _CREATOR, _VERSION,
        _CREATOR_OS, size_bytes, size_bytes, cylinders, heads, sectors, _FIXED, 0,
        uuid.uuid5(_NAMESPACE, identity).bytes, 0,
    ).ljust(FOOTER_BYTES, b"\0")  # fmt: skip
    checksum = struct.pack(">I", _checksum(fields))
    return fields[:_CHECKSUM_AT] + checksum + fields[_CHECKSUM_AT + 4 :]


def disk_bytes(found: bytes, file_bytes: int, name: str) -> int:
    """The size of the disk in a fixed VHD of ``file_bytes`` whose last 512 bytes are ``found``.

    Raises BadInput saying what of the footer is not as the specification has it.
    """
    said = _fault(found, file_bytes)
    if said:
        raise BadInput(
            f"{name} is not a fixed VHD: {said}.",
            "Convert it to a fixed VHD, or name it without 'vhd:' when it is a raw disk.",
        )
    return file_bytes - FOOTER_BYTES


def _fault(found: bytes, file_bytes: int) -> str:
    if len(found) != FOOTER_BYTES or not found.startswith(_COOKIE):
        return "its last 512 bytes are no VHD footer"
    fields = _LAYOUT.unpack_from(found)
    if fields[14] != _checksum(found[:_CHECKSUM_AT] + bytes(4) + found[_CHECKSUM_AT + 4 :]):
        return "the footer's checksum is wrong"
    if fields[13] != _FIXED:
        return "it is a dynamic or a differencing one"
    if fields[9] != file_bytes - FOOTER_BYTES:
        return f"the footer tells of {fields[9]} bytes, the file holds {file_bytes - FOOTER_BYTES}"
    return ""


def _checksum(fields: bytes) -> int:
    """The ones' complement of the sum of all bytes, in which the field itself counts as 0."""
    return ~sum(fields) & 0xFFFF_FFFF


def _geometry(size_bytes: int) -> tuple[int, int, int]:
    """Cylinders, heads and sectors a track, as the specification's appendix computes them."""
    total = min(size_bytes // 512, 65535 * 16 * 255)
    if total >= 65535 * 16 * 63:
        return total // 255 // 16, 16, 255
    sectors = 17
    tracks = total // sectors
    heads = max(4, (tracks + 1023) // 1024)
    if tracks >= heads * 1024 or heads > 16:
        sectors, heads = 31, 16
        tracks = total // sectors
    if tracks >= heads * 1024:
        sectors, heads = 63, 16
        tracks = total // sectors
    return tracks // heads, heads, sectors
