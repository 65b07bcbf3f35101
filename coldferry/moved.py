"""A machine that was moved is not started beside the one that took over."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from coldferry.errors import Refused
from coldferry.migration import MOVED, Marks, State
from coldferry.ports import Machines, is_source

KEEP_DAYS = 14
"""How long the way back is kept after a cutover, unless somebody says otherwise."""

MAX_KEEP_DAYS = 3650


def refuse_moved(cloud: Machines, vm: str) -> None:
    """Raise Refused when its marks say that another machine has taken over."""
    marks = cloud.marks(vm) if is_source(cloud) else None
    if marks is not None and marks.state in MOVED:
        raise still_moved(vm, marks)


def still_moved(vm: str, marks: Marks) -> Refused:
    """Why it is not started, and what to do instead."""
    way = (
        f"To go back to it: 'coldferry rollback {marks.migration}'."
        if marks.state not in MOVED or marks.power_before
        else "Its way back ended when it was finalised."
    )
    return Refused(
        f"{vm} was moved as {marks.migration}, which is {marks.state}: the new machine has taken "
        "over, and what both write no copy would hold.",
        f"{way} 'coldferry start … --although-moved' starts it all the same.",
    )


def due_at(marks: Marks, keep_days: int | None = None) -> datetime | None:
    """When the way back may be given up; None when the tag does not say when it was cut over.

    The day that the cutover wrote down counts, unless somebody says how many days it is
    to be now (``keep_days``).
    """
    if keep_days is None and (written := _moment(marks.keep_until)) is not None:
        return written
    moved = _moment(marks.moved_at)
    try:
        kept = timedelta(days=KEEP_DAYS if keep_days is None else keep_days)
        return None if moved is None else moved + kept
    except OverflowError:
        return None


def cut_over(marks: Marks, keep_days: int, at: str) -> Marks:
    """The marks of a machine whose successor takes over at ``at`` (ISO 8601).

    Of one that was cut over before, the moment stays, and a day that was promised
    is never made an earlier one.
    """
    if marks.state is State.FINALISED:
        return marks
    moved_at = marks.moved_at if marks.state is State.CUT_OVER else at
    marks = replace(marks, state=State.CUT_OVER, moved_at=moved_at)
    due, before = due_at(marks, keep_days), _moment(marks.keep_until)
    if due is None or (before is not None and before >= due):
        return marks
    return replace(marks, keep_until=due.isoformat(timespec="seconds").replace("+00:00", "Z"))


def _moment(text: str | None) -> datetime | None:
    try:
        found = datetime.fromisoformat(text or "")
    except ValueError:
        return None
    return found if found.tzinfo else found.replace(tzinfo=UTC)
