"""A sparse VMDK in one file, as OVF packages carry it: streamOptimized, or monolithicSparse.

Page: "Virtual Disk Format 5.0" (VMware), "Hosted Sparse Extents" and "Stream-Optimized
Compressed Sparse Extents". Everything is little-endian, in sectors of 512 bytes.
"""

import struct
import sys
import threading
import zlib
from array import array
from collections import OrderedDict, defaultdict
from collections.abc import Iterator

from coldferry.disk import Extent, Limits
from coldferry.errors import Failed, NotMovable
from providers.ovf.grains import merged
from providers.ovf.stored import Stored

SECTOR_BYTES = 512
_HEADER = struct.Struct("<4sIIQQQQIQQQBccccH")
_GRAIN = struct.Struct("<QI")
_AT_END = 0xFFFF_FFFF_FFFF_FFFF  # the directory is told by the footer, which is written last
_COMPRESSED, _MARKERS = 1 << 16, 1 << 17
_DEFLATE = 1
_GRAIN_SECTORS = frozenset(1 << power for power in range(3, 12))
_MOST_TABLE_ENTRIES = 4096
_MOST_DIRECTORY_BYTES = 64 << 20
_MOST_DESCRIPTOR_BYTES = 1 << 20
_TABLES, _GRAINS = 64, 32  # kept: tables of 2 KiB, grains of 64 KiB
_PAGE_BYTES = 4096


