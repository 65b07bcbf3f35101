"""When each row of a wave that is under way is expected to arrive. Pure.

By its estimate, less what is behind it; a copy goes on as fast as it was seen to go.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from coldferry.estimating import Estimate
from coldferry.waves.foreseeing import Load, Phase, foresee, load_of
from coldferry.waves.ordering import needed_by, stop_order
from coldferry.waves.outlook import share_of
from coldferry.waves.standing import ACTIVE, RowState, Standing, States
from coldferry.waves.wave import Wave

STEADY = timedelta(minutes=1)
"""An expectation that moves by less is left as it was: a page is not to flicker."""


@dataclass(frozen=True)
class Copied:
    """``part`` of a copy (0 to 1) was done at a moment."""

    at: datetime
    part: float


@dataclass(frozen=True)
class Seen:
    """What was seen of a row: how long it is in its state, and its copy's first and last word."""

    since: datetime
    first: Copied | None = None
    last: Copied | None = None


def expect(
    wave: Wave,
    estimates: Mapping[str, Estimate],
    states: States,
    seen: Mapping[str, Seen],
    now: datetime,
) -> dict[str, Standing]:
    """The same rows, with their ``ends_at``; None where nobody can tell, or it is over.

    That is so of a row that waits for a person, and of what is halted only after it.
    """
    behind = needed_by(wave.after)
    waiting = {
        name for name, one in states.items()
        if one.state is RowState.WAITING or (not one.over and name not in estimates)
    }  # fmt: skip
    loads = [
        _load(wave, name, estimates[name], states[name], seen.get(name), now)
        for name in stop_order(wave.after)
        if _tells(name, states, estimates) and not waiting & behind[name]
    ]
    start = wave.window.start
    opens_s = max(0.0, (start - now).total_seconds()) if start else 0.0
    ways = foresee(loads, wave.machines_at_once, behind, opens_s)
    unknown = {load.name: bool(load.unknown) for load in loads}
    told = dict(states)
    for name, one in states.items():
        ends = now + timedelta(seconds=ways[name].arrives_s) if name in ways else None
        told[name] = replace(one, ends_at=ends, at_least=unknown.get(name, False))
    return told


def steady(before: States, after: Mapping[str, Standing]) -> dict[str, Standing]:
    """``after``, with the expectations of ``before`` where they are about the same."""
    told = dict(after)
    for name, one in after.items():
        old = before[name].ends_at if name in before else None
        if old is not None and one.ends_at is not None and abs(one.ends_at - old) < STEADY:
            told[name] = replace(one, ends_at=old)
    return told


def _tells(name: str, states: States, estimates: Mapping[str, Estimate]) -> bool:
    one = states.get(name, Standing())
    going = not one.over and one.state is not RowState.WAITING
    return going and name in states and name in estimates


def _load(
    wave: Wave, name: str, found: Estimate, one: Standing, seen: Seen | None, now: datetime
) -> Load:
    load = load_of(name, found, share_of(wave))
    if one.state not in ACTIVE:
        return replace(load, halted=one.down)
    load = replace(load, begun=True, halted=one.down)
    if seen is None:
        return load
    spent_s = (now - seen.since).total_seconds()
    if not one.down:
        return replace(load, before=_less(load.before, spent_s))
    return replace(load, after=_after(load, seen, spent_s, now))


def _after(load: Load, seen: Seen, spent_s: float, now: datetime) -> tuple[Phase, ...]:
    """What is left once it is halted."""
    at = load.copy_at
    if at is None:
        return _less(load.after, spent_s)
    ahead, copy, rest = load.after[:at], load.after[at], load.after[at + 1 :]
    if seen.last is None:
        return (*_less(ahead, spent_s), copy, *rest)
    if seen.last.part >= 1:
        return _less(rest, (now - seen.last.at).total_seconds())
    return (_rest_of(copy, seen, now), *rest)


def _rest_of(copy: Phase, seen: Seen, now: datetime) -> Phase:
    assert seen.last is not None
    first, last = seen.first or seen.last, seen.last
    spent_s, done = (last.at - first.at).total_seconds(), last.part - first.part
    if spent_s > 0 and done > 0:
        left_s = spent_s * (1 - last.part) / done - (now - last.at).total_seconds()
        return Phase(max(0.0, left_s))
    left = 1 - last.part
    return Phase(copy.own_s * left, {one: amount * left for one, amount in copy.shared.items()})


def _less(phases: tuple[Phase, ...], spent_s: float) -> tuple[Phase, ...]:
    """What is left of phases of which so many seconds are over."""
    left = list(phases)
    while left and spent_s > 0:
        all_s = left[0].seconds({})
        if all_s > spent_s:
            part = 1 - spent_s / all_s
            shared = {one: amount * part for one, amount in left[0].shared.items()}
            return (Phase(left[0].own_s * part, shared), *left[1:])
        spent_s -= all_s
        del left[0]
    return tuple(left)
