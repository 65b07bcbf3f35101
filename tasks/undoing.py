"""The way back: only what bears the migration's tag is removed, and nothing before all was seen."""

from dataclasses import dataclass
from typing import Literal

from coldferry.abilities import Trying
from coldferry.boot_check import trial_of
from coldferry.cutover import confirm_own
from coldferry.errors import Finding, Refused, UnknownMachine
from coldferry.migration import HELD_AT_TARGET, Marks, State, frozen_words
from coldferry.ports import FOREIGN, Erased, Owned, PowerState
from providers.manifests import open_folder
from tasks.clouds import Cloud
from tasks.rehearsing import clear_rehearsal
from tasks.steps import step

DISCARD = "discard"
STOP = "stop"

TargetWrites = Literal["", "discard", "stop"]
"""What becomes of what the new machine wrote; empty: a person is asked."""


@dataclass(frozen=True)
class Way:
    """What a rollback goes over.

    ``marks`` are None when the source is gone, or says another migration.
    ``keep``: the target's disks were written to, and are copied before they
    are removed; ``used`` says by what they are known to have been. ``beside`` is what a
    person put at the new machine: it is not removed with it.
    """

    marks: Marks | None
    keep: bool
    used: tuple[Finding, ...] = ()
    beside: tuple[Finding, ...] = ()


@step("look back", early=True)
def look_back(
    source: Cloud,
    vm: str,
    target: Cloud,
    migration: str,
    discard_used: bool = False,
    target_writes: TargetWrites = "",
) -> Way:
    """What the way back goes over; changes nothing.

    Raises BadInput when the migration is not this machine's to this target,
    and Refused naming everything that would be lost or cannot be removed, or
    that it was finalised.
    """
    origin, goal = source.source(), target.target()
    if vm:
        confirm_own(origin, vm, goal, migration)
    marks, there = _marks(source, vm)
    if not there and not discard_used:
        raise Refused(
            f"The machine that {migration} came from is gone: what is at the target, and its "
            "snapshots, may be the only copy.",
            "Keep them. Give --discard-used only to remove the last copy all the same.",
        )
    own = marks if marks is not None and marks.migration == migration else None
    if own is not None and own.state is State.FINALISED:
        raise Refused(
            f"{migration} was finalised: its frozen disks are gone, and the new machine is no "
            "longer ours to remove.",
            "Move it back as a machine of its own.",
        )
    arrived = not there or (marks is not None and marks.state in HELD_AT_TARGET)
    stakes = goal.at_stake(migration, arrived=arrived)
    if held := [finding for finding in stakes if finding.severity == "refuse"]:
        raise Refused.because(held)
    beside = tuple(finding for finding in stakes if finding.code == FOREIGN)
    used = [one for one in stakes if one.severity != "refuse" and one.code != FOREIGN]
    moved = own is not None and own.state is State.CUT_OVER
    if moved and used:
        return Way(own, keep=True, used=tuple(used), beside=beside)
    if used and not discard_used and target_writes != DISCARD:
        raise Refused(
            f"What {migration} made was used after its proof: its disks may hold data that is "
            f"nowhere else. {' '.join(finding.what for finding in used)}",
            "Save that data, then give --discard-used to remove it all the same.",
            findings=used,
        )
    return Way(own, bool(used) and target_writes == DISCARD, tuple(used), beside)


@step("keep")
def keep(target: Cloud, migration: str) -> list[Owned]:
    """Stop the new machine, and make a lasting copy of each of its disks."""
    cloud = target.target()
    if (arrived := cloud.arrived(migration)) is not None:
        cloud.stop(arrived.vm)
    return cloud.keep(migration)


@step("stop the new machine")
def stop_new(target: Cloud, migration: str) -> str:
    """Before the source is started again; the new machine's id, "" where there is none."""
    cloud = target.target()
    arrived = cloud.arrived(migration)
    if arrived is None:
        return ""
    if arrived.power is not PowerState.STOPPED:
        cloud.stop(arrived.vm)
    return arrived.vm


def _marks(source: Cloud, vm: str) -> tuple[Marks | None, bool]:
    """The marks, and whether the machine is there."""
    if not vm:
        return None, False
    try:
        return source.source().marks(vm), True
    except UnknownMachine:
        return None, False


@step("discard")
def discard(target: Cloud, migration: str) -> list[Erased]:
    """Remove what it made at the target, and what a killed boot check or rehearsal left."""
    cloud = target.target()
    rehearsed = clear_rehearsal(cloud, migration)
    tried = cloud.end_trial(migration) if isinstance(cloud, Trying) else []
    return [*rehearsed, *tried, *cloud.discard(migration)]


def forget(migration: str) -> None:
    """Remove its manifests: they are of disks that are no more."""
    for word in frozen_words(migration):
        open_folder().forget(word)


@step("release")
def release(source: Cloud, migration: str) -> list[Erased]:
    """Delete the frozen disks at the source, also what an inspection that was killed left there."""
    cloud = source.source()
    return [one for word in frozen_words(migration) for one in cloud.release(word)]


@step("look what is left")
def left_over(
    source: Cloud, vm: str, target: Cloud, migration: str
) -> tuple[str, list[dict[str, str]]]:
    """The source's power now, and everything that bears the migration's tag at either end."""
    origin, goal = source.source(), target.target()
    try:
        power = origin.power(vm).value if vm else "gone"
    except UnknownMachine:
        power = "gone"
    every = [*goal.owned(migration), *goal.owned(trial_of(migration))]
    every += [one for word in frozen_words(migration) for one in origin.owned(word)]
    return power, [{"kind": one.kind, "id": one.id} for one in every]
