"""A manifest as bytes: a header, then one record of 44 bytes a leaf.

::

    magic, u32 header length, u32 CRC-32 of the header, header (JSON)
    u32 leaf, 32 bytes digest, u8 grains, u8 pages, u16 back, u32 CRC-32

Little endian. A record's CRC goes over all bytes since the magic: the chain
breaks at the first record that was torn, altered or left by an earlier
manifest. The header holds a nonce, so that no two chains begin alike.

``back`` says how much is finished below: every leaf under ``leaf - back`` that
will ever be recorded stands before this record. So records, which come in the
order in which writers acknowledged them, are put in order by a reader that
remembers no more than what was in flight at once.
"""

import json
import secrets
import struct
import zlib
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from heapq import heappop, heappush
from typing import Any, NamedTuple

from coldferry.content import Content
from coldferry.manifest_journal import Journal

MAGIC = b"coldferry-manifest-2\n"
RECORD_BYTES = 44
END = 0xFFFF_FFFF
"""Leaf index of the record that says: what is not here is zero."""

_BODY = struct.Struct("<I32sBBH")
_RECORD = struct.Struct("<I32sBBHI")
_LENGTHS = struct.Struct("<II")
_UNSAID = 0xFFFF
_CHUNK_RECORDS = 4096
_LONGEST_HEADER = 1 << 16


@dataclass(frozen=True)
class Copy:
    """What a manifest is about; equal only for the same frozen source and the same writer."""

    source: str
    writer: str
    size_bytes: int


class Record(NamedTuple):
    """One leaf; ``floor``: all leaves below it that are recorded at all stand before this."""

    leaf: int
    content: Content
    floor: int


def header(copy: Copy) -> tuple[bytes, int]:
    """A new manifest's first bytes, and the CRC that its chain begins with."""
    said = json.dumps(asdict(copy) | {"nonce": secrets.token_hex(8)}, sort_keys=True).encode()
    checksum = zlib.crc32(said)
    return MAGIC + _LENGTHS.pack(len(said), checksum) + said, checksum


def read_header(journal: Journal) -> tuple[dict[str, Any], int, int] | None:
    """What a manifest is about, its length in bytes and the chain's CRC; None if it is broken."""
    start = len(MAGIC) + _LENGTHS.size
    head = journal.read(0, start)
    if len(head) < start or not head.startswith(MAGIC):
        return None
    length, checksum = _LENGTHS.unpack_from(head, len(MAGIC))
    # The checksum of nothing is zero: a power cut that leaves only zeros would pass.
    if not 0 < length <= _LONGEST_HEADER:
        return None
    said = journal.read(start, length)
    if len(said) < length or zlib.crc32(said) != checksum:
        return None
    about: dict[str, Any] = json.loads(said)
    about.pop("nonce", None)
    return about, start + length, checksum


def pack(leaf: int, content: Content, floor: int, checksum: int) -> tuple[bytes, int]:
    """A record, and the chain's CRC after it."""
    back = min(leaf - floor, _UNSAID) if leaf != END else 0
    body = _BODY.pack(leaf, content.digest, content.grains, content.pages, back)
    checksum = zlib.crc32(body, checksum)
    return body + checksum.to_bytes(4, "little"), checksum


def scan(journal: Journal, offset: int, checksum: int) -> Iterator[tuple[Record, int]]:
    """Each intact record from ``offset`` on and the chain's CRC after it, as they were written.

    Ends before the first that is not intact.
    """
    while True:
        chunk = journal.read(offset, _CHUNK_RECORDS * RECORD_BYTES)
        whole = len(chunk) // RECORD_BYTES * RECORD_BYTES
        view = memoryview(chunk)[:whole]
        at = 0
        for leaf, digest, grains, pages, back, said in _RECORD.iter_unpack(view):
            checksum = zlib.crc32(view[at : at + _BODY.size], checksum)
            if said != checksum:
                return
            floor = leaf - back if back != _UNSAID else 0
            yield Record(leaf, Content(digest, grains, pages), floor), checksum
            at += RECORD_BYTES
        if not whole:
            return
        offset += whole


def in_order(records: Iterator[Record]) -> Iterator[tuple[int, Content]]:
    """``(leaf, content)`` in rising order, with no more held back than was in flight at once."""
    held: list[tuple[int, Content]] = []
    for record in records:
        heappush(held, (record.leaf, record.content))
        while held and held[0][0] < record.floor:
            yield heappop(held)
    while held:
        yield heappop(held)
