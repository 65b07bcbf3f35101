"""An NTFS with files in it, made by mkntfs and ntfs-3g's library: nothing is mounted."""

import ctypes
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from ctypes import c_char_p, c_int, c_int64, c_ubyte, c_uint16, c_uint32, c_ulong, c_void_p
from pathlib import Path

import pytest

from tests.debian import lacking
from tests.guest.packages import run

MIB = 1 << 20
_FOLDER, _FILE = 0o040000, 0o100000
_DATA = 0x80
_DIRTY = 0x1
_CALLS: dict[str, tuple[object, ...]] = {
    "ntfs_mount": (c_void_p, c_char_p, c_ulong),
    "ntfs_umount": (c_int, c_void_p, c_int),
    "ntfs_pathname_to_inode": (c_void_p, c_void_p, c_void_p, c_char_p),
    "ntfs_create": (c_void_p, c_void_p, c_uint32, c_char_p, c_ubyte, c_uint32),
    "ntfs_inode_close": (c_int, c_void_p),
    "ntfs_inode_close_in_dir": (c_int, c_void_p, c_void_p),
    "ntfs_attr_open": (c_void_p, c_void_p, c_uint32, c_void_p, c_uint32),
    "ntfs_attr_pwrite": (c_int64, c_void_p, c_int64, c_int64, c_char_p),
    "ntfs_attr_close": (None, c_void_p),
    "ntfs_volume_write_flags": (c_int, c_void_p, c_uint16),
}
"""What a call gives, and what it takes: ``volume.h``, ``dir.h``, ``inode.h`` and ``attrib.h``."""


def ntfs(
    image: Path,
    files: Mapping[str, bytes],
    *,
    size_mib: int = 16,
    label: str = "",
    dirty: bool = False,
) -> Path:
    """A file system with these files; skips where there is no ntfs-3g."""
    library = _library()
    image.touch()
    os.truncate(image, size_mib * MIB)
    run("mkntfs", "-F", "-q", "-L", label, image)
    with _mounted(library, image) as volume:
        made = {""}
        for path, content in files.items():
            folders = path.split("/")[1:-1]
            for depth in range(1, len(folders) + 1):
                folder = "".join(f"/{name}" for name in folders[:depth])
                if folder not in made:
                    made.add(folder)
                    _create(library, volume, folder, _FOLDER)
            _create(library, volume, path, _FILE, content)
        if dirty:
            assert library.ntfs_volume_write_flags(volume, _DIRTY) == 0
    return image


def _library() -> ctypes.CDLL:
    if lacking({"mkntfs": "ntfs-3g"}):
        pytest.skip("an NTFS cannot be made without ntfs-3g")
    names = [f"libntfs-3g.so.{version}" for version in (89, 883)]
    for name in names:
        try:
            library = ctypes.CDLL(name)
        except OSError:
            continue
        for call, (gives, *takes) in _CALLS.items():
            function = getattr(library, call)
            function.restype, function.argtypes = gives, takes
        return library
    pytest.skip(f"an NTFS cannot be filled without {' or '.join(names)}")


@contextmanager
def _mounted(library: ctypes.CDLL, image: Path) -> Iterator[int]:
    """In this process only, as the library calls it."""
    volume = library.ntfs_mount(str(image).encode(), 0)
    assert volume, image
    try:
        yield volume
    finally:
        assert library.ntfs_umount(volume, 0) == 0


def _create(
    library: ctypes.CDLL, volume: int, path: str, kind: int, content: bytes | None = None
) -> None:
    above, _, name = path.rpartition("/")
    folder = library.ntfs_pathname_to_inode(volume, None, (above or "/").encode())
    made = library.ntfs_create(folder, 0, name.encode("utf-16-le"), len(name), kind)
    assert made, path
    if content:
        data = library.ntfs_attr_open(made, _DATA, None, 0)
        assert library.ntfs_attr_pwrite(data, 0, len(content), content) == len(content)
        library.ntfs_attr_close(data)
    assert library.ntfs_inode_close_in_dir(made, folder) == 0
    assert library.ntfs_inode_close(folder) == 0
