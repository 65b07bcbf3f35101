"""What is to be done next in a wave: pure, so that any moment can be asked about."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime

from coldferry.plain import counted
from coldferry.waves.ordering import may_halt, needs, stop_order
from coldferry.waves.standing import ACTIVE, STOPPED, RowState, Standing, States, again, standing_of
from coldferry.waves.stopping import held_up, hold
from coldferry.waves.wave import Wave

__all__ = [
    "AskAgain",
    "Begin",
    "CallOff",
    "End",
    "PutBack",
    "RowState",
    "Skip",
    "Standing",
    "States",
    "Step",
    "again",
    "next_steps",
    "standing_of",
]


@dataclass(frozen=True)
class Begin:
    """Begin the row's migration; ``attempt``, from 1, tells one run of it from the next."""

    row: str
    attempt: int


@dataclass(frozen=True)
class Skip:
    """The row has no run and gets none: it ends SKIPPED."""

    row: str
    why: str


@dataclass(frozen=True)
class CallOff:
    """End the row's run unless its source is halted by now: it ends SKIPPED."""

    row: str
    why: str


@dataclass(frozen=True)
class PutBack:
    """End the row's run if it has one, then start its source: it ends PUT_BACK."""

    row: str
    why: str


@dataclass(frozen=True)
class AskAgain:
    """Ask for what these rows met, until then at most: once answered, they are PLANNED."""

    rows: tuple[str, ...]
    until: datetime | None


@dataclass(frozen=True)
class End:
    """Nothing is left to do; ``complete`` says that every machine arrived."""

    complete: bool
    why: str


Step = Begin | Skip | CallOff | PutBack | AskAgain | End


def next_steps(wave: Wave, states: States, now: datetime) -> list[Step]:
    """Everything that can be done now, in order; empty means to wait for a run or a moment.

    To be asked whenever a run changed, and at ``wave.window.next_moment(now)``.
    """
    standing = {name: states.get(name, Standing()) for name in wave.by_name}
    steps: list[Step] = list(_endings(wave, standing, now))
    for step in steps:
        if isinstance(step, Skip):
            standing[step.row] = replace(standing[step.row], state=RowState.SKIPPED)
    going: list[Step] = [*_returns(wave, standing, now), *_begun(wave, standing, now)]
    steps += going
    if going or any(one.state in ACTIVE for one in standing.values()):
        return steps
    waiting = tuple(name for name, one in standing.items() if one.state is RowState.WAITING)
    if waiting:
        return [*steps, AskAgain(waiting, wave.window.next_moment(now))]
    if any(one.state is RowState.PLANNED for one in standing.values()):
        return steps  # the window is not open yet
    guarded = wave.window.abort_at is not None and any(one.down for one in standing.values())
    return steps if guarded else [*steps, _end(standing)]


def past(moment: datetime | None, now: datetime) -> bool:
    """It is there, and has come."""
    return moment is not None and now >= moment


def said(moment: datetime) -> str:
    """A moment of a window as the page says it: ``2031-05-03 22:00+02:00``."""
    return moment.isoformat(" ", "minutes")


def _endings(wave: Wave, standing: States, now: datetime) -> Iterator[Skip | CallOff]:
    """Rows that are not to be halted any more, and why."""
    why = {name: late for name, one in standing.items() if (late := _too_late(wave, one, now))}
    # What failed by itself is a better reason than what was skipped because of it.
    failed = [name for name, one in standing.items() if one.state in STOPPED]
    failed.sort(key=lambda name: standing[name].state is RowState.SKIPPED)
    for name, cause in held_up(wave, [*failed, *why]).items():
        state = "is too late" if cause in why else f"was {standing[cause].state}"
        state = state.replace("was failed", "failed").replace("was put-back", "was put back")
        why.setdefault(name, f"{cause} {state}, and {hold(wave, name, cause)}")
    for name, one in standing.items():
        if name in why and one.state in (RowState.PLANNED, RowState.WAITING):
            yield Skip(name, why[name])
        elif name in why and one.state is RowState.RUNNING:
            yield CallOff(name, why[name])


def _too_late(wave: Wave, one: Standing, now: datetime) -> str:
    """Why a row that has not been halted is not to be halted any more, or nothing."""
    if not one.pending:
        return ""
    window = wave.window
    for moment in (window.latest_start, window.abort_at):
        if moment is not None and now >= moment:
            return f"too late: it was not halted by {said(moment)}"
    return ""


def _returns(wave: Wave, standing: States, now: datetime) -> Iterator[PutBack]:
    """Sources to start again: what others start after comes first, as ever.

    One that could not be started does not hold the others back, and is tried
    again when its pause is over, for as long as the wave is there.
    """
    if not past(end := wave.window.abort_at, now) or end is None:
        return
    back = {name for name, one in standing.items() if one.down}
    stuck = {name for name in back if standing[name].stuck}
    behind = needs(wave.after)
    for name in standing:
        pause = standing[name].retry_at if name in stuck else None
        if name in back and not behind[name] & (back - stuck) and (not pause or past(pause, now)):
            yield PutBack(name, f"it had not arrived by {said(end)}")


def _begun(wave: Wave, standing: States, now: datetime) -> Iterator[Begin]:
    window = wave.window
    if past(window.abort_at, now) or (window.start is not None and now < window.start):
        return
    places = wave.machines_at_once - sum(one.state in ACTIVE for one in standing.values())
    down = {name for name, one in standing.items() if not one.pending}
    ready = {*down, *may_halt(wave.after, down)}
    for name in stop_order(wave.after):
        if standing[name].state is RowState.PLANNED and name in ready and places > 0:
            places -= 1
            yield Begin(name, standing[name].tries + 1)


def _end(standing: States) -> End:
    told = Counter(one.state for one in standing.values())
    arrived = told.pop(RowState.DONE, 0)
    parts = [f"{arrived} of {counted(len(standing), 'machine')} arrived"]
    parts += [f"{number} {state.replace('-', ' ')}" for state, number in told.items()]
    return End(complete=not told, why=", ".join(parts))
