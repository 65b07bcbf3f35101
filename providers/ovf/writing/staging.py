"""Where a migration's things are until its package has its name.

::

    FOLDER/web-01.ova                          the package
    FOLDER/.coldferry/MIGRATION/disk0.json     a disk that is written: DiskRecord
                               /disk0.raw      its bytes, sparse
                               /disk0.vmdk     the same, deflated
                               /disk0.vmdk.json  PackedRecord
                               /package.ova    while it is assembled
                               /package.json   the package's tag: PackageRecord
    FOLDER/.coldferry/kept/MIGRATION/disk0.vmdk  a lasting copy

The folder's name is the migration's tag on all that is in it.
"""

import fcntl
import os
import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from coldferry.errors import BadInput, Conflict
from providers.ovf.writing import package, records
from providers.ovf.writing.raw import no_room
from providers.ovf.writing.records import DiskRecord, PackageRecord, PackedRecord

HIDDEN = ".coldferry"
KEPT = "kept"

_DEVICE = re.compile(r"disk\d{1,4}")
_SAFE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,127}")


class Staging:
    """One migration's folder under :data:`HIDDEN`; made when something is first put there."""

    def __init__(self, folder: Path, migration: str) -> None:
        if not _SAFE.fullmatch(migration) or migration == KEPT:
            raise BadInput(f"'{migration}' is no migration's id.")
        self.folder, self.migration = folder, migration
        self.path = folder / HIDDEN / migration
        self.kept_path = folder / HIDDEN / KEPT / migration
        self.assembling = self.path / "package.ova"

    def raw(self, device: str) -> Path:
        """A disk's bytes."""
        return self.path / f"{device}.raw"

    def vmdk(self, device: str) -> Path:
        """The same, deflated."""
        return self.path / f"{device}.vmdk"

    def disk(self, device: str) -> DiskRecord | None:
        """What is known of a disk that was begun."""
        return records.read(self.path / f"{device}.json", DiskRecord)

    def put_disk(self, record: DiskRecord) -> None:
        """Write it down."""
        records.write(self.path / f"{record.device}.json", record)

    def packed(self, device: str) -> PackedRecord | None:
        """What is known of its finished VMDK."""
        return records.read(self.path / f"{device}.vmdk.json", PackedRecord)

    def put_packed(self, record: PackedRecord) -> None:
        """Write it down."""
        records.write(self.path / f"{record.device}.vmdk.json", record)

    def forget_packed(self, device: str) -> None:
        """Its VMDK is made anew; the record goes first, so that no half of one counts."""
        (self.path / f"{device}.vmdk.json").unlink(missing_ok=True)
        self.vmdk(device).unlink(missing_ok=True)

    def disks(self) -> list[DiskRecord]:
        """Every disk that was begun, by name."""
        found = [self.disk(path.stem) for path in sorted(self.path.glob("disk*.json"))
                 if path.suffixes == [".json"]]  # fmt: skip
        return [one for one in found if one is not None]

    def package(self) -> PackageRecord | None:
        """The package's tag, if it is there and what bears its name is what was written.

        Both are read afresh.
        """
        record = records.read(self.path / "package.json", PackageRecord)
        if record is None or Path(record.package).name != record.package:
            return None
        if not all(_DEVICE.fullmatch(device) for device in record.devices):
            return None
        goal = self.folder / record.package
        head = package.read_head(goal)
        if head is None or head.digest != record.head:
            return None
        return record if record.named or self._was_named(goal) else None

    def _was_named(self, goal: Path) -> bool:
        """A killed run gave the name, and did not write that down: what it assembled is there."""
        try:
            return self.assembling.samefile(goal)
        except FileNotFoundError:
            return True  # by a rename, where the file system has no links

    def put_package(self, record: PackageRecord) -> None:
        """Write it down."""
        records.write(self.path / "package.json", record)

    def remove_disk(self, device: str) -> None:
        """All of a disk, its record first: what has none is not looked at."""
        for name in (f"{device}.json", f"{device}.vmdk.json", f"{device}.raw", f"{device}.vmdk"):
            (self.path / name).unlink(missing_ok=True)

    def remove(self) -> None:
        """The whole folder."""
        self._no_links()
        try:
            shutil.rmtree(self.path)
        except FileNotFoundError:
            return
        except OSError as error:
            raise no_room(self.path, error) from None

    def kept(self) -> list[Path]:
        """Lasting copies that are whole."""
        return sorted(self.kept_path.glob("disk*.vmdk"))

    def remove_kept(self) -> list[Path]:
        """Lasting copies, and what was begun of one; answer those that were whole."""
        self._no_links()
        whole = self.kept()
        try:
            shutil.rmtree(self.kept_path)
        except FileNotFoundError:
            return []
        except OSError as error:
            raise no_room(self.kept_path, error) from None
        return whole

    def make(self) -> None:
        """The folder itself, which nobody else may look into.

        Raises Conflict where a link stands in its place.
        """
        self._no_links()
        try:
            (self.folder / HIDDEN).mkdir(mode=0o700, exist_ok=True)
            self.path.mkdir(mode=0o700, exist_ok=True)
        except OSError as error:
            raise no_room(self.path, error) from None

    @contextmanager
    def alone(self) -> Iterator[None]:
        """Nobody else assembles, keeps or removes this migration's things meanwhile."""
        file = self._locked()
        try:
            yield
        finally:
            os.close(file)

    def _locked(self) -> int:
        """The folder, held; who waited for one that was removed meanwhile takes the next."""
        while True:
            self.make()
            try:
                file = os.open(self.path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
            except FileNotFoundError:
                continue
            except OSError as error:
                raise no_room(self.path, error) from None
            fcntl.flock(file, fcntl.LOCK_EX)
            with suppress(FileNotFoundError):
                if os.path.samestat(os.fstat(file), self.path.stat()):
                    return file
            os.close(file)

    def _no_links(self) -> None:
        """Whoever may write to the folder could lead what is written or removed elsewhere."""
        kept = self.kept_path
        for path in (self.path.parent, self.path, kept.parent, kept):
            if path.is_symlink():
                raise Conflict(
                    f"{path} is a link: nothing is written or removed through one.",
                    "Find out who made it; take it away, then run the same command again.",
                )


def migrations(folder: Path) -> list[Staging]:
    """Every migration that has anything under the folder."""
    hidden = folder / HIDDEN
    names = set[str]()
    for room in (hidden, hidden / KEPT):
        if room.is_dir():
            names |= {path.name for path in room.iterdir() if path.is_dir()}
    return [Staging(folder, name) for name in sorted(names - {KEPT}) if _SAFE.fullmatch(name)]
