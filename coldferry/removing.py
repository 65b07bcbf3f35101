"""Removing the source machine for good, once another has taken over from it."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime

from coldferry.abilities import Removing
from coldferry.errors import BadInput, Finding, Refused
from coldferry.migration import MOVED, Marks
from coldferry.moved import due_at
from coldferry.ports import Owned, Source

SOURCE_MACHINE = "source machine"
SOURCE_DISK = "source disk"
SOURCE_INTERFACE = "source interface"


@dataclass(frozen=True)
class Brought:
    """What an approved plan brought over: the source's ``disks`` by id, and the new machine's name.

    The name is what finds the new machine once it bears no tag of ours any more.
    """

    disks: tuple[str, ...]
    name: str


def what_goes(
    source: Source, vm: str, migration: str, copied: Collection[str]
) -> tuple[tuple[Owned, ...], list[Finding]]:
    """The machine, its disks and what else goes with it, and what a person should know before.

    Raises Refused where the source cannot remove machines, or naming everything that stands
    against it.
    """
    if not isinstance(source, Removing):
        raise Refused(
            f"Machines at {source.provider} are not removed by this release.",
            f"Finalise without --remove-source, and remove {vm} by hand.",
        )
    removal = source.removal(vm, migration, copied)
    if held := [one for one in removal.findings if one.severity == "refuse"]:
        raise Refused.because(held)
    return removal.things, list(removal.findings)


def confirm_same(vm: str, said: str) -> None:
    """Raise BadInput when the id that was said again is not the machine's."""
    if said and vm and said != vm:
        raise BadInput(
            f"'{said}' is not the machine that would be removed: that is {vm}.",
            "Give its id exactly, or leave the machine where it is.",
        )


def not_moved(vm: str, migration: str, marks: Marks | None) -> list[Finding]:
    """That its tags, as of now, do not say that this migration took over."""
    if marks is not None and marks.migration == migration and marks.state in MOVED:
        return []
    return [
        Finding(
            "refuse", "not-moved", vm,
            f"The tags of {vm} do not say that {migration} took over from it.",
            "Only a machine that was cut over is removed.",
        )
    ]  # fmt: skip


def newer(vm: str, marks: Marks, used: Iterable[datetime | None]) -> list[Finding]:
    """That its disks may hold what the new machine does not have.

    ``used`` are the moments at which it was started or got a disk. A cloud tells them, and the
    tag the cutover, in whole seconds: what falls into the same one counts as later.
    """
    moved = due_at(marks, 0)
    if moved is None:
        return [
            Finding(
                "refuse", "moved-untold", vm,
                f"The tags of {vm} do not say when it was cut over: whether it ran since, nobody "
                "can tell.",
                "See that its disks hold nothing newer, then remove it by hand.",
            )
        ]  # fmt: skip
    last = max((one for one in used if one is not None), default=None)
    if last is None or last.astimezone(UTC) < moved:
        return []
    return [
        Finding(
            "refuse", "used-since", vm,
            f"{vm} was started, or got a disk, at {last.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC, "
            f"and was cut over at {moved:%Y-%m-%d %H:%M:%S} UTC: its disks may hold newer data.",
            "Save what the new machine does not have, then remove it by hand.",
        )
    ]  # fmt: skip


def still_runs(vm: str, power: str) -> Finding:
    """A machine that is not stopped is not removed."""
    return Finding("refuse", "source-runs", vm, f"{vm} is {power}.", "See why, and stop it.")


def not_copied(vm: str, disk: str) -> Finding:
    """A disk at the machine that no proven copy was made of."""
    return Finding(
        "refuse", "foreign-disk", disk,
        f"The disk {disk} is attached to {vm}, and was not copied by this migration.",
        "Detach it, or remove the machine by hand.",
    )  # fmt: skip


def away(vm: str, disk: str) -> Finding:
    """A disk that was copied and is not at the machine any more: it is not looked for."""
    return Finding(
        "warn", "disk-away", disk,
        f"The disk {disk} was copied, and is not attached to {vm} any more: it stays.",
    )  # fmt: skip
