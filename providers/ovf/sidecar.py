"""What stands for tags on a package, which has none: a small file beside it.

``.coldferry/NAME.json`` in the package's folder has, for each machine of the package
``NAME``, the marks of its migration, and which state of its files was frozen. It is
written whole, or not at all. Whoever can write to the folder can write anything there:
what is not ours is taken for nothing, and is never
written over.
"""

import fcntl
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from coldferry.errors import Conflict, Denied
from coldferry.migration import Marks

FOLDER = ".coldferry"
_MOST_BYTES = 1 << 20
_NOT_OURS = (ValueError, KeyError, TypeError, AttributeError, RecursionError)


@dataclass(frozen=True)
class Frozen:
    """One disk of one machine, frozen for a migration: its files as ``stamp`` has them."""

    migration: str
    vm: str
    device: str
    stamp: str
    size_bytes: int

    @property
    def ref(self) -> str:
        """Its id; no part of it has a slash inside."""
        return f"{self.migration}/{self.device}/{self.stamp}/{self.vm}"


@dataclass
class Record:
    """What one file holds; ``checked`` are the stamps by machine whose digests were right."""

    marks: dict[str, Marks] = field(default_factory=dict)
    frozen: list[Frozen] = field(default_factory=list)
    checked: dict[str, str] = field(default_factory=dict)


def read(package: Path) -> Record:
    """What is kept of a package; nothing where there is no such file, or it is not ours."""
    return _read(_place(package))


def every(folder: Path) -> Iterator[tuple[Path, Record]]:
    """All records of a folder, with the package that each is of, be it there or not."""
    try:
        found = sorted((folder / FOLDER).glob("*.json"))
    except OSError:
        return
    for path in found:
        yield folder / path.name.removesuffix(".json"), _read(path)


@contextmanager
def changing(package: Path) -> Iterator[Record]:
    """The record, to be changed inside and written when it is left; one at a time.

    Raises Denied where the folder cannot be written to, or what is there cannot be read, and
    Conflict where that is not ours: either may be somebody's marks, which would be lost.
    """
    place = _place(package)
    try:
        place.parent.mkdir(exist_ok=True)
        held = os.open(place.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
        try:
            fcntl.flock(held, fcntl.LOCK_EX)
            record = _known(place)
            yield record
            _write(place, record, held)
        finally:
            os.close(held)
    except OSError as error:
        raise Denied(
            f"What is known of {package.name} cannot be written to {place.parent}: "
            f"{error.strerror}.",
            "Let the worker write to the package's folder: a migration's marks are kept there.",
        ) from None


def _place(package: Path) -> Path:
    return package.parent / FOLDER / f"{package.name}.json"


def _read(place: Path) -> Record:
    with suppress(OSError, *_NOT_OURS):
        return _parsed(place, whole=False)
    return Record()


def _known(place: Path) -> Record:
    try:
        return _parsed(place, whole=True)
    except FileNotFoundError:
        return Record()
    except OSError as error:
        raise Denied(
            f"{place} cannot be read: {error.strerror}. It may hold another user's marks.",
            "Let the worker read it, or run as the user who made it.",
        ) from None
    except _NOT_OURS:
        raise Conflict(
            f"{place} is damaged, or is not Coldferry's: it is not written over.",
            "Find out who wrote it; move it away, then run the same command again.",
        ) from None


def _parsed(place: Path, *, whole: bool) -> Record:
    """Marks that are none are left out, or raise ValueError where the ``whole`` is meant."""
    descriptor = os.open(place, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    with os.fdopen(descriptor, "rb") as file:
        said = json.loads(file.read(_MOST_BYTES))
    record = Record()
    for vm, row in said["marks"].items():
        if found := Marks.parse(row["attempt"], row["power_before"], vm):
            record.marks[vm] = found
        elif whole:
            raise ValueError(row)
    record.frozen = [_frozen(row) for row in said["frozen"]]
    record.checked = {str(vm): str(stamp) for vm, stamp in said["checked"].items()}
    return record


def _frozen(row: dict[str, Any]) -> Frozen:
    found = Frozen(**row)
    if not all(isinstance(said, str) and "/" not in said for said in list(row.values())[:-1]):
        raise ValueError(row)
    return found


def _write(place: Path, record: Record, folder: int) -> None:
    said = {
        "marks": {
            vm: {"attempt": marks.tag(vm), "power_before": marks.power_before}
            for vm, marks in record.marks.items()
        },
        "frozen": [asdict(one) for one in record.frozen],
        "checked": record.checked,
    }
    beside = f".{place.name}.new"[-255:]
    flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW | os.O_CLOEXEC
    with os.fdopen(os.open(beside, flags, 0o600, dir_fd=folder), "w", encoding="utf-8") as file:
        json.dump(said, file, indent=1)
        file.flush()
        os.fsync(file.fileno())
    os.rename(beside, place.name, src_dir_fd=folder, dst_dir_fd=folder)
    os.fsync(folder)
