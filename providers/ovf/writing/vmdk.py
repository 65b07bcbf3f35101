"""The layout of a streamOptimized VMDK: header, descriptor, markers, tables, footer.

Source: "Virtual Disk Format 5.0" (VMware), "Stream-Optimized Compressed Sparse Extents";
qemu's ``block/vmdk.c`` reads what is written here, and refuses what is not so.

::

    sector 0      header, which says that the directory is at the end
    1 to 20       descriptor, as text
    128 on        grains: a marker of 12 bytes, zlib, padded to a sector; after the last
                  grain of each 32 MiB its table, behind a marker of one sector
    at the end    directory, footer (the header again, with the directory's place), end of stream,
                  each behind a marker
"""

import hashlib
import struct

from coldferry.content import GRAIN_BYTES

SECTOR_BYTES = 512
GRAIN_SECTORS = GRAIN_BYTES // SECTOR_BYTES
TABLE_GRAINS = 512
TABLE_BYTES = TABLE_GRAINS * 4
HEAD_SECTORS = 128
"""Where grains begin: VMware's own are laid out so, and qemu wants it to be whole grains."""

MAGIC = b"KDMV"
FLAGS = 1 | 1 << 16 | 1 << 17
"""New lines can be tested; grains are compressed; there are markers."""

AT_END = 0xFFFF_FFFF_FFFF_FFFF
MAX_FILE_SECTORS = 0xFFFF_FFFF
"""Tables name sectors by 32 bits: a file ends at 2 TiB, however large its disk is."""

END_OF_STREAM, GRAIN_TABLE, GRAIN_DIRECTORY, FOOTER = range(4)
"""What a marker without data of its own is followed by."""

GRAIN_MARKER = struct.Struct("<QI")
MARKER = struct.Struct("<QII")
HEADER = struct.Struct("<4sIIQQQQIQQQBccccH433x")

DESCRIPTOR_SECTORS = 20
_HEADS, _SECTORS = 255, 63


def capacity_sectors(size_bytes: int) -> int:
    """Sectors of a disk of that size; a last one that is not whole is filled with zeros."""
    return -(-size_bytes // SECTOR_BYTES)


def tables(capacity: int) -> int:
    """How many tables a directory of a disk of ``capacity`` sectors has."""
    return -(-capacity // (GRAIN_SECTORS * TABLE_GRAINS))


def header(capacity: int, directory: int = AT_END) -> bytes:
    """The first sector, and the footer's; ``directory`` is the sector of the grain directory."""
    return HEADER.pack(
        MAGIC, 3, FLAGS, capacity, GRAIN_SECTORS, 1, DESCRIPTOR_SECTORS, TABLE_GRAINS, 0,
        directory, HEAD_SECTORS, 0, b"\n", b" ", b"\r", b"\n", 1,
    )  # fmt: skip


def marker(sectors: int, kind: int) -> bytes:
    """A sector that says what the next ``sectors`` are."""
    return padded(MARKER.pack(sectors, 0, kind))


def padded(some: bytes) -> bytes:
    """Zeros to the end of the sector."""
    return some + bytes(-len(some) % SECTOR_BYTES)


def descriptor(name: str, capacity: int, content: str) -> bytes:
    """The text in the disk's head: the same for the same ``content``, a digest in words.

    The CID is the first half of that digest's first 64 bits: VMware and qemu take any that is
    neither all ones (no parent) nor one less. The adapter is a word from older times: which
    controller the disk is at is the package's to say.
    """
    told = hashlib.sha256(content.encode()).hexdigest()
    cid = f"{int(told[:8], 16) % 0xFFFF_FFFE:08x}"
    text = f"""# Disk DescriptorFile
version=1
CID={cid}
parentCID=ffffffff
createType="streamOptimized"

# Extent description
RDONLY {capacity} SPARSE "{name}"

# The Disk Data Base
#DDB

ddb.adapterType = "lsilogic"
ddb.geometry.cylinders = "{max(1, min(capacity // (_HEADS * _SECTORS), 65535))}"
ddb.geometry.heads = "{_HEADS}"
ddb.geometry.sectors = "{_SECTORS}"
ddb.longContentID = "{told[8:32]}{cid}"
ddb.virtualHWVersion = "13"
"""
    return text.encode("ascii")


def head(name: str, capacity: int, content: str) -> bytes:
    """All that stands before the first grain."""
    told = header(capacity) + descriptor(name, capacity, content)
    return told + bytes(HEAD_SECTORS * SECTOR_BYTES - len(told))
