"""A machine that was moved is not started beside the one that took over."""

from datetime import UTC, datetime, timedelta

from coldferry.errors import Refused
from coldferry.migration import MOVED, Marks
from coldferry.ports import Machines, is_source


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


def due_at(marks: Marks, keep_days: int) -> datetime | None:
    """When the way back may be given up; None when the tag does not say when it was cut over."""
    try:
        moved = datetime.fromisoformat(marks.moved_at or "")
        moved = moved if moved.tzinfo else moved.replace(tzinfo=UTC)
        return moved + timedelta(days=keep_days)
    except (ValueError, OverflowError):
        return None
