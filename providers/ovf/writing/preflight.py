"""What would make writing a package fail; nothing is made in its folder."""

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

from coldferry.errors import Finding
from coldferry.plain import size
from coldferry.plan import Plan
from providers.ovf.writing.staging import HIDDEN, Staging

_LEAST_BYTES = 64 << 20
_TIMES = 3
"""Of the data: while it is raw, while it is deflated, and in the package."""


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
