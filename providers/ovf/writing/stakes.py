"""What becomes of a package afterwards: whether it is as planned, what a discard would lose."""

from collections.abc import Iterator
from pathlib import Path

from coldferry.errors import CorruptCopy, Finding
from coldferry.machine import Origin
from coldferry.migration import State
from coldferry.plan import Plan
from providers.ovf import sidecar
from providers.ovf.writing import making, package
from providers.ovf.writing.records import PackageRecord
from providers.ovf.writing.staging import Staging

_STAYED = frozenset({State.REJECTED, State.ROLLED_BACK})


def differences(staging: Staging, plan: Plan, origin: Origin) -> Iterator[Finding]:
    """What of the package is not as planned; its disks are read again if it was written to."""
    made = staging.package()
    name = f"{plan.value('name')}.ova"
    if made is None:
        what = f"{name} is gone, or is another than the one that was made."
        yield Finding("warn", "package", name, what, "Look who writes to the folder.")
        return
    packed = [one for device in plan.devices if (one := staging.packed(device.name)) is not None]
    path = staging.folder / made.package
    head = package.read_head(path)
    _, text = making.descriptor(plan, origin, packed)
    if head is None or head.descriptor != text:
        what = f"The descriptor in {made.package} is not the plan's."
        yield Finding("warn", "descriptor", made.package, what, "Look who writes to the folder.")
    if made.running:
        what = f"{made.package} was given out: it may be deployed somewhere."
        yield Finding("warn", "power", made.package, what)
    if making.standing(path) == made.stood:
        return
    try:
        package.prove(path, package.read_places(path), packed)
    except CorruptCopy as altered:
        yield Finding("warn", "altered", made.package, altered.what, altered.do)


def at_stake(folder: Path, made: PackageRecord | None) -> list[Finding]:
    """See ``Target.at_stake``: a package that moved on, or that was given out."""
    if made is None:
        return []
    return [*_moved_on(folder / made.package), *_given_out(made)]


def _moved_on(package: Path) -> Iterator[Finding]:
    """It is the source of a migration of its own by now, or was: another may run in its place."""
    for marks in sidecar.read(package).marks.values():
        if marks.state not in _STAYED:
            yield Finding(
                "refuse", "moved-on", package.name,
                f"{package.name} is the source of {marks.migration}, which is {marks.state}.",
                f"Go on with it, or undo it first with 'coldferry rollback {marks.migration}'.",
            )  # fmt: skip


def _given_out(made: PackageRecord) -> Iterator[Finding]:
    """What it was deployed as may hold newer data."""
    if made.starts:
        yield Finding(
            "warn", "used", made.package,
            f"{made.package} was given out: a machine that was deployed from it may hold data "
            "that is nowhere else, and is out of Coldferry's sight.",
            "Stop that machine by its own means before the source is started again.",
        )  # fmt: skip
