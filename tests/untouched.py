"""Disks that nothing of ours may write to: guests and sources, byte by byte, after every module.

Whoever makes one for a test says so here; what the guest itself writes is said, too.
"""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

Reader = Callable[[Path], bytes]


@dataclass
class _Disk:
    """What it held, but for what its guest writes; when its file was last found to hold it."""

    read: Reader
    guest_writes: list[tuple[int, int]]
    digest: str = ""
    seen: tuple[int, ...] = field(default=())


_WATCHED: dict[Path, _Disk] = {}


def watch(
    path: Path,
    *,
    read: Reader = Path.read_bytes,
    guest_writes: tuple[tuple[int, int], ...] = (),
    digest: str = "",
    seen: tuple[int, ...] = (),
) -> None:
    """From now on it stays as it is, or as ``digest`` says, but for those ``(offset, length)``.

    ``seen`` is the file's stamp when it held that: while it is the same, nobody wrote to it.
    """
    if path in _WATCHED and digest:
        return
    disk = _Disk(read, list(guest_writes), seen=seen)
    disk.digest = digest or _digest(path, disk)
    _WATCHED[path] = disk


def guest_wrote(path: Path, offset: int, length: int) -> None:
    """The guest wrote there, or is about to."""
    if path in _WATCHED:
        disk = _WATCHED[path]
        disk.guest_writes.append((offset, length))
        disk.digest, disk.seen = _digest(path, disk), ()


def unwatch(path: Path) -> None:
    """A test is about to change it itself."""
    _WATCHED.pop(path, None)


def altered() -> list[str]:
    """Those that hold something else now; one that was removed is watched no more."""
    found = []
    for path, disk in list(_WATCHED.items()):
        try:
            seen = stamp(path)
            same = seen == disk.seen or _digest(path, disk) == disk.digest
        except FileNotFoundError:
            del _WATCHED[path]
            continue
        disk.seen = seen
        if not same:
            found.append(str(path))
            del _WATCHED[path]  # or every module from here on would be blamed for it
    return found


def stamp(path: Path) -> tuple[int, ...]:
    """What of a file's entry changes whenever somebody writes to it."""
    told = path.stat()
    return told.st_mtime_ns, told.st_ctime_ns, told.st_size, told.st_ino


def _digest(path: Path, disk: _Disk) -> str:
    held = bytearray(disk.read(path))
    for offset, length in disk.guest_writes:
        held[offset : offset + length] = bytes(len(held[offset : offset + length]))
    return hashlib.sha256(held).hexdigest()
