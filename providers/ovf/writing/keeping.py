"""Lasting copies of a package's disks, as the VMDKs that they are."""

import os
from pathlib import Path

from coldferry.errors import Conflict, CorruptCopy, Gone
from coldferry.ports import KEPT_COPY, Owned
from providers.ovf.writing import archive, package, records
from providers.ovf.writing.archive import Place
from providers.ovf.writing.raw import no_room
from providers.ovf.writing.records import PackedRecord
from providers.ovf.writing.staging import Staging


def keep(staging: Staging) -> list[Owned]:
    """See :meth:`coldferry.ports.Target.keep`. Nothing writes to a package once it is made."""
    made = staging.package()
    if made is not None:
        if made.running:
            raise Conflict(
                f"{made.package} is given out.", "Stop it first: then it counts as taken back."
            )
        with staging.alone():
            path = staging.folder / made.package
            for device in made.devices:
                packed = staging.packed(device)
                if packed is None:
                    raise Gone(
                        f"What was written down of {device} in {made.package} is gone.",
                        "Move the package to where you keep it; then go on without copies.",
                    )
                _copy(path, packed, staging.kept_path / f"{device}.vmdk")
    return kept(staging)


def kept(staging: Staging) -> list[Owned]:
    """Those that are whole."""
    return [Owned(staging.migration, KEPT_COPY, str(path)) for path in staging.kept()]


def _copy(path: Path, disk: PackedRecord, goal: Path) -> None:
    """Raises CorruptCopy for a copy that is not what was proven: the package goes next."""
    beside = goal.with_name(f".{goal.name}.new")
    try:
        if goal.exists() and _holds(goal, disk):
            return
        goal.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        archive.extract(path, package.place_of(path, disk), beside)
        if not _holds(beside, disk):
            beside.unlink()
            raise CorruptCopy(
                f"The copy of {disk.name} is not what was proven: the package stays.",
                "Look at the disk that the folder is on, then run the same command again.",
            )
        beside.replace(goal)
        records.sync_folder(goal.parent)
    except OSError as error:
        raise no_room(goal, error) from None


def _holds(path: Path, disk: PackedRecord) -> bool:
    """Read from the disk where that can be, as a package is proven."""
    with path.open("rb") as file:
        os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)
        size_bytes = os.fstat(file.fileno()).st_size
        return package.digest_of(file.fileno(), Place("", 0, size_bytes)) == disk.sha256
