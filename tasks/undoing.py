"""The way back: only what bears the migration's tag is removed, and nothing before all was seen."""

from coldferry.errors import BadInput, Refused, UnknownMachine
from coldferry.inspecting import inspection_of
from coldferry.migration import HELD_AT_TARGET, Marks, pair_of
from coldferry.ports import Owned
from providers.manifests import open_folder
from tasks.clouds import Cloud
from tasks.steps import step


@step("look back", early=True)
def look_back(
    source: Cloud, vm: str, target: Cloud, migration: str, *, discard_used: bool
) -> Marks | None:
    """What the source says of the migration, None when the machine is gone; changes nothing.

    Raises BadInput when the migration is not this machine's to this target,
    and Refused naming everything that would be lost or cannot be removed.
    """
    origin, goal = source.source(), target.target()
    if vm and f"-{pair_of(origin, vm, goal)}-a" not in migration:
        raise BadInput(
            f"{migration} is not the migration of {vm} to this target.",
            "See 'coldferry status' for what it is of.",
        )
    marks, there = _marks(source, vm)
    if not there and not discard_used:
        raise Refused(
            f"The machine that {migration} came from is gone: what is at the target, and its "
            "snapshots, may be the only copy.",
            "Keep them. Give --discard-used only to remove the last copy all the same.",
        )
    arrived = not there or (marks is not None and marks.state in HELD_AT_TARGET)
    stakes = goal.at_stake(migration, arrived=arrived)
    held = [finding for finding in stakes if finding.severity == "refuse"]
    used = [finding for finding in stakes if finding.severity != "refuse"]
    if held:
        raise Refused.because(held)
    if used and not discard_used:
        raise Refused(
            f"What {migration} made was used after its proof: its disks may hold data that is "
            f"nowhere else. {' '.join(finding.what for finding in used)}",
            "Save that data, then give --discard-used to remove it all the same.",
            findings=used,
        )
    return marks if marks is not None and marks.migration == migration else None


def _marks(source: Cloud, vm: str) -> tuple[Marks | None, bool]:
    """The marks, and whether the machine is there."""
    if not vm:
        return None, False
    try:
        return source.source().marks(vm), True
    except UnknownMachine:
        return None, False


@step("discard")
def discard(target: Cloud, migration: str) -> list[Owned]:
    """Remove what the migration made at the target."""
    return target.target().discard(migration)


def forget(migration: str) -> None:
    """Remove its manifests: they are of disks that are no more."""
    open_folder().forget(migration)


@step("release")
def release(source: Cloud, migration: str) -> list[Owned]:
    """Delete the frozen disks at the source, and what an inspection that was killed left there."""
    cloud = source.source()
    return [*cloud.release(migration), *cloud.release(inspection_of(migration))]


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
    every = [*origin.owned(migration), *goal.owned(migration)]
    every += origin.owned(inspection_of(migration))
    return power, [{"kind": one.kind, "id": one.id} for one in every]
