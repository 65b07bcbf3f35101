r"""A hive of Windows' registry: what is asked for is read, cell by cell, and nothing else.

Source: "Windows NT Registry File (REGF) format" of the libregf project. libregf
itself reads a header of every 4 KiB of a hive before it answers: a hundred MiB
over the network for two names. Written for hostile hives: whatever their cells
point to, no walk is longer than the path that was asked for, and no list longer
than Windows makes one.
"""

import struct
from collections import OrderedDict
from collections.abc import Iterator
from dataclasses import dataclass

from coldferry.guest.tree import Tree

Value = int | str | tuple[str, ...] | bytes
"""REG_DWORD and REG_QWORD; REG_SZ and REG_EXPAND_SZ; REG_MULTI_SZ; all else."""

_BASE_BYTES = 4096
_CHUNK_BYTES = 64 << 10
_CHUNKS_KEPT = 16
_MOST_CELL_BYTES = 1 << 20
_MOST_KEYS = 65_535
_MOST_VALUES = 4096
_MOST_DATA_BYTES = 16344
"""Windows keeps longer ones in several cells; no setting that is read here is one."""
_RESIDENT = 0x80000000
_ASCII_KEY, _ASCII_VALUE = 0x20, 0x1


class Damaged(OSError):
    """A hive that is not what it claims to be."""


@dataclass(frozen=True)
class _Key:
    name: str
    subkeys: int
    subkey_list: int
    values: int
    value_list: int


class Hive:
    r"""One hive; paths are as ``ControlSet001\Services``, and case does not count.

    Every method raises Damaged where a cell on the way makes no sense.
    """

    def __init__(self, files: Tree, path: str) -> None:
        self.path = path
        self._files = files
        self._chunks: OrderedDict[int, bytes] = OrderedDict()
        base = files.read(path, 48) or b""
        if len(base) < 48 or base[:4] != b"regf":
            raise Damaged
        self._root = struct.unpack("<I", base[36:40])[0]
        self._key(self._root)

    def has(self, path: str) -> bool:
        """There is such a key."""
        return self._find(path) is not None

    def value(self, path: str, name: str) -> Value | None:
        """A value of a key; None when there is none, or no such key."""
        return next((one for _, one in self._values(path, name.upper())), None)

    def values(self, path: str) -> dict[str, Value]:
        """All of a key; empty when there is no such key."""
        return dict(self._values(path, None))

    def _find(self, path: str) -> _Key | None:
        here = self._key(self._root)
        for part in path.upper().split("\\"):
            found = next((key for key in self._below(here, part) if key.name.upper() == part), None)
            if found is None:
                return None
            here = found
        return here

    def _below(self, key: _Key, wanted: str) -> Iterator[_Key]:
        """Its keys that may be the wanted one, by the hints that lists have."""
        if key.subkeys:
            for number, (at, hint, kind) in enumerate(self._listed(key.subkey_list, nested=False)):
                if number >= _MOST_KEYS:
                    raise Damaged
                if _may_be(wanted, hint, kind):
                    yield self._key(at)

    def _listed(self, at: int, *, nested: bool) -> Iterator[tuple[int, bytes, bytes]]:
        content = self._cell(at)
        kind, count = content[:2], int.from_bytes(content[2:4], "little")
        step = 8 if kind in (b"lf", b"lh") else 4
        if kind not in (b"lf", b"lh", b"li", b"ri") or len(content) < 4 + count * step:
            raise Damaged
        if kind == b"ri" and nested:
            raise Damaged
        for start in range(4, 4 + count * step, step):
            below = int.from_bytes(content[start : start + 4], "little")
            if kind == b"ri":
                yield from self._listed(below, nested=True)
            else:
                yield below, content[start + 4 : start + step], kind

    def _key(self, at: int) -> _Key:
        content = self._cell(at)
        if len(content) < 76 or content[:2] != b"nk":
            raise Damaged
        flags = struct.unpack("<H", content[2:4])[0]
        subkeys, subkey_list = struct.unpack("<I4xI", content[20:32])
        values, value_list = struct.unpack("<II", content[36:44])
        length = struct.unpack("<H", content[72:74])[0]
        name = _text(content[76 : 76 + length], ascii_only=bool(flags & _ASCII_KEY))
        return _Key(name, subkeys, subkey_list, values, value_list)

    def _values(self, path: str, wanted: str | None) -> Iterator[tuple[str, Value]]:
        key = self._find(path)
        if key is None or not key.values:
            return
        listed = self._cell(key.value_list)[: key.values * 4]
        if key.values > _MOST_VALUES or len(listed) < key.values * 4:
            raise Damaged
        for (at,) in struct.iter_unpack("<I", listed):
            content = self._cell(at)
            if len(content) < 20 or content[:2] != b"vk":
                raise Damaged
            length, size, where, kind, flags = struct.unpack("<HIIIH", content[2:18])
            name = _text(content[20 : 20 + length], ascii_only=bool(flags & _ASCII_VALUE))
            if wanted is None or name.upper() == wanted:
                data = content[8:12][: size ^ _RESIDENT] if size & _RESIDENT else None
                if data is None and size <= _MOST_DATA_BYTES:
                    data = self._cell(where)[:size] if size else b""
                if data is not None:
                    yield name, _value(kind, data)

    def _cell(self, at: int) -> bytes:
        """What is in a cell: of one that is in use its size is written as less than nothing."""
        size = -struct.unpack("<i", self._bytes(at, 4))[0]
        if not 4 < size <= _MOST_CELL_BYTES or at % 8:
            raise Damaged
        return self._bytes(at + 4, size - 4)

    def _bytes(self, at: int, length: int) -> bytes:
        offset = _BASE_BYTES + at
        first, last = offset // _CHUNK_BYTES, (offset + length - 1) // _CHUNK_BYTES
        joined = b"".join(self._chunk(index) for index in range(first, last + 1))
        found = joined[offset - first * _CHUNK_BYTES :][:length]
        if len(found) < length:
            raise Damaged
        return found

    def _chunk(self, index: int) -> bytes:
        if index not in self._chunks:
            read = self._files.read(self.path, _CHUNK_BYTES, index * _CHUNK_BYTES)
            if not read:
                raise Damaged
            self._chunks[index] = read
            if len(self._chunks) > _CHUNKS_KEPT:
                self._chunks.popitem(last=False)
        return self._chunks[index]


def _may_be(wanted: str, hint: bytes, kind: bytes) -> bool:
    """``lh`` has a hash of the name in capitals, ``lf`` its first four letters, ``li`` nothing."""
    if kind == b"lh":
        hashed = 0
        for letter in wanted:
            hashed = (hashed * 37 + ord(letter)) & 0xFFFFFFFF
        return hint == hashed.to_bytes(4, "little")
    if kind == b"lf":
        return 0 in hint or hint.decode("latin-1").upper() == wanted[:4]
    return True


def _text(raw: bytes, *, ascii_only: bool) -> str:
    return raw.decode("latin-1") if ascii_only else raw.decode("utf-16-le", "replace")


def _value(kind: int, data: bytes) -> Value:
    if kind in (1, 2):
        return data.decode("utf-16-le", "replace").partition("\0")[0]
    if kind in (4, 11):
        return int.from_bytes(data[:8], "little")
    if kind == 5:
        return int.from_bytes(data[:4], "big")
    if kind == 7:
        return tuple(one for one in data.decode("utf-16-le", "replace").split("\0") if one)
    return data
