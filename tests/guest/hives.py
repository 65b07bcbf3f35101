r"""Registry hives of Windows, written to the letter of their format.

Source: "Windows NT Registry File (REGF) format" of the libregf project; the
names of the cells are those that it gives. A value's Python type says which
one of Windows it has: ``int`` REG_DWORD, ``str`` REG_SZ, a list of texts
REG_MULTI_SZ, ``bytes`` REG_BINARY.
"""

import struct
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

Value = int | str | bytes | Sequence[str]
Keys = Mapping[str, Mapping[str, Value]]

BIN_BYTES = 4096
NOWHERE = 0xFFFFFFFF
_RESIDENT = 0x80000000
_MOST_DATA_BYTES = 16344
"""More would need a list of segments."""
_ROOT, _SYSTEM, _ASCII_NAME = 0x4, 0x8, 0x20
_NOTHING_SAID = struct.pack("<BBHIIII", 1, 0, 0x8000, 0, 0, 0, 0)
"""A security descriptor without an owner, a group or a list."""


def hive(keys: Keys, name: str = "SYSTEM") -> bytes:
    r"""A hive with these keys, by their paths: ``{r"Select": {"Current": 1}}``."""
    return cells_of(keys).file(name)


def cells_of(keys: Keys) -> "Cells":
    """The same before it is put together: for those who want to spoil a cell."""
    top = _Key("ROOT")
    for path, values in keys.items():
        here = top
        for part in path.split("\\"):
            here = here.below.setdefault(part.upper(), _Key(part))
        here.values |= values
    cells = Cells()
    security = cells.add(
        struct.pack("<2sHIIII", b"sk", 0, 0, 0, 1, len(_NOTHING_SAID)) + _NOTHING_SAID
    )
    cells.poke(security + 8, struct.pack("<II", security, security))
    _write(cells, top, NOWHERE, security)
    return cells


@dataclass
class _Key:
    name: str
    values: dict[str, Value] = field(default_factory=dict)
    below: dict[str, "_Key"] = field(default_factory=dict)


class Cells:
    """The cells of a hive; an address counts from the first bin, as the format has it."""

    def __init__(self) -> None:
        self.content = bytearray()
        self.keys: dict[str, int] = {}
        """Where each key is, by its name alone."""
        self._free = 0
        self._end = 0

    def add(self, content: bytes) -> int:
        """A cell with that content; its address."""
        size = -(-(4 + len(content)) // 8) * 8
        if self._free + size > self._end:
            self._new_bin(size)
        at = self._free
        struct.pack_into("<i", self.content, at, -size)
        self.poke(at + 4, content)
        self._free += size
        if self._free < self._end:
            struct.pack_into("<i", self.content, self._free, self._end - self._free)
        return at

    def poke(self, at: int, content: bytes) -> None:
        """Other bytes there."""
        self.content[at : at + len(content)] = content

    def file(self, name: str = "SYSTEM") -> bytes:
        """The whole hive."""
        base = bytearray(4096)
        struct.pack_into(
            "<4sIIQIIIIIII", base, 0, b"regf", 1, 1, 0, 1, 5, 0, 1, self.keys["ROOT"],
            len(self.content), 1,
        )  # fmt: skip
        base[48:112] = name.encode("utf-16-le")[:62].ljust(64, b"\0")
        checksum = 0
        for (word,) in struct.iter_unpack("<I", base[:508]):
            checksum ^= word
        struct.pack_into("<I", base, 508, checksum)
        return bytes(base + self.content)

    def _new_bin(self, wanted: int) -> None:
        start = len(self.content)
        size = -(-(32 + wanted) // BIN_BYTES) * BIN_BYTES
        self.content += bytes(size)
        struct.pack_into("<4sII", self.content, start, b"hbin", start, size)
        self._free, self._end = start + 32, start + size


def _write(cells: Cells, key: _Key, parent: int, security: int) -> int:
    flags = _ASCII_NAME | (_ROOT | _SYSTEM if parent == NOWHERE else 0)
    name = key.name.encode("ascii")
    at = cells.add(bytes(76) + name)
    cells.keys[key.name] = at
    below = sorted(key.below.items())
    listed = [(_write(cells, one, at, security), _hash(upper)) for upper, one in below]
    values = [_value(cells, one, value) for one, value in key.values.items()]
    subkeys = cells.add(
        struct.pack("<2sH", b"lh", len(listed))
        + b"".join(struct.pack("<II", *one) for one in listed)
    ) if listed else NOWHERE  # fmt: skip
    value_list = cells.add(struct.pack(f"<{len(values)}I", *values)) if values else NOWHERE
    cells.poke(
        at + 4,
        struct.pack(
            "<2sHQIIIIIIIIIIIIIIIHH", b"nk", flags, 0, 0, parent, len(listed), 0, subkeys,
            NOWHERE, len(values), value_list, security, NOWHERE, 512, 0, 512, _MOST_DATA_BYTES, 0,
            len(name), 0,
        ),
    )  # fmt: skip
    return at


def _hash(upper: str) -> int:
    found = 0
    for letter in upper:
        found = (found * 37 + ord(letter)) & 0xFFFFFFFF
    return found


def _value(cells: Cells, name: str, value: Value) -> int:
    kind, data = _as_windows(value)
    assert len(data) <= _MOST_DATA_BYTES
    if len(data) <= 4:
        size, where = len(data) | _RESIDENT, struct.unpack("<I", data.ljust(4, b"\0"))[0]
    else:
        size, where = len(data), cells.add(data)
    word = name.encode("ascii")
    return cells.add(struct.pack("<2sHIIIHH", b"vk", len(word), size, where, kind, 1, 0) + word)


def _as_windows(value: Value) -> tuple[int, bytes]:
    if isinstance(value, int):
        return 4, struct.pack("<I", value)
    if isinstance(value, bytes):
        return 3, value
    if isinstance(value, str):
        return 1, (value + "\0").encode("utf-16-le")
    return 7, ("".join(f"{one}\0" for one in value) + "\0").encode("utf-16-le")
