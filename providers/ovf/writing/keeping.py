"""Lasting copies of a package's disks, as the VMDKs that they are."""

from pathlib import Path

from coldferry.errors import Conflict
from coldferry.ports import KEPT_COPY, Owned
from providers.ovf.writing import archive, package, records
from providers.ovf.writing.archive import Place
from providers.ovf.writing.raw import no_room
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
            places = package.read_places(path)
            for device in made.devices:
                packed = staging.packed(device)
                if packed is not None:
                    _copy(path, places[packed.name], staging.kept_path / f"{device}.vmdk")
    return kept(staging)


def kept(staging: Staging) -> list[Owned]:
    """Those that are whole."""
    return [Owned(staging.migration, KEPT_COPY, str(path)) for path in staging.kept()]


def _copy(path: Path, place: Place, goal: Path) -> None:
    if goal.exists():
        return
    beside = goal.with_name(f".{goal.name}.new")
    try:
        goal.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        archive.extract(path, place, beside)
        beside.replace(goal)
        records.sync_folder(goal.parent)
    except OSError as error:
        raise no_room(goal, error) from None
