"""When the way back is given up, what keeping it costs, and what must hold before it is."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime

from coldferry.abilities import Billed
from coldferry.cutover import confirm_own
from coldferry.errors import Finding, Refused, UnknownMachine
from coldferry.inspecting import inspection_of
from coldferry.migration import Marks, State
from coldferry.moved import due_at
from coldferry.ports import Machines, Owned, PowerState, Source, Target

KEEP_DAYS = 14
"""How long the way back is kept after a cutover, unless somebody says otherwise."""

MAX_KEEP_DAYS = 3650


@dataclass(frozen=True)
class Holding:
    """What finalising removes at both ends, and what keeping it costs.

    ``only_kept``: it was rolled back, and at most its target's lasting copies
    are there. ``due`` is None where nobody knows when it was cut over, or nothing
    is waited for; ``usd_per_day`` None where a price is not known.
    """

    migration: str
    frozen: tuple[Owned, ...]
    at_target: tuple[Owned, ...]
    only_kept: bool
    due: datetime | None
    usd_per_day: float | None
    remarks: tuple[Finding, ...]

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
    source: Source, vm: str, target: Target, migration: str, keep_days: int = KEEP_DAYS
) -> Holding:
    """What finalising would remove; changes nothing.

    ``vm`` is "" when the source machine is gone. Raises BadInput when the migration is not
    this machine's, Refused when it was not cut over, or is not due yet.
    """
    marks = _marks(source, vm, target, migration)
    kept = tuple(target.kept(migration))
    if _rolled_back(marks, vm) and target.arrived(migration) is None:
        return Holding(migration, (), kept, True, None, _price(target, kept), ())
    remarks = _standing(source, vm, target, migration, marks)
    frozen = (*source.owned(migration), *source.owned(inspection_of(migration)))
    due = due_at(marks, keep_days) if marks is not None else None
    if due is not None and due > datetime.now(UTC) and marks and marks.state is State.CUT_OVER:
        raise Refused(
            f"The way back from {migration} is kept until {due:%Y-%m-%d %H:%M} UTC; "
            f"{_cost(source, frozen)}.",
            "Finalise then, or say how long it is to be kept after the cutover: --keep-days 0.",
        )
    if marks is not None and due is None and marks.state is State.CUT_OVER:
        remarks.append(
            Finding("warn", "due-untold", vm, "When it was cut over is not written on the source.")
        )
    price, at_target = _price(source, frozen), (*target.temporary(migration), *kept)
    return Holding(migration, frozen, at_target, False, due, price, tuple(remarks))


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
    source: Source, vm: str, target: Target, migration: str, marks: Marks | None
) -> list[Finding]:
    """Remarks on what stays. Raises Refused unless the new machine is known to have taken over."""
    if marks is not None and marks.state is State.FINALISED:
        return []
    arrived = target.arrived(migration)
    gone = marks is None and _is_gone(source, vm)
    if (not gone and (marks is None or marks.state is not State.CUT_OVER)) or arrived is None:
        state = marks.state if marks is not None else "unknown"
        there = "" if arrived is not None else " Its new machine is not at the target."
        raise Refused(
            f"{migration} is {state}: only a migration that was cut over can be finalised.{there}",
            "Cut it over first, or roll it back; 'coldferry status' says where it stands.",
        )
    remarks = []
    if gone:
        remarks.append(
            Finding("warn", "source-gone", vm or migration, "The source machine is gone.")
        )
    if arrived.power is not PowerState.RUNNING:
        remarks.append(
            Finding("warn", "target-stopped", arrived.vm, f"The new machine is {arrived.power}.")
        )
    return remarks


def _is_gone(source: Source, vm: str) -> bool:
    if not vm:
        return True
    try:
        return source.power(vm) is PowerState.GONE
    except UnknownMachine:
        return True


def _price(cloud: Machines, things: Sequence[Owned]) -> float | None:
    return cloud.usd_per_day(things) if isinstance(cloud, Billed) else None


def _cost(cloud: Machines, things: Sequence[Owned]) -> str:
    return Holding("", tuple(things), (), False, None, _price(cloud, things), ()).cost
