"""What is written down beside the packages, as JSON, each time as a whole."""

import json
import os
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, TypeVar

from providers.ovf.writing.raw import no_room

R = TypeVar("R")


@dataclass(frozen=True)
class DiskRecord:
    """A disk that is being written, or was: what of, and in which of its lives.

    ``frozen`` is what it is a copy of, ``generation`` is another whenever it was begun anew.
    """

    device: str
    frozen: str
    generation: str
    size_bytes: int
    sealed: bool = False


@dataclass(frozen=True)
class PackedRecord:
    """A disk's finished VMDK: its length and digest, and the Merkle root of what it holds.

    ``data_bytes`` is how much of that is not zero.
    """

    device: str
    name: str
    generation: str
    capacity_bytes: int
    size_bytes: int
    sha256: str
    root: str
    data_bytes: int


@dataclass(frozen=True)
class PackageRecord:
    """The package that a migration made: this is the tag that says so.

    ``head`` is the digest of its first two members: a package of another head is not ours.
    ``made_for`` is the machine that it was made of (:func:`coldferry.offered.origin_mark`),
    ``stood`` is its size and time of modification when it was proven. ``groups`` is by
    interface, ``""`` for none; ``networks`` the ones that it can be given out to. ``named`` is
    whether the package has its name: until then another one of that name, and of the same
    bytes, is another migration's.
    """

    migration: str
    package: str
    head: str
    made_for: str
    stood: str
    devices: tuple[str, ...]
    interfaces: tuple[str, ...]
    networks: tuple[str, ...]
    groups: tuple[str, ...]
    address: str = ""
    starts: int = 0
    running: bool = False
    named: bool = True

    def opened(self, groups: tuple[str, ...]) -> "PackageRecord":
        """The same with other groups."""
        return replace(self, groups=groups)


def read(path: Path, kind: type[R]) -> R | None:
    """The record at ``path``; None where none is, or what is there is none."""
    try:
        told: dict[str, Any] = json.loads(path.read_text())
        return kind(**{k: tuple(v) if isinstance(v, list) else v for k, v in told.items()})
    except (OSError, ValueError, TypeError, AttributeError):
        return None


def write(path: Path, record: Any) -> None:
    """Put it there as a whole, and have it on the disk. Raises Failed where it cannot be put."""
    beside = path.with_name(f".{path.name}.new")
    try:
        with open(beside, "w", opener=own) as file:
            json.dump(asdict(record), file, indent=2)
            file.flush()
            os.fsync(file.fileno())
        beside.replace(path)
        sync_folder(path.parent)
    except OSError as error:
        raise no_room(path, error) from None


def own(path: str, flags: int) -> int:
    """As an ``opener``: nothing is written through a link that somebody put in the place."""
    return os.open(path, flags | os.O_NOFOLLOW | os.O_CLOEXEC, 0o666)


def sync_folder(path: Path) -> None:
    """Have the names in it on the disk."""
    folder = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
