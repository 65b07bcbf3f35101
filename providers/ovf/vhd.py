"""A VHD, fixed or dynamic.

Page: "Virtual Hard Disk Image Format Specification" (Microsoft): "Hard Disk Footer
Format", "Dynamic Disk Header Format", "Block Allocation Table and Data Blocks".
Everything is big-endian.
"""

import struct
import sys
from array import array
from collections.abc import Iterator

from coldferry.disk import DiskReader, Extent
from coldferry.errors import BadInput, NotMovable
from coldferry.vhd import FOOTER_BYTES, SECTOR_BYTES, disk_bytes
from providers.ovf.grains import merged
from providers.ovf.plain_images import LIMITS, Raw
from providers.ovf.stored import Stored

_FOOTER = struct.Struct(">8sIIQI4sI4sQQHBBI")
_HEADER = struct.Struct(">8sQQIII")
_HEADER_BYTES = 1024
_FOOTER_CHECKSUM_AT, _HEADER_CHECKSUM_AT = 64, 36
_FIXED, _DYNAMIC = 2, 3
_UNUSED = 0xFFFF_FFFF
_MOST_BYTES = 2040 << 30
_MOST_BLOCK_BYTES = 256 << 20


def read_vhd(stored: Stored, name: str) -> DiskReader:
    """A reader of whichever it is. Raises NotMovable for a differencing or a faulty one."""
    if stored.size_bytes < 2 * FOOTER_BYTES:
        raise _refused(name, "it is shorter than its footer")
    last = stored.read(stored.size_bytes - FOOTER_BYTES, FOOTER_BYTES)
    fields = _FOOTER.unpack_from(last)
    if fields[0] != b"conectix" or not _sums(last, _FOOTER_CHECKSUM_AT):
        raise _refused(name, "its last 512 bytes are no footer")
    kind, size_bytes, header = fields[13], fields[9], fields[3]
    if kind == _FIXED:
        try:
            return Raw(stored, name, disk_bytes(last, stored.size_bytes, name))
        except BadInput as error:
            raise NotMovable(error.what, "Export it anew.") from None
    if kind != _DYNAMIC:
        raise _refused(name, "it holds only what differs from another disk")
    return DynamicVhd(stored, name, size_bytes, header)


class DynamicVhd:
    """A :class:`coldferry.disk.DiskReader`.

    Zeros are blocks without a place, and sectors whose bit in their block's map is not set.
    """

    limits = LIMITS

    def __init__(self, stored: Stored, name: str, size_bytes: int, header: int) -> None:
        self._stored, self.size_bytes = stored, size_bytes
        if not 0 < size_bytes <= _MOST_BYTES or size_bytes % SECTOR_BYTES:
            raise _refused(name, f"its disk has {size_bytes} bytes")
        if header + _HEADER_BYTES > stored.size_bytes:
            raise _refused(name, "its header lies beyond its end")
        found = stored.read(header, _HEADER_BYTES)
        cookie, _, table, _, entries, self._block_bytes = _HEADER.unpack_from(found)
        if cookie != b"cxsparse" or not _sums(found, _HEADER_CHECKSUM_AT):
            raise _refused(name, "it has no header of a dynamic one")
        block = self._block_bytes
        if not 4096 <= block <= _MOST_BLOCK_BYTES or block & (block - 1):
            raise _refused(name, f"its blocks have {block} bytes")
        needed = -(-size_bytes // block)
        if entries < needed or table + needed * 4 > stored.size_bytes:
            raise _refused(name, "its table of blocks is too short, or lies beyond its end")
        self._map_bytes = -(-block // SECTOR_BYTES // 8 // SECTOR_BYTES) * SECTOR_BYTES
        self._table = array("I", stored.read(table, needed * 4))
        if sys.byteorder == "little":
            self._table.byteswap()
        last = max((sector for sector in self._table if sector != _UNUSED), default=0)
        if last and last * SECTOR_BYTES + self._map_bytes + block > stored.size_bytes:
            raise _refused(name, "a block lies beyond its end")

    def extents(self, offset: int, length: int) -> Iterator[Extent]:
        """Blocks that have a place are data."""
        end = min(offset + length, self.size_bytes)
        if offset < end:
            yield from merged(self._placed(offset, end), offset, end)

    def read_into(self, offset: int, view: memoryview) -> None:
        """Fill ``view``. Raises Failed for what is cut off."""
        done = 0
        while done < len(view):
            index, start = divmod(offset + done, self._block_bytes)
            take = min(len(view) - done, self._block_bytes - start)
            piece = view[done : done + take]
            if self._table[index] == _UNUSED:
                piece[:] = bytes(take)
            else:
                at = self._table[index] * SECTOR_BYTES
                piece[:] = self._stored.read(at + self._map_bytes + start, take)
                self._clear_unwritten(self._stored.read(at, self._map_bytes), start, piece)
            done += take

    def _placed(self, offset: int, end: int) -> Iterator[tuple[int, int, bool]]:
        block = self._block_bytes
        for index in range(offset // block, -(-end // block)):
            yield index * block, (index + 1) * block, self._table[index] != _UNUSED

    def _clear_unwritten(self, written: bytes, start: int, piece: memoryview) -> None:
        """Make sectors zero whose bit says that nothing was written to them."""
        if written.count(0xFF) * 8 * SECTOR_BYTES >= self._block_bytes:
            return
        first, end = start // SECTOR_BYTES, -(-(start + len(piece)) // SECTOR_BYTES)
        for sector in range(first, end):
            if not written[sector >> 3] & (0x80 >> (sector & 7)):
                begin = max(sector * SECTOR_BYTES, start)
                stop = min((sector + 1) * SECTOR_BYTES, start + len(piece))
                piece[begin - start : stop - start] = bytes(stop - begin)


def _sums(found: bytes, at: int) -> bool:
    """The checksum: the ones' complement of the sum of all bytes but its own."""
    total = sum(found) - sum(found[at : at + 4])
    return (~total & 0xFFFF_FFFF) == int.from_bytes(found[at : at + 4], "big")


def _refused(name: str, why: str) -> NotMovable:
    return NotMovable(
        f"{name} is not a VHD that is read: {why}.",
        "Export it as a fixed or a dynamic one, whole and without snapshots.",
    )
