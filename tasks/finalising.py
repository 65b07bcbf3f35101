"""The way back is given up: what it needed is removed, and each erasure is written down."""

from coldferry import finalising
from coldferry.erasing import EraseRecord
from coldferry.errors import UnknownMachine
from coldferry.finalising import Holding
from coldferry.migration import Marks, State
from coldferry.ports import Erased, Owned
from tasks.clouds import Cloud
from tasks.steps import step


@step("weigh", early=True)
def weigh(source: Cloud, vm: str, target: Cloud, migration: str, keep_days: int) -> Holding:
    """See :func:`coldferry.finalising.weigh`."""
    return finalising.weigh(source.source(), vm, target.target(), migration, keep_days)


@step("look once more")
def left_over(source: Cloud, target: Cloud, migration: str) -> list[Owned]:
    """What is still there of all that was to be erased, on a fresh read."""
    goal = target.target()
    frozen = source.source().owned(migration)
    return [*frozen, *goal.temporary(migration), *goal.kept(migration)]


@step("tag as finalised")
def tag_as_finalised(source: Cloud, vm: str, migration: str) -> None:
    """Say it on the source, where that is still there; since when it was moved stays."""
    cloud = source.source()
    try:
        marks = cloud.marks(vm)
    except UnknownMachine:
        return
    if marks is not None and marks.migration == migration:
        cloud.mark(vm, Marks(migration, State.FINALISED, moved_at=marks.moved_at))


@step("hand over")
def hand_over(target: Cloud, migration: str) -> list[Erased]:
    """Remove what only the migration needed; what stays at the target is no longer ours."""
    return target.target().hand_over(migration)


@step("erase kept copies")
def erase_kept(target: Cloud, migration: str) -> list[Erased]:
    """Delete the lasting copies of a discarded target's disks."""
    return target.target().erase_kept(migration)


def begin_record(holding: Holding) -> EraseRecord:
    """The record, with everything that is going to be erased written down."""
    record = EraseRecord(holding.migration)
    record.begin([*holding.frozen, *holding.at_target])
    return record
