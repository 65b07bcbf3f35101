"""What becomes of a package afterwards: whether it is as planned, what a discard would lose."""

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

from coldferry.errors import CorruptCopy, Finding
from coldferry.machine import Origin
from coldferry.plain import size
from coldferry.plan import Plan
from providers.ovf.writing import making, package
from providers.ovf.writing.records import PackageRecord
from providers.ovf.writing.staging import HIDDEN, Staging

_LEAST_BYTES = 64 << 20
_TIMES = 3
"""Of the data: while it is raw, while it is deflated, and in the package."""


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


def at_stake(made: PackageRecord | None) -> list[Finding]:
    """Nothing is, but where it was given out: what it was deployed as may hold newer data."""
    if made is None or not made.starts:
        return []
    return [
        Finding(
            "warn", "used", made.package,
            f"{made.package} was given out: a machine that was deployed from it may hold data "
            "that is nowhere else, and is out of Coldferry's sight.",
            "Stop that machine by its own means before the source is started again.",
        )
    ]  # fmt: skip


def faults(folder: Path, staging: Staging, plan: Plan) -> Iterator[Finding]:
    """What would make writing fail."""
    name = plan.value("name")
    made = staging.package()
    goal = folder / f"{name}.ova"
    if name is not None and goal.exists() and (made is None or made.package != goal.name):
        yield Finding(
            "refuse", "name-taken", goal.name,
            f"There is a package {goal.name} already, and this migration did not make it.",
            "Move it away, or roll back and answer 'name' otherwise.",
        )  # fmt: skip
    if made is not None:
        return
    needed = _TIMES * sum(device.disk.size_bytes for device in plan.devices)
    free = shutil.disk_usage(folder).free
    if free < _LEAST_BYTES:
        yield Finding(
            "refuse", "no-room", str(folder), f"{folder} has {size(free)} left.", "Make room."
        )
    elif free < needed:
        yield Finding(
            "warn", "little-room", str(folder),
            f"{folder} has {size(free)} left; {size(needed)} are needed if the disks are full of "
            f"data that cannot be made smaller: once as they are (in {HIDDEN}, until the package "
            "is made), and twice deflated.",
            "A migration that runs out of room goes on from there once there is some.",
        )  # fmt: skip


def unusable(folder: Path) -> list[Finding]:
    """That the folder cannot be written; empty when it can. Nothing is made in it."""
    if folder.is_dir() and os.access(folder, os.R_OK | os.W_OK | os.X_OK):
        return []
    return [
        Finding(
            "refuse", "folder", str(folder), f"{folder} is no folder that can be written.",
            "Name one that is there and can be written.",
        )
    ]  # fmt: skip
