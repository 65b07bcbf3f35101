"""A fixed VHD: the disk's bytes, and 512 bytes of footer behind them.

Page: "Virtual Hard Disk Image Format Specification" (Microsoft), "Hard Disk
Footer Format" and "Appendix: CHS Calculation". Everything is big-endian.
"""

import struct
import uuid

MIB = 1 << 20
FOOTER_BYTES = 512
SMALLEST_BYTES = 20 * MIB
"""The least that a direct upload takes ("Upload a VHD to Azure": 20 MiB and the footer)."""

_LAYOUT = struct.Struct(">8sIIQI4sI4sQQHBBII16sB")
_CHECKSUM_AT = 64
_FEATURES_RESERVED = 2  # a bit that is always set
_VERSION = 0x0001_0000
_NO_DATA_OFFSET = 0xFFFF_FFFF_FFFF_FFFF  # a fixed disk has no dynamic header
_CREATOR = b"cfry"
_CREATOR_OS = b"Wi2k"
_FIXED = 2
_NAMESPACE = uuid.UUID("5b2c1c0e-6a0f-5d5e-9f0a-3d1f4a7c2e11")


def padded_bytes(size_bytes: int) -> int:
    """The size an Azure disk gets: whole MiB, 20 at least."""
    return max(SMALLEST_BYTES, -(-size_bytes // MIB) * MIB)


def footer(size_bytes: int, identity: str) -> bytes:
    """The footer of a fixed disk of ``size_bytes``; the same for the same ``identity``.

    The time stamp is 0 (the start of the year 2000), so that writing it again
    changes nothing.
    """
    cylinders, heads, sectors = _geometry(size_bytes)
    fields = _LAYOUT.pack(
        b"conectix", _FEATURES_RESERVED, _VERSION, _NO_DATA_OFFSET, 0, _CREATOR, _VERSION,
        _CREATOR_OS, size_bytes, size_bytes, cylinders, heads, sectors, _FIXED, 0,
        uuid.uuid5(_NAMESPACE, identity).bytes, 0,
    ).ljust(FOOTER_BYTES, b"\0")  # fmt: skip
    checksum = ~sum(fields) & 0xFFFF_FFFF  # the field itself still counts as 0
    return fields[:_CHECKSUM_AT] + struct.pack(">I", checksum) + fields[_CHECKSUM_AT + 4 :]


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
