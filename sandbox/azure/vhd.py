"""The 512-byte footer that ends a fixed VHD.

Source: Microsoft's "Virtual Hard Disk Image Format Specification", section
"Hard Disk Footer Format". Written here anew on purpose: the double must not
share a mistake with the code it checks.
"""

import struct
import uuid

FOOTER_BYTES = 512
COOKIE = b"conectix"
FIXED = 2
_LAYOUT = struct.Struct(">8sIIQI4sI4sQQHBBII16sB")
_CHECKSUM_OFFSET = 64


def fixed_footer(size_bytes: int) -> bytes:
    """The footer of a fixed disk of ``size_bytes``."""
    total_sectors = min(size_bytes // 512, 65535 * 16 * 255)
    cylinders = max(1, min(65535, total_sectors // (16 * 255)))
    footer = _LAYOUT.pack(
        COOKIE, 2, 0x00010000, 0xFFFFFFFFFFFFFFFF, 0, b"cfsb", 0x00010000, b"Wi2k",
        size_bytes, size_bytes, cylinders, 16, 255, FIXED, 0, uuid.uuid4().bytes, 0,
    ).ljust(FOOTER_BYTES, b"\0")  # fmt: skip
    return _with_checksum(footer)


def _with_checksum(footer: bytes) -> bytes:
    start, end = _CHECKSUM_OFFSET, _CHECKSUM_OFFSET + 4
    return footer[:start] + struct.pack(">I", checksum(footer)) + footer[end:]


def checksum(footer: bytes) -> int:
    """One's complement of the sum of all bytes but the checksum's own."""
    start, end = _CHECKSUM_OFFSET, _CHECKSUM_OFFSET + 4
    return ~(sum(footer[:start]) + sum(footer[end:FOOTER_BYTES])) & 0xFFFFFFFF


def footer_problem(footer: bytes, size_bytes: int) -> str | None:
    """What is wrong with a footer for a fixed disk of ``size_bytes``; None when it is right."""
    if len(footer) != FOOTER_BYTES or footer[:8] != COOKIE:
        return "the last 512 bytes have no VHD footer cookie 'conectix'"
    fields = _LAYOUT.unpack_from(footer)
    current_size_bytes, disk_type, stated = fields[9], fields[13], fields[14]
    if disk_type != FIXED:
        return f"the VHD is of type {disk_type}, only fixed ({FIXED}) is accepted"
    if stated != checksum(footer):
        return "the checksum of the VHD footer is wrong"
    if current_size_bytes != size_bytes:
        return f"the VHD footer says {current_size_bytes} bytes, the disk has {size_bytes}"
    return None
