"""Waves of any shape, and one that is carried out by chance."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from hypothesis import strategies as st

from coldferry.waves.progress import (
    AskAgain,
    Begin,
    CallOff,
    End,
    PutBack,
    RowState,
    Skip,
    Standing,
    next_steps,
)
from coldferry.waves.standing import ACTIVE
from coldferry.waves.wave import Row, Wave, Window

T0 = datetime(2031, 5, 3, 20, 0, tzinfo=UTC)
HOUR = timedelta(hours=1)


def a_row(name: str, *after: str, group: str = "", **more: Any) -> Row:
    """A row of which only its place in the order matters."""
    fields = {"vm": f"i-{name}", "source": "here", "target": "there", **more}
    return Row(name=name, after=after, group=group, **fields)


def a_wave(*rows: Row, **more: Any) -> Wave:
    return Wave(name="weekend", rows=rows, **more)


@st.composite
def graphs(draw: Any, most: int = 8) -> dict[str, tuple[str, ...]]:
    """Orders without a circle, the rows in any order."""
    names = [f"m{number}" for number in range(draw(st.integers(1, most)))]
    ranked = draw(st.permutations(names))
    return {
        name: tuple(draw(st.lists(st.sampled_from(ranked[:at]), unique=True, max_size=3)))
        if (at := ranked.index(name))
        else ()
        for name in names
    }


def _window(hours: list[int | None]) -> Window:
    start, latest, abort = (None if hour is None else T0 + hour * HOUR for hour in hours)
    return Window(start=start, latest_start=latest, abort_at=abort)


windows = st.tuples(
    st.sampled_from((None, 1)), st.sampled_from((None, 3)), st.sampled_from((None, 6))
).map(list).map(_window)  # fmt: skip


@st.composite
def waves(draw: Any, window: Any = windows) -> Wave:
    graph = draw(graphs())
    groups = st.sampled_from(("", "", "blue", "green"))
    rows = [a_row(name, *after, group=draw(groups)) for name, after in graph.items()]
    return a_wave(*rows, window=draw(window), machines_at_once=draw(st.integers(1, 3)))


class Carried:
    """A wave as a flow carries it out; a row's luck and the clock are chosen by ``draw``."""

    def __init__(self, wave: Wave, draw: Any, states: Any = (), *, luck: bool = True) -> None:
        self.wave, self.draw, self.luck = wave, draw, luck
        self.now = T0
        self.states: dict[str, Standing] = {n: Standing() for n in wave.by_name} | dict(states)
        self.faults: set[str] = set()
        self.begun: list[str] = []
        self.asked = 0
        self.end: End | None = None

    def to_the_end(self, watch: Any = lambda carried, what, row: None) -> "Carried":
        """``watch`` is told of each ``halt``, ``return`` and ``ask`` before it is done."""
        for _ in range(200):
            steps = next_steps(self.wave, self.states, self.now)
            for step in steps:
                self._do(step, watch)
            if self.end:
                return self
            if not steps:
                self._wait(watch)
        raise AssertionError(f"it never ends: {self.states}")

    def _do(self, step: Any, watch: Any) -> None:
        match step:
            case Begin(row, attempt):
                self._set(row, RowState.RUNNING, halted=False, tries=attempt)
                self.begun.append(row)
            case Skip(row, why) | CallOff(row, why):
                self._set(row, RowState.SKIPPED, why=why)
            case PutBack(row, why):
                watch(self, "return", row)
                if self.luck and not self.states[row].stuck and self.draw(st.integers(0, 9)) == 0:
                    self._set(row, RowState.FAILED, halted=True, stuck=True)
                else:
                    self._set(row, RowState.PUT_BACK, why=why, halted=False, stuck=False)
            case AskAgain(rows, _):
                watch(self, "ask", "")
                self.asked += 1
                for row in rows:
                    self._set(row, RowState.PLANNED)
            case End():
                self.end = step

    def _wait(self, watch: Any) -> None:
        active = [name for name, one in self.states.items() if one.state in ACTIVE]
        moment = self.wave.window.next_moment(self.now)
        assert active or moment, "nothing to do, and nothing to wait for"
        if moment and (not active or self.draw(st.integers(0, 3)) == 0):
            self.now = moment
            return
        row = self.draw(st.sampled_from(active))
        if self.states[row].state is RowState.RUNNING:
            fate = self.draw(st.sampled_from(("halt", "halt", "halt", "refuse", "wait")))
            if not self.luck or fate == "halt" or (fate == "wait" and self.asked >= 3):
                watch(self, "halt", row)
                self._set(row, RowState.HALTED)
            elif fate == "wait":
                self._set(row, RowState.WAITING)
            else:
                self._fault(row, RowState.REFUSED)
        elif self.luck and self.draw(st.integers(0, 4)) == 0:
            drifted = self.draw(st.booleans())
            self._fault(row, RowState.PUT_BACK if drifted else RowState.FAILED, halted=not drifted)
        else:
            self._set(row, RowState.DONE)

    def _fault(self, row: str, state: RowState, **more: Any) -> None:
        self.faults.add(row)
        self._set(row, state, **more)

    def _set(self, row: str, state: RowState, **more: Any) -> None:
        self.states[row] = replace(self.states[row], state=state, **more)
