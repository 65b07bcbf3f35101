"""Hives and file systems of Windows that are made to break who reads them."""

import random
import struct
from collections.abc import Callable
from pathlib import Path

from tests.guest.hives import Cells, cells_of, hive
from tests.guest.ntfs import MIB, ntfs
from tests.guest.windows import SOFTWARE, SYSTEM, healthy

_SUBKEYS, _SUBKEY_LIST, _VALUES = 24, 32, 40
"""Where a key's cell has them, its own size in front."""
_MOST = 0xFFFF

HOSTILE_HIVES: dict[str, Callable[[], bytes]] = {}
"""Contents of SYSTEM, by name."""


def _hostile(name: str) -> Callable[[Callable[[], bytes]], Callable[[], bytes]]:
    def known(make: Callable[[], bytes]) -> Callable[[], bytes]:
        HOSTILE_HIVES[name] = make
        return make

    return known


def _spoiled(spoil: Callable[[Cells], None]) -> bytes:
    cells = cells_of(healthy().system)
    spoil(cells)
    return cells.file()


def _word(cells: Cells, key: str, offset: int, value: int) -> None:
    cells.poke(cells.keys[key] + offset, struct.pack("<I", value))


@_hostile("no byte")
def _empty() -> bytes:
    return b""


@_hostile("noise behind its first block")
def _noise() -> bytes:
    return hive(healthy().system)[:4096] + random.Random(1).randbytes(MIB)


