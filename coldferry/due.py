"""What a person does next about a migration: one exact command, or what to wait for."""

from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from coldferry.migration import ENDED, State

ABORT_AT_TAG = "abort-at:"
"""Begins a run's tag that says when its window ends (ISO 8601 with its offset): then the source
is to be started again."""

WAVE_TAG = "coldferry-wave:"
"""Begins the tag of a wave's own run and of each of its children: the wave's name follows."""


def window_end(tags: Iterable[str]) -> datetime | None:
    """The end of a run's window, where a tag of it says one with its zone."""
    for tag in tags:
        if tag.startswith(ABORT_AT_TAG):
            with suppress(ValueError):
                said = datetime.fromisoformat(tag.removeprefix(ABORT_AT_TAG))
                return said if said.tzinfo else None
    return None


class RunState(StrEnum):
    """What the run of a migration does, as far as its next action depends on it."""

    NONE = "none"
    WAITING = "waiting"
    ALIVE = "alive"
    SILENT = "silent"
    ENDED = "ended"


@dataclass(frozen=True)
class Due:
    """``command`` is exact, empty where nothing is to be done; ``why`` is a plain sentence."""

    command: str
    why: str


def due(migration: str, state: str, run: RunState, objects: int, vm: str, kept: int = 0) -> Due:
    """The next action, by the state in the clouds' tags and what its run does.

    ``objects`` is how many bear its tag, ``kept`` how many of them are lasting copies.
    """
    on, back = f"coldferry resume {migration}", f"coldferry rollback {migration}"
    cut_over, finalise = f"coldferry cutover {migration}", f"coldferry finalise {migration}"
    told = {
        RunState.SILENT: Due(on, "Its worker died: no sign of life comes."),
        RunState.ALIVE: Due("", "It is being carried out."),
        RunState.WAITING: Due("", "It waits for its form: answer it in the Prefect UI."),
    }
    if run in told:
        return told[run]
    if state in ENDED and not (objects and vm):
        return Due("", "It ended.")
    if state in ENDED and ends_for_good(state, copies_only=kept == objects):
        return Due(finalise, "It ended, and what it kept or left behind costs.")
    if state in ENDED:
        return Due(back, "It ended, and left something behind.")
    ways = {
        State.ALLOCATED: Due(cut_over, "It arrived, and waits for its cutover."),
        State.CUT_OVER: Due(finalise, "It runs at the target."),
    }
    known = state in set(State)
    unknown = Due("coldferry audit", "No machine that answers knows of it.")
    return ways.get(State(state), Due(on, "It stopped on its way.")) if known else unknown


def ends_for_good(state: str, *, copies_only: bool) -> bool:
    """What is left of an ended migration goes by finalising it, not by rolling it back.

    There is no way back from one that was finalised, and no rollback takes lasting copies.
    """
    return state == State.FINALISED or copies_only
