"""What must hold before production is handed to the new machine, and which groups it gets."""

from collections.abc import Sequence
from dataclasses import dataclass

from coldferry.errors import BadInput, ColdferryError, Failed, Finding, Refused
from coldferry.migration import Marks, State, pair_of
from coldferry.ports import FOREIGN, Arrived, PowerState, Source, Target, is_source

NO_GROUP = "none"
"""Said for an interface that gets no security group of its own."""

_READY = frozenset({State.ALLOCATED, State.CUT_OVER})

_STAYED = frozenset({State.REJECTED, State.ROLLED_BACK})
"""A next move that ended so has left the machine where it is."""


@dataclass(frozen=True)
class Ready:
    """A finished move that may be cut over, or one that was and is gone on with."""

    migration: str
    vm: str
    marks: Marks
    arrived: Arrived
    remarks: tuple[Finding, ...]

    @property
    def begun(self) -> bool:
        """Somebody said go before: the source is tagged as moved."""
        return self.marks.state is State.CUT_OVER


def look_ahead(source: Source, vm: str, target: Target, migration: str) -> Ready:
    """What is there, and what a person should know before it is cut over; changes nothing.

    Raises BadInput when the migration is not this machine's, Refused when it may not be cut over.
    """
    confirm_own(source, vm, target, migration)
    marks = source.marks(vm)
    if marks is None or marks.migration != migration or marks.state not in _READY:
        state = "unknown" if marks is None or marks.migration != migration else marks.state
        raise Refused(
            f"{migration} is {state}: only a finished move, which is allocated, can be cut over.",
            "Finish it first; 'coldferry status' says where it stands.",
        )
    arrived = target.arrived(migration)
    if arrived is None:
        raise Refused(
            f"The machine that {migration} made is not at the target any more.",
            f"Undo the migration with 'coldferry rollback {migration}', then migrate again.",
        )
    confirm_stayed(target, arrived.vm, migration)
    remarks = _source_remarks(source, vm, migration)
    if marks.state is State.ALLOCATED:
        remarks += _target_remarks(target, migration)
    return Ready(migration, vm, marks, arrived, tuple(remarks))


def confirm_own(source: Source, vm: str, target: Target, migration: str) -> None:
    """Raise BadInput when the migration is not this machine's to this target."""
    if f"-{pair_of(source, vm, target)}-a" not in migration:
        raise BadInput(
            f"{migration} is not the migration of {vm} to this target.",
            "See 'coldferry status' for what it is of.",
        )


def confirm_stayed(target: Target, new_vm: str, migration: str) -> None:
    """Raise Refused when the new machine is the source of a move of its own by now.

    Started here, it would run beside the machine that it becomes, or amid its own copy.
    """
    marks = target.marks(new_vm) if is_source(target) else None
    if marks is None or marks.state in _STAYED:
        return
    raise Refused(
        f"{new_vm}, which {migration} made, is itself the source of {marks.migration}, which is "
        f"{marks.state}: it is not started beside that.",
        f"'coldferry status {marks.migration}' says where it went."
        if marks.state is State.FINALISED
        else f"Go on with {marks.migration}, or undo it with 'coldferry rollback "
        f"{marks.migration}', which starts {new_vm} as it was.",
    )


def _target_remarks(target: Target, migration: str) -> list[Finding]:
    """Raise Refused when what the migration made is not its own any more."""
    found = target.at_stake(migration, arrived=True)
    # What is foreign at the machine stands against removing that, and not against its start.
    against = [one for one in found if one.severity == "refuse" and one.code != FOREIGN]
    if not against:
        return found
    raise Refused(
        f"{migration} cannot be cut over. {' '.join(one.what for one in against)}",
        " ".join(one.do for one in against if one.do)
        or f"Give it back to the machine that {migration} made; then the same command again.",
        findings=against,
    )


def _source_remarks(source: Source, vm: str, migration: str) -> list[Finding]:
    """Raise Refused when the source runs, or ran since its disks were frozen."""
    stopped = source.power(vm) is PowerState.STOPPED
    if not stopped and source.describe(vm).stoppable is False:
        return [
            Finding(
                "warn", "source-runs", vm,
                f"{vm} cannot be stopped, and runs on: what it writes is not at the target.",
                "End it by hand once the new machine has taken over.",
            )
        ]  # fmt: skip
    ran = source.ran_since(vm, migration)
    if not stopped or ran:
        raise Refused(
            f"{vm} {'was started' if stopped else 'runs'} since its disks were frozen: what it "
            "wrote is not at the target.",
            f"Undo the migration with 'coldferry rollback {migration}', then migrate again.",
        )
    if ran is None:
        return [
            Finding(
                "warn", "source-untold", vm,
                f"Whether {vm} was started since cannot be told: its frozen disks are gone.",
                "Make sure that nobody started it.",
            )
        ]  # fmt: skip
    return []


def not_revived(error: ColdferryError, vm: str, migration: str, new_vm: str) -> ColdferryError:
    """Why the way back stopped before anything at the target was removed, and what is there."""
    there = f" The new machine {new_vm} is stopped, and whole." if new_vm else ""
    on = f"Start {vm} by hand, or mend what holds it up; then give 'coldferry rollback {migration}'"
    out = f" again. 'coldferry start TARGET {new_vm}' starts the new machine instead."
    failed = Failed(
        f"{vm} could not be started again: {error.what} Nothing at the target was removed.{there}",
        f"{on}{out if new_vm else ' again.'} {error.do}".strip(),
    )
    failed.cause_code, failed.findings = error.code, error.findings
    return failed


def groups_of(arrived: Arrived, said: Sequence[str]) -> tuple[str, ...]:
    """The group of each interface, in order: one that was said for all, or one each; "" for none.

    Raises Refused with the question when nothing was said, BadInput when it does not fit.
    """
    offered = ", ".join([*arrived.offered, NO_GROUP])
    if not said:
        raise Refused(
            f"Which security group {', '.join(arrived.interfaces)} should be behind is a person's "
            "decision.",
            f"Give --security-group once for all, or once for each in this order: {offered}.",
        )
    if len(said) not in (1, len(arrived.interfaces)):
        raise BadInput(
            f"{len(said)} security groups were given for {len(arrived.interfaces)} interfaces.",
            f"Give one for all, or one for each in this order: {', '.join(arrived.interfaces)}.",
        )
    named = list(said) * (len(arrived.interfaces) if len(said) == 1 else 1)
    if wrong := sorted({one for one in named if one not in (*arrived.offered, NO_GROUP)}):
        raise BadInput(
            f"The target does not offer the security group {', '.join(wrong)}.",
            f"It offers {offered}.",
        )
    return tuple("" if one == NO_GROUP else one for one in named)