@_hostile("half of its bytes")
def _cut() -> bytes:
    whole = hive(healthy().system)
    return whole[: len(whole) // 2]


@_hostile("a first key behind its end")
def _beyond() -> bytes:
    whole = bytearray(hive(healthy().system))
    struct.pack_into("<I", whole, 36, 0xFFFFFFF8)
    return bytes(whole)


@_hostile("a list of keys that is in itself")
def _list_in_itself() -> bytes:
    def spoil(cells: Cells) -> None:
        at = cells.add(bytes(64))
        cells.poke(at + 4, struct.pack("<2sHI", b"ri", 1, at))
        _word(cells, "ROOT", _SUBKEY_LIST, at)

    return _spoiled(spoil)


@_hostile("2^32 lists of the same 2^16 keys")
def _endless_list() -> bytes:
    def spoil(cells: Cells) -> None:
        root = struct.pack("<I", cells.keys["ROOT"])
        keys = cells.add(struct.pack("<2sH", b"li", _MOST) + root * _MOST)
        lists = struct.pack("<2sH", b"ri", _MOST) + struct.pack("<I", keys) * _MOST
        _word(cells, "ROOT", _SUBKEY_LIST, cells.add(lists))
        _word(cells, "ROOT", _SUBKEYS, 0xFFFFFFFF)

    return _spoiled(spoil)


@_hostile("a key that is below itself")
def _key_in_itself() -> bytes:
    """Whoever walks down everything never comes back."""

    def spoil(cells: Cells) -> None:
        at = cells.add(struct.pack("<2sHI", b"li", 1, cells.keys["Select"]))
        _word(cells, "Select", _SUBKEY_LIST, at)
        _word(cells, "Select", _SUBKEYS, 1)
        _word(cells, "Select", _VALUES, 0)

    return _spoiled(spoil)


@_hostile("2^32 values")
def _many_values() -> bytes:
    return _spoiled(lambda cells: _word(cells, "Select", _VALUES, 0xFFFFFFFF))


@_hostile("a cell of 2 GiB")
def _large_cell() -> bytes:
    return _spoiled(lambda cells: cells.poke(cells.keys["Select"], struct.pack("<i", -(2**31 - 8))))


@_hostile("a control set of number 2^32 - 1")
def _no_control_set() -> bytes:
    return hive(healthy().system | {"Select": {"Current": 0xFFFFFFFF}})


@_hostile("a control set that is not there")
def _absent_control_set() -> bytes:
    return hive(healthy().system | {"Select": {"Current": 7}})


HOSTILE_VOLUMES: dict[str, tuple[Callable[[Path], Path], str]] = {}
"""By name: the image of a volume, and what of the findings tells it: a code, or a subject."""


def _volume(name: str, tells: str) -> Callable[[Callable[[Path], Path]], Callable[[Path], Path]]:
    def known(make: Callable[[Path], Path]) -> Callable[[Path], Path]:
        HOSTILE_VOLUMES[name] = make, tells
        return make

    return known


def _with_system(folder: Path, content: bytes) -> Path:
    return ntfs(folder / "c.img", healthy().content() | {SYSTEM: content})


for _name, _content in HOSTILE_HIVES.items():
    _volume(f"a registry of {_name}", SYSTEM)(
        lambda folder, content=_content: _with_system(folder, content())  # type: ignore[misc]
    )


@_volume("a registry of 24 MiB without a key", SOFTWARE)
def _large_software(folder: Path) -> Path:
    content = hive(healthy().software)[:4096] + bytes(24 * MIB)
    return ntfs(folder / "c.img", healthy().content() | {SOFTWARE: content}, size_mib=40)


def _with_header(folder: Path, offset: int, form: str, value: int) -> Path:
    """An NTFS with another field in its first sector."""
    image = _with_system(folder, hive(healthy().system))
    with image.open("r+b") as file:
        file.seek(offset)
        file.write(struct.pack(form, value))
    return image


@_volume("an NTFS of a good first sector and nothing else", "disk0p1")
def _head(folder: Path) -> Path:
    image = _with_system(folder, b"")
    image.write_bytes(image.read_bytes()[:512] + random.Random(3).randbytes(8 * MIB))
    return image


@_volume("an NTFS whose records begin at cluster 2^63", "disk0p1")
def _far_records(folder: Path) -> Path:
    return _with_header(folder, 48, "<Q", 1 << 63)


@_volume("an NTFS of clusters of 2^127 sectors", "disk0p1")
def _large_clusters(folder: Path) -> Path:
    return _with_header(folder, 13, "<B", 129)


@_volume("an NTFS with records of 2^127 bytes", "disk0p1")
def _large_records(folder: Path) -> Path:
    return _with_header(folder, 64, "<b", -127)


def _records(content: bytes) -> int:
    """Where they begin; each has 1 KiB, and the root folder's is number 5."""
    return int(struct.unpack("<Q", content[48:56])[0]) * 4096


@_volume("an NTFS with noise in its records", "disk0p1")
def _noisy_records(folder: Path) -> Path:
    image = _with_system(folder, hive(healthy().system))
    with image.open("r+b") as file:
        file.seek(_records(file.read(512)) + 5 * 1024 + 56)
        file.write(random.Random(2).randbytes(200 * 1024))
    return image


@_volume("an NTFS of folders and files at cluster 2^56", "disk0p1")
def _far_runs(folder: Path) -> Path:
    """The first run of clusters of each attribute that is not in its record."""
    image = _with_system(folder, hive(healthy().system))
    content = bytearray(image.read_bytes())
    start = _records(content)
    for record in range(start + 5 * 1024, start + 120 * 1024, 1024):
        at = record + struct.unpack("<H", content[record + 20 : record + 22])[0]
        while content[record : record + 4] == b"FILE" and at + 64 <= record + 1024:
            kind, length, elsewhere = struct.unpack("<IIB", content[at : at + 9])
            if kind == 0xFFFFFFFF or not 24 <= length <= 1024:
                break
            if elsewhere and length >= 80:
                runs = at + struct.unpack("<H", content[at + 32 : at + 34])[0]
                content[runs : runs + 10] = b"\x71\x10" + b"\xff" * 6 + b"\x7f\0"
            at += length
    image.write_bytes(content)
    return image


@_volume("a BitLocker header and nothing else", "bitlocker")
def _bitlocker(folder: Path) -> Path:
    image = folder / "bitlocker.img"
    image.write_bytes(b"\xeb\x58\x90-FVE-FS-" + b"\xff" * 499 + b"\x55\xaa")
    return image
