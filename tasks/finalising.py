"""The way back is given up: what it needed is removed, and each erasure is written down."""

from collections.abc import Sequence

from coldferry import finalising
from coldferry.abilities import Removing, Trying
from coldferry.erasing import EraseRecord
from coldferry.errors import Refused, UnknownMachine
from coldferry.finalising import Holding
from coldferry.migration import Marks, State, frozen_words
from coldferry.ports import Erased, Owned
from coldferry.removing import SOURCE_DISK, SOURCE_INTERFACE, SOURCE_MACHINE, Brought
from tasks.approvals import recall_now
from tasks.clouds import Cloud
from tasks.rehearsing import clear_rehearsal
from tasks.steps import step


@step("weigh", early=True)
def weigh(
    source: Cloud,
    vm: str,
    target: Cloud,
    migration: str,
    keep_days: int | None = None,
    source_gone: bool = False,
    brought: Brought | None = None,
) -> Holding:
    """See :func:`coldferry.finalising.weigh`."""
    return finalising.weigh(
        source.source(), vm, target.target(), migration, keep_days,
        source_gone=source_gone, brought=brought,
    )  # fmt: skip


def what_came_over(migration: str) -> Brought:
    """The source's disks that its approved plan copied, and its new machine.

    Raises Refused when the approval is lost: then nobody knows what was copied.
    """
    approval = recall_now(migration)
    if approval is None:
        raise Refused(
            f"Which disks {migration} copied is not known any more: its approval is not at this "
            "Prefect server.",
            "Finalise without removing the source machine, and remove that by hand.",
        )
    plan = approval.plan
    return Brought(tuple(device.disk.id for device in plan.devices), str(plan.value("name")))


@step("remove the source machine")
def remove_source(source: Cloud, vm: str, migration: str, copied: Sequence[str]) -> list[Erased]:
    """Remove the source machine and those of its disks that were copied, as a fresh read has it."""
    cloud = source.source()
    return cloud.remove(vm, migration, copied) if isinstance(cloud, Removing) else []


@step("look once more")
def left_over(
    source: Cloud, target: Cloud, migration: str, begun: Sequence[Owned] = ()
) -> list[Owned]:
    """What is still there of all that was to be erased, on a fresh read.

    ``begun`` are all that any run of this migration was going to erase.
    """
    origin, goal = source.source(), target.target()
    frozen = [one for word in frozen_words(migration) for one in origin.frozen(word)]
    kinds = (SOURCE_MACHINE, SOURCE_DISK, SOURCE_INTERFACE)
    leaving = [one for one in begun if one.kind in kinds]
    if leaving and isinstance(origin, Removing):
        frozen += origin.remaining(leaving)
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
    """Remove what only the migration needed; what stays at the target is no longer ours.

    What a boot check or a rehearsal left that was killed goes, too.
    """
    cloud = target.target()
    rehearsed = clear_rehearsal(cloud, migration)
    tried = cloud.end_trial(migration) if isinstance(cloud, Trying) else []
    return [*rehearsed, *tried, *cloud.hand_over(migration)]


@step("erase kept copies")
def erase_kept(target: Cloud, migration: str) -> list[Erased]:
    """Delete the lasting copies of a discarded target's disks."""
    return target.target().erase_kept(migration)


def begin_record(holding: Holding) -> EraseRecord:
    """The record, with everything that is going to be erased written down."""
    record = EraseRecord(holding.migration)
    record.begin(holding.everything)
    return record
