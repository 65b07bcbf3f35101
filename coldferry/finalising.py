"""When the way back is given up, what keeping it costs, and what must hold before it is."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime

from coldferry.abilities import Billed
from coldferry.cutover import confirm_own
from coldferry.erasing import EraseRecord
from coldferry.errors import Finding, Refused, UnknownMachine
from coldferry.migration import Marks, State, frozen_words
from coldferry.moved import due_at
from coldferry.ports import Arrived, Machines, Owned, PowerState, Source, Target
from coldferry.removing import SOURCE_MACHINE, Brought, what_goes


@dataclass(frozen=True)
class Holding:
    """What finalising removes at both ends, and what keeping it costs.

    ``only_kept``: it was rolled back, and at most its target's lasting copies
    are there. ``due`` is None where nobody knows when it was cut over, or nothing
    is waited for; ``usd_per_day`` None where a price is not known. ``leaving`` is
    the source machine and what goes with it, where that was asked for.
    """

    migration: str
    frozen: tuple[Owned, ...]
    at_target: tuple[Owned, ...]
    only_kept: bool
    due: datetime | None
    usd_per_day: float | None
    remarks: tuple[Finding, ...]
    leaving: tuple[Owned, ...] = ()

    @property
    def everything(self) -> tuple[Owned, ...]:
        """All that will be erased, in the order in which it goes."""
        return (*self.leaving, *self.frozen, *self.at_target)

    @property
    def sentence(self) -> str:
        """Since when it is due, and what it costs, for a person."""
        due = "" if self.due is None else f"It is due since {self.due:%Y-%m-%d %H:%M} UTC. "
        return f"{due}{self.cost[0].upper()}{self.cost[1:]}."

    @property
    def findings(self) -> list[dict[str, str]]:
        """The remarks, for a report."""
        return [asdict(one) for one in self.remarks]

    @property
    def cost(self) -> str:
        """What a day costs, in words."""
        if self.usd_per_day is None:
            return "what keeping them costs a day is not known here"
        return f"keeping them costs {self.usd_per_day:.2f} USD a day"


def weigh(
    source: Source,
    vm: str,
    target: Target,
    migration: str,
    keep_days: int | None = None,
    *,
    source_gone: bool = False,
    brought: Brought | None = None,
) -> Holding:
    """What finalising would remove; changes nothing.

    ``vm`` is "" when the source machine is gone; ``source_gone`` is a person's word that this
    is known. ``keep_days`` is said instead of the day that the cutover wrote down. ``brought``
    is what came over of the source machine, where that goes, too.

    Raises BadInput when the migration is not this machine's, Refused when it was not cut
    over, is not due yet, or when anything of it could not be removed.
    """
    marks = _marks(source, vm, target, migration)
    kept = tuple(target.kept(migration))
    gone = marks is None and _is_gone(source, vm)
    removed = gone and EraseRecord(migration).has(SOURCE_MACHINE)
    if not removed and _rolled_back(marks, vm) and target.arrived(migration) is None:
        if brought is not None:
            raise Refused(f"{migration} was rolled back: {vm} is production.", "Keep it.")
        return Holding(migration, (), kept, True, None, _price(target, kept), ())
    remarks = [] if removed else _standing(source, vm, target, migration, marks, brought, gone=gone)
    if gone and not (source_gone or removed):
        raise Refused(
            f"The machine that {migration} came from is gone: that it was cut over is written "
            "nowhere else, and its snapshots may be the last copy of what was there.",
            "Look at the new machine; then give --source-gone to finalise it all the same.",
        )
    if held := target.at_hand_over(migration):
        raise Refused.because(held)
    frozen = tuple(one for word in frozen_words(migration) for one in source.frozen(word))
    if removed and frozen and target.arrived(migration) is None:
        raise Refused(
            f"The machine that {migration} came from was removed, and its new machine is not at "
            "the target: the frozen disks may be the last copy of what was there.",
            "Look for the new machine, or restore it from the frozen disks; once nobody needs "
            "them, delete them by hand.",
        )
    due, early = _due(source, vm, marks, keep_days, frozen)
    leaving: tuple[Owned, ...] = ()
    beside: list[Finding] = []
    if brought is not None and not gone:
        _confirm_no_newer(source, vm, migration)
        leaving, beside = what_goes(source, vm, migration, brought.disks)
    return Holding(
        migration, frozen, (*target.temporary(migration), *kept), False, due,
        _price(source, frozen), (*remarks, *early, *beside), leaving,
    )  # fmt: skip


def _due(
    source: Source,
    vm: str,
    marks: Marks | None,
    keep_days: int | None,
    frozen: Sequence[Owned],
) -> tuple[datetime | None, list[Finding]]:
    """The day, and what a person should know of it. Raises Refused before it has come."""
    if marks is None:
        return None, []
    due, promised = due_at(marks, keep_days), due_at(marks)
    if marks.state is not State.CUT_OVER:
        return due, []
    if due is None:
        return None, [
            Finding("warn", "due-untold", vm, "When it was cut over is not written on the source.")
        ]
    moment = datetime.now(UTC)
    if due > moment:
        raise Refused(
            f"The way back from {marks.migration} is kept until {due:%Y-%m-%d %H:%M} UTC; "
            f"{_cost(source, frozen)}.",
            "Finalise then, or say how long it is to be kept after the cutover: --keep-days 0.",
        )
    if promised is not None and promised > moment:
        return due, [
            Finding(
                "warn", "early", vm,
                f"The cutover said that the way back is kept until {promised:%Y-%m-%d %H:%M} UTC.",
            )
        ]  # fmt: skip
    return due, []


def _marks(source: Source, vm: str, target: Target, migration: str) -> Marks | None:
    """What the source says of this very migration; None when it is gone, or says another."""
    if not vm:
        return None
    try:
        marks = source.marks(vm)
    except UnknownMachine:
        return None
    confirm_own(source, vm, target, migration)
    return marks if marks is not None and marks.migration == migration else None


def _rolled_back(marks: Marks | None, vm: str) -> bool:
    """A later attempt took its place on the source, too."""
    return marks.state is State.ROLLED_BACK if marks is not None else bool(vm)


def _standing(
    source: Source,
    vm: str,
    target: Target,
    migration: str,
    marks: Marks | None,
    brought: Brought | None,
    *,
    gone: bool,
) -> list[Finding]:
    """Remarks on what stays. Raises Refused unless the new machine is known to have taken over.

    With ``brought`` it must run, because the source machine is going to be removed.
    """
    if marks is not None and marks.state is State.FINALISED:
        if brought is not None:
            _confirm_running(brought.name, _power(target, brought.name))
        return []
    arrived = target.arrived(migration)
    if (not gone and (marks is None or marks.state is not State.CUT_OVER)) or arrived is None:
        state = marks.state if marks is not None else "unknown"
        there = "" if arrived is not None else " Its new machine is not at the target."
        raise Refused(
            f"{migration} is {state}: only a migration that was cut over can be finalised.{there}",
            "Cut it over first, or roll it back; 'coldferry status' says where it stands.",
        )
    if not gone:
        _confirm_halted(source, vm, migration)
    return [
        *_of_source(vm or migration, gone=gone),
        *_of_target(arrived, strict=brought is not None),
    ]


def _of_source(subject: str, *, gone: bool) -> list[Finding]:
    there = Finding("warn", "source-gone", subject, "The source machine is gone.")
    return [there] if gone else []


def _of_target(arrived: Arrived, *, strict: bool) -> list[Finding]:
    if strict:
        _confirm_running(arrived.vm, arrived.power)
    if arrived.power is PowerState.RUNNING:
        return []
    return [Finding("warn", "target-stopped", arrived.vm, _is(arrived.vm, arrived.power))]


def _confirm_running(new: str, power: PowerState) -> None:
    if power is not PowerState.RUNNING:
        raise Refused(_is(new, power), "See that it runs and serves before its source is removed.")


def _is(new: str, power: PowerState) -> str:
    return f"The new machine {new} is {power}."


def _power(cloud: Machines, vm: str) -> PowerState:
    try:
        return cloud.power(vm)
    except UnknownMachine:
        return PowerState.GONE


def _confirm_halted(source: Source, vm: str, migration: str) -> None:
    """Raise Refused for a source that runs beside its new machine: a rollback may be under way."""
    if source.power(vm) is PowerState.STOPPED or source.describe(vm).stoppable is False:
        return
    raise Refused(
        f"{vm} runs although {migration} was cut over: a rollback may have ended in its middle.",
        f"Give 'coldferry rollback {migration}' again, or stop {vm}.",
    )


def _confirm_no_newer(source: Source, vm: str, migration: str) -> None:
    """Raise Refused for a source that ran since it was frozen: its disks may hold newer data.

    Once the frozen disks are gone, only what the source tells of itself is left to go by.
    """
    if source.ran_since(vm, migration):
        raise Refused(
            f"{vm} was started since {migration} froze its disks: they may hold what the new "
            "machine does not have.",
            "Save that, then finalise without --remove-source, and remove the machine by hand.",
        )


def _is_gone(source: Source, vm: str) -> bool:
    return not vm or _power(source, vm) is PowerState.GONE


def _price(cloud: Machines, things: Sequence[Owned]) -> float | None:
    return cloud.usd_per_day(things) if isinstance(cloud, Billed) else None


def _cost(cloud: Machines, things: Sequence[Owned]) -> str:
    return Holding("", tuple(things), (), False, None, _price(cloud, things), ()).cost
