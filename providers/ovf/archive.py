"""An OVA: a tar in which an .ovf comes first, read as a list of places.

Sources: DSP0243 section 5.3 (USTAR), tar(5), POSIX pax. Members are never extracted: each is
a stretch of the archive. Links, devices, sparse members and names that leave the
package are refused. Headers are walked here, and not by :mod:`tarfile`: that believes a
header's length, and takes hours over one that is made for it.
"""

import os
import posixpath
import stat
import tarfile
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO, NamedTuple

from coldferry.errors import BadInput

_BLOCK_BYTES = 512
_MOST_MEMBERS = 10_000
_MOST_NAMING_BYTES = 8 << 10
"""Of a header that names the next member: paths end at 4 KiB (limits.h)."""
_MOST_HEADERS = 3 * _MOST_MEMBERS
_LINKS_AND_NAMES = (tarfile.GNUTYPE_LONGNAME, tarfile.GNUTYPE_LONGLINK)
_PAX = (tarfile.XHDTYPE, tarfile.XGLTYPE, tarfile.SOLARIS_XHDTYPE)


class Header(NamedTuple):
    """A member as its headers have it: what they say of the bytes that begin at ``start``."""

    name: str
    start: int
    size_bytes: int
    plain: bool


def members(path: Path) -> dict[str, tuple[int, int]]:
    """Offset and size of each member, by name. Raises BadInput for an archive that is none."""
    found = dict[str, tuple[int, int]]()
    try:
        with _opened(path) as file:
            end = file.seek(0, 2)
            for header in _headers(file, end):
                name = plain_name(header.name)
                _check(header, name, path.name, end, found)
                found[name] = header.start, header.size_bytes
    except (tarfile.TarError, ValueError):
        raise BadInput(
            f"{path.name} is no OVA: it is no tar, or it is damaged.",
            "Put the whole file there again.",
        ) from None
    except OSError as error:
        raise BadInput(f"{path.name} cannot be read: {error.strerror}.") from None
    return found


def _opened(path: Path) -> BinaryIO:
    """A plain file: the end of a pipe would be waited for. Raises ValueError for another thing."""
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
    file = os.fdopen(descriptor, "rb")
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        file.close()
        raise ValueError(path.name)
    return file


def _headers(file: BinaryIO, end: int) -> Iterator[Header]:
    """Every member, up to the block of zeros or the archive's end.

    Raises ValueError or TarError for what is no tar.
    """
    at, count = 0, 0
    said = dict[str, str]()
    while at < end or not at:
        block = _read(file, at, _BLOCK_BYTES)
        if at and not any(block):
            return
        info = tarfile.TarInfo.frombuf(block, "utf-8", "surrogateescape")
        at, count = at + _BLOCK_BYTES, count + 1
        if info.size < 0 or count > _MOST_HEADERS:
            raise ValueError(info.size)
        if info.type in (*_LINKS_AND_NAMES, *_PAX):
            text = _read(file, at, info.size)
            if info.type == tarfile.XGLTYPE:
                pass  # of all members: no name and no size is
            elif info.type in _PAX:
                said |= _records(text)
            elif info.type == tarfile.GNUTYPE_LONGNAME:
                said["path"] = text.partition(b"\0")[0].decode("utf-8", "surrogateescape")
        else:
            sparse = info.type == tarfile.GNUTYPE_SPARSE or any("sparse" in key for key in said)
            size_bytes = _whole(said["size"]) if "size" in said else info.size
            yield Header(said.get("path", info.name), at, size_bytes, info.isreg() and not sparse)
            said, info.size = {}, size_bytes
        at += -(-info.size // _BLOCK_BYTES) * _BLOCK_BYTES


def _records(text: bytes) -> dict[str, str]:
    """``LENGTH KEY=VALUE`` and a line's end, each; the length counts itself."""
    found = dict[str, str]()
    while text.strip(b"\0"):
        length, _, rest = text.partition(b" ")
        taken = _whole(length.decode("ascii"))
        row = rest[: taken - len(length) - 1]
        if taken <= len(length) + 1 or taken > len(text) or not row.endswith(b"\n"):
            raise ValueError(row[:40])
        key, told, value = row[:-1].decode("utf-8", "surrogateescape").partition("=")
        if not told:
            raise ValueError(key[:40])
        found[key], text = value, text[taken:]
    return found


def _read(file: BinaryIO, at: int, length: int) -> bytes:
    if not 0 <= length <= _MOST_NAMING_BYTES:
        raise ValueError(length)
    file.seek(at)
    found = file.read(length)
    if len(found) < length:
        raise ValueError(length)
    return found


def _whole(said: str) -> int:
    if not (said.isascii() and said.isdigit() and len(said) < 20):
        raise ValueError(said[:40])
    return int(said)


def plain_name(name: str) -> str:
    """Without the ``./`` before it that ``tar cf web.ova ./*`` writes; a name that leaves stays."""
    return name if leaves(name) else posixpath.normpath(name)


def _check(
    header: Header, name: str, archive: str, end: int, found: dict[str, tuple[int, int]]
) -> None:
    named = f"{archive} holds {header.name[:80]!r}"
    if not header.plain:
        raise BadInput(f"{named}, which is no plain file (a link, a folder, a device).")
    if leaves(header.name):
        raise BadInput(f"{named}: a name that leads out of the package.")
    if name in found:
        raise BadInput(f"{named} twice.")
    if header.start + header.size_bytes > end:
        raise BadInput(
            f"{named} of {header.size_bytes} bytes, and ends before: it is cut off.",
            "Put the whole file there again.",
        )
    if len(found) >= _MOST_MEMBERS:
        raise BadInput(f"{archive} holds more than {_MOST_MEMBERS} files: that is no OVA.")


def leaves(name: str) -> bool:
    """A name that is absolute, goes up, or is none."""
    parts = name.replace("\\", "/").split("/")
    return not name or "\0" in name or name.startswith(("/", "\\")) or ".." in parts
