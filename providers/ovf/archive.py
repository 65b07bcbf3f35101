"""An OVA: a tar in which an .ovf comes first, read as a list of places.

Sources: DSP0243 section 5.3 (USTAR), tar(5). Members are never extracted: each is
a stretch of the archive. Links, devices, sparse members and names that leave the
package are refused.
"""

import tarfile
from pathlib import Path
from typing import BinaryIO, cast

from coldferry.errors import BadInput

_MOST_MEMBERS = 10_000
_MOST_HEADER_BYTES = 1 << 20


class _Frugal:
    """The archive's file for tarfile, which would read a long name or a header of any length."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file

    def read(self, length: int = -1) -> bytes:
        if not 0 <= length <= _MOST_HEADER_BYTES:
            raise tarfile.ReadError
        return self._file.read(length)

    def seek(self, offset: int, whence: int = 0) -> int:
        return self._file.seek(offset, whence)

    def tell(self) -> int:
        return self._file.tell()


def members(path: Path) -> dict[str, tuple[int, int]]:
    """Offset and size of each member, by name. Raises BadInput for an archive that is none."""
    found = dict[str, tuple[int, int]]()
    try:
        with path.open("rb") as file:
            end = file.seek(0, 2)
            file.seek(0)
            # Uncompressed only: "r:", not "r:*", which would try each compression.
            with tarfile.open(fileobj=cast("BinaryIO", _Frugal(file)), mode="r:") as archive:
                for member in archive:
                    _check(member, path.name, end, found)
                    found[member.name] = (member.offset_data, member.size)
    except (tarfile.TarError, EOFError, ValueError, OverflowError, RecursionError):
        raise BadInput(
            f"{path.name} is no OVA: it is no tar, or it is damaged.",
            "Put the whole file there again.",
        ) from None
    except OSError as error:
        raise BadInput(f"{path.name} cannot be read: {error.strerror}.") from None
    return found


def _check(
    member: tarfile.TarInfo, archive: str, end: int, found: dict[str, tuple[int, int]]
) -> None:
    named = f"{archive} holds {member.name[:80]!r}"
    if not member.isreg() or member.issparse():
        raise BadInput(f"{named}, which is no plain file (a link, a folder, a device).")
    if leaves(member.name):
        raise BadInput(f"{named}: a name that leads out of the package.")
    if member.name in found:
        raise BadInput(f"{named} twice.")
    if member.size < 0 or member.offset_data + member.size > end:
        raise BadInput(f"{named} of {member.size} bytes, and ends before: it is cut off.")
    if len(found) >= _MOST_MEMBERS:
        raise BadInput(f"{archive} holds more than {_MOST_MEMBERS} files: that is no OVA.")


def leaves(name: str) -> bool:
    """A name that is absolute, goes up, or is none."""
    parts = name.replace("\\", "/").split("/")
    return not name or "\0" in name or name.startswith(("/", "\\")) or ".." in parts
