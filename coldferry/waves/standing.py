"""Where one row of a wave stands."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from coldferry.migration import HELD, HELD_AT_TARGET, Marks, State


class RowState(StrEnum):
    """How far a row is."""

    PLANNED = "planned"
    """Not begun, or to be begun again."""
    WAITING = "waiting"
    """Ended because something was asked that nobody answered yet."""
    RUNNING = "running"
    """Begun; its source still runs."""
    HALTED = "halted"
    """Begun, and its source is halted."""
    DONE = "done"
    """Allocated at the target."""
    REFUSED = "refused"
    """Ended before its source was touched."""
    FAILED = "failed"
    """Ended after its source was touched."""
    SKIPPED = "skipped"
    """Not begun, or called off before its source was touched."""
    PUT_BACK = "put-back"
    """Its source was started again; what was copied stays for the next time."""


ACTIVE = frozenset({RowState.RUNNING, RowState.HALTED})
"""A run is under way."""

STOPPED = frozenset({RowState.REFUSED, RowState.FAILED, RowState.SKIPPED, RowState.PUT_BACK})
"""Over in this wave without an arrival: it stops its group, and what starts after it."""


@dataclass(frozen=True)
class Standing:
    """One row's standing; ``why`` is a sentence for the page, or empty.

    ``halted`` says of a row without a run that its source was left halted;
    ``stopping`` that its stop was ordered, and nobody wrote down that it came.
    ``tries`` counts the runs that were begun for it. ``stuck`` says that its
    source could not be started again so far; that is tried again at ``retry_at``,
    None for at once. ``doing`` is a word for the page, ``ends_at`` when it is
    expected to arrive, or, with ``at_least``, not before that: not all that it
    takes is known.
    """

    state: RowState = RowState.PLANNED
    why: str = ""
    halted: bool = False
    stopping: bool = False
    migration: str = ""
    tries: int = 0
    stuck: bool = False
    doing: str = ""
    ends_at: datetime | None = None
    retry_at: datetime | None = None
    at_least: bool = False

    @property
    def down(self) -> bool:
        """Its source is halted by us, and nothing stands in its place yet."""
        done = (RowState.DONE, RowState.PUT_BACK)
        return self.state is RowState.HALTED or (self.halted and self.state not in done)

    @property
    def over(self) -> bool:
        """Nothing more is done for it, unless its source is to be put back."""
        return self.state is RowState.DONE or self.state in STOPPED

    @property
    def pending(self) -> bool:
        """Its source still runs, and is to be halted."""
        return not self.down and not self.over


States = Mapping[str, Standing]
"""By the row's name; a row that is not in it is PLANNED."""


def again(states: States) -> dict[str, Standing]:
    """What a rerun begins with: arrivals and runs under way stay, all else is to be begun."""
    kept = ACTIVE | {RowState.DONE}
    return {
        name: one
        if one.state in kept
        else Standing(halted=one.down, migration=one.migration, tries=one.tries)
        for name, one in states.items()
    }


def standing_of(marks: Marks | None, pair: str) -> Standing:
    """What the source machine's tags say of it; ``pair`` as ``coldferry.migration.pair_of`` has it.

    A machine that is on its way to another target, or whose last migration was
    rejected or rolled back, is PLANNED.
    """
    if marks is None or f"-{pair}-a" not in marks.migration:
        return Standing()
    if marks.state in HELD_AT_TARGET | {State.FINALISED}:
        return Standing(RowState.DONE, migration=marks.migration)
    halted = marks.power_before is not None and marks.state in HELD | {State.FAILED}
    stopping = marks.power_before is not None and marks.state is State.APPROVED
    return Standing(halted=halted, stopping=stopping, migration=marks.migration)
