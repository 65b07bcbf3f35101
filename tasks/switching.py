"""Production is handed to the new machine: its groups, the source's tag, its start, and checks."""

import time
from collections.abc import Sequence

from coldferry import checks, cutover
from coldferry.abilities import Trying
from coldferry.checks import CheckResult
from coldferry.cutover import Ready
from coldferry.erasing import now
from coldferry.errors import Gone
from coldferry.migration import Marks
from coldferry.moved import KEEP_DAYS, cut_over
from coldferry.ports import Arrived
from tasks.clouds import Cloud
from tasks.steps import step


@step("look ahead", early=True)
def look_ahead(source: Cloud, vm: str, target: Cloud, migration: str) -> Ready:
    """See :func:`coldferry.cutover.look_ahead`."""
    return cutover.look_ahead(source.source(), vm, target.target(), migration)


@step("open up")
def open_up(target: Cloud, migration: str, groups: Sequence[str]) -> None:
    """Put the new machine behind its real security groups instead of deny-all."""
    target.target().open_up(migration, groups)


@step("tag as moved")
def tag_as_moved(source: Cloud, vm: str, migration: str, keep_days: int = KEEP_DAYS) -> Marks:
    """Say on the source that the new machine takes over, before it does; since when stays.

    Until when the way back is kept is said there, too: ``finalise`` goes by it.
    """
    cloud = source.source()
    marks = cloud.marks(vm)
    if marks is None or marks.migration != migration:
        raise Gone(f"{vm} no longer says that it was moved as {migration}.")
    moved = cut_over(marks, keep_days, now())
    if moved != marks:
        cloud.mark(vm, moved)
    return moved


@step("start the new machine")
def start_new(target: Cloud, migration: str) -> Arrived:
    """Start it, and answer how it is then. Raises Refused once it is on its way elsewhere.

    A boot check that was killed may have left a copy that runs, and holds its disks.
    """
    cloud = target.target()
    arrived = _arrived(target, migration)
    if isinstance(cloud, Trying):
        cloud.end_trial(migration)
    cutover.confirm_stayed(cloud, arrived.vm, migration)  # one may have begun since the look
    cloud.start(arrived.vm)
    return _arrived(target, migration)


@step("check")
def check(target: Cloud, migration: str, asked: str, deadline: float) -> CheckResult:
    """One check, tried until it passes or ``deadline`` (``time.monotonic``) is over."""
    arrived = _arrived(target, migration)
    told = {
        "COLDFERRY_MIGRATION": migration,
        "COLDFERRY_VM": arrived.vm,
        "COLDFERRY_ADDRESS": arrived.address,
    }
    return checks.carry_out(asked, arrived.address, deadline, told)


def check_all(
    target: Cloud, migration: str, asked: Sequence[str], within_s: float
) -> list[CheckResult]:
    """Each in turn; ``within_s`` is for all of them together, and each is tried at least once."""
    deadline = time.monotonic() + within_s
    return [check(target, migration, one, deadline) for one in asked]


def _arrived(target: Cloud, migration: str) -> Arrived:
    found = target.target().arrived(migration)
    if found is None:
        raise Gone(f"The machine that {migration} made is not at the target any more.")
    return found