class Vmdk:
    """A :class:`coldferry.disk.DiskReader`; a read inflates the grains that it touches."""

    # Inflating runs beside Python: more at once than for plain files.
    limits = Limits(block_size_bytes=1, max_request_bytes=512 << 10, max_in_flight=4)

    def __init__(self, stored: Stored, name: str) -> None:
        """Raises NotMovable for what is no such VMDK, or one that leans on other files."""
        self._stored, self._name = stored, name
        self._lock = threading.Lock()
        self._tables: OrderedDict[int, array[int]] = OrderedDict()
        self._grains: OrderedDict[int, bytes] = OrderedDict()
        self._claimed = set[int]()
        self._places = defaultdict[int, bytearray](lambda: bytearray(_PAGE_BYTES))
        header = first = self._header(0)
        if first[9] == _AT_END:
            header = self._header(max(0, stored.size_bytes - 2 * SECTOR_BYTES))
        _, version, flags, capacity, self._grain_sectors, _, _, self._entries = header[:8]
        self._compressed = bool(flags & _COMPRESSED)
        self._end = stored.size_bytes // SECTOR_BYTES
        self.size_bytes = capacity * SECTOR_BYTES
        self._grain_bytes = self._grain_sectors * SECTOR_BYTES
        fault = self._fault(version, flags, header[-1], capacity, header[9])
        if fault:
            raise self._refused(fault)
        self._directory = self._table(header[9], self._directory_entries)
        self._check_descriptor(first[5], first[6])

    def extents(self, offset: int, length: int) -> Iterator[Extent]:
        """Grains that have a place are data."""
        end = min(offset + length, self.size_bytes)
        if offset < end:
            yield from merged(self._placed(offset, end), offset, end)

    def read_into(self, offset: int, view: memoryview) -> None:
        """Fill ``view``. Raises Failed for a grain that is damaged."""
        done = 0
        while done < len(view):
            index, start = divmod(offset + done, self._grain_bytes)
            take = min(len(view) - done, self._grain_bytes - start)
            sector = self._sector(index)
            piece = view[done : done + take]
            if sector <= 1:  # 0: never written; 1: written with zeros
                piece[:] = bytes(take)
            elif self._compressed:
                piece[:] = self._inflated(index, sector)[start : start + take]
            else:
                piece[:] = self._stored.read(sector * SECTOR_BYTES + start, take)
            done += take

    # -- tables -------------------------------------------------------------

    @property
    def _directory_entries(self) -> int:
        covered = self._grain_bytes * self._entries
        return -(-self.size_bytes // covered)

    def _placed(self, offset: int, end: int) -> Iterator[tuple[int, int, bool]]:
        covered = self._grain_bytes * self._entries
        for index in range(offset // covered, -(-end // covered)):
            at = index * covered
            if not self._directory[index]:
                yield at, at + covered, False
                continue
            for sector in self._table_of(index):
                yield at, at + self._grain_bytes, sector > 1
                at += self._grain_bytes

    def _sector(self, grain: int) -> int:
        index, entry = divmod(grain, self._entries)
        return self._table_of(index)[entry] if self._directory[index] else 0

    def _table_of(self, index: int) -> "array[int]":
        with self._lock:
            if (found := self._tables.get(index)) is not None:
                self._tables.move_to_end(index)
                return found
        found = self._table(self._directory[index], self._entries)
        with self._lock:
            self._claim(index, found)
            self._tables[index] = found
            if len(self._tables) > _TABLES:
                self._tables.popitem(last=False)
        return found

    def _table(self, sector: int, entries: int) -> "array[int]":
        """Entries at a sector, none of which points beyond the file."""
        if sector * SECTOR_BYTES + entries * 4 > self._stored.size_bytes:
            raise self._refused("a table of its grains lies beyond its end")
        found = array("I", self._stored.read(sector * SECTOR_BYTES, entries * 4))
        if sys.byteorder == "big":
            found.byteswap()
        if max(found, default=0) >= self._end:
            raise self._refused("a grain lies beyond its end")
        return found

    def _claim(self, index: int, table: "array[int]") -> None:
        """No two grains lie at one place, or a small file would be a disk of any size.

        One that is compressed says itself where it belongs.
        """
        if self._compressed or index in self._claimed:
            return
        self._claimed.add(index)
        for sector in table:
            if sector > 1:
                page, bit = divmod(sector // self._grain_sectors, _PAGE_BYTES * 8)
                places = self._places[page]
                if places[bit >> 3] >> (bit & 7) & 1:
                    raise self._refused("two of its grains lie at one place")
                places[bit >> 3] |= 1 << (bit & 7)

    # -- grains -------------------------------------------------------------

    def _inflated(self, index: int, sector: int) -> bytes:
        with self._lock:
            if (found := self._grains.get(index)) is not None:
                return found
        made = self._inflate(index, sector)
        with self._lock:
            self._grains[index] = made
            if len(self._grains) > _GRAINS:
                self._grains.popitem(last=False)
        return made

    def _inflate(self, index: int, sector: int) -> bytes:
        at = sector * SECTOR_BYTES
        first, packed_bytes = _GRAIN.unpack(self._stored.read(at, _GRAIN.size))
        wanted = min(self._grain_bytes, self.size_bytes - index * self._grain_bytes)
        # Deflate adds little to what it cannot shrink.
        if first == index * self._grain_sectors and 0 < packed_bytes <= 2 * self._grain_bytes:
            packed = self._stored.read(at + _GRAIN.size, packed_bytes)
            engine = zlib.decompressobj()
            try:
                found = engine.decompress(packed, self._grain_bytes)
                # The end of the stream may still be to be read when all bytes are there.
                more = engine.decompress(engine.unconsumed_tail, 1)
            except zlib.error:
                raise self._damaged(index) from None
            if engine.eof and not more and len(found) >= wanted:
                return found
        raise self._damaged(index)

    def _damaged(self, index: int) -> Failed:
        return Failed(
            f"{self._name} is damaged: its grain at byte {index * self._grain_bytes} of the disk "
            "cannot be inflated.",
            "Put the whole package there again, or export the machine anew.",
            resumable=False,
        )

    # -- header -------------------------------------------------------------

    def _header(self, at: int) -> tuple[int, ...]:
        found = self._stored.read(at, max(0, min(SECTOR_BYTES, self._stored.size_bytes - at)))
        if found.startswith(b"# Disk Descr"):
            raise self._refused("it is a descriptor of other files (flat or split)")
        if found.startswith(b"COWD") or found[:8] == b"\xbe\xba\xfe\xca\0\0\0\0":
            raise self._refused("it is a disk of ESX itself (COWD or SESPARSE)")
        if found[:4] != b"KDMV" or len(found) < SECTOR_BYTES:
            raise self._refused("it has no header of one, or is cut off")
        fields: tuple[int, ...] = _HEADER.unpack_from(found)
        return fields

    def _fault(self, version: int, flags: int, packing: int, capacity: int, directory: int) -> str:
        grain, entries = self._grain_sectors, self._entries
        rules = (
            (version in (1, 2, 3), f"it is of version {version}"),
            (
                bool(flags & _COMPRESSED) == bool(flags & _MARKERS),
                "its grains are of no kind",
            ),
            (not self._compressed or packing == _DEFLATE, f"its grains are packed by {packing}"),
            (grain in _GRAIN_SECTORS, f"its grains have {grain} sectors"),
            (0 < entries <= _MOST_TABLE_ENTRIES, f"its tables have {entries} entries"),
            (0 < capacity < 1 << 51, f"its disk has {capacity} sectors"),
            (directory > 0, "it has no directory"),
        )
        if fault := next((said for good, said in rules if not good), ""):
            return fault
        large = self._directory_entries * 4 > _MOST_DIRECTORY_BYTES
        return "its directory is larger than a disk's can be" if large else ""

    def _check_descriptor(self, sector: int, sectors: int) -> None:
        """Its few lines of text: whether it stands alone."""
        length = sectors * SECTOR_BYTES
        if not sector:
            return
        if length > _MOST_DESCRIPTOR_BYTES or (sector * 512 + length) > self._stored.size_bytes:
            raise self._refused("its descriptor lies beyond its end")
        text = self._stored.read(sector * SECTOR_BYTES, length).partition(b"\0")[0]
        rows = (row.partition(b"=") for row in text.splitlines())
        said = {key.strip(): value.strip(b' \t"') for key, _, value in rows}
        if said.get(b"parentCID", b"ffffffff").lower() != b"ffffffff":
            raise self._refused("it holds only what differs from another disk")
        kind = said.get(b"createType", b"streamOptimized")
        if kind.lower() not in (b"streamoptimized", b"monolithicsparse"):
            raise self._refused(f"it is {kind.decode('ascii', 'replace')[:40]!r}")

    def _refused(self, why: str) -> NotMovable:
        return NotMovable(
            f"{self._name} is not a VMDK that is read: {why}.",
            "Export it as streamOptimized, whole and without snapshots.",
        )
