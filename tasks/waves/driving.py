"""Doing what comes next in a wave until nothing is left, or somebody has to be asked."""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime

from coldferry.errors import ColdferryError
from coldferry.progress import announce_step
from coldferry.waves.progress import (
    AskAgain,
    Begin,
    CallOff,
    End,
    PutBack,
    RowState,
    Skip,
    Standing,
    States,
    Step,
    next_steps,
)
from coldferry.waves.standing import ACTIVE
from coldferry.waves.wave import Wave
from tasks.waves.children import Child, Children, Ending, Order
from tasks.waves.clouds import Clouds
from tasks.waves.sources import put_back, share, standing_at_source, unshare

TRIES = 3
"""Runs of one row that may crash, one after the other, in one run of the wave."""

ENDS_WITHIN_S = 120
"""How long a child that was cancelled may take: its source is halted, and its worker may be dead.

What such a child would do later, it does not: it finds its source started.
"""

_STATES = {
    Ending.ARRIVED: RowState.DONE,
    Ending.WAITING: RowState.WAITING,
    Ending.REFUSED: RowState.REFUSED,
    Ending.FAILED: RowState.FAILED,
    Ending.CRASHED: RowState.PLANNED,
    Ending.CANCELLED: RowState.SKIPPED,
}
"""What the end of a child is for a row whose source it did not leave halted."""

Clock = Callable[[], datetime]
Show = Callable[[States], Awaitable[None]]


def utc() -> datetime:
    """The time now."""
    return datetime.now(UTC)


class Drive:
    """One run of a wave: ``states`` by row, as they are moved; ``orders`` of the rows that go."""

    def __init__(
        self,
        wave: Wave,
        clouds: Clouds,
        children: Children,
        show: Show,
        clock: Clock = utc,
    ) -> None:
        self.states: dict[str, Standing] = {}
        self.orders: dict[str, Order] = {}
        self._wave = wave
        self._clouds = clouds
        self._children = children
        self._show = show
        self._clock = clock
        self._child: dict[str, Child] = {}
        self._crashed = Counter[str]()

    async def take_up(self, planned: Mapping[str, Standing], orders: Mapping[str, Order]) -> None:
        """Begin with rows as they were planned, and with children of earlier runs as they are.

        One that is at work is not begun again; the number of its attempt is not used again.
        """
        self.orders |= orders
        known = {child.row: child for child in await self._children.known()}
        for name, standing in planned.items():
            child = known.get(name)
            tries = max(standing.tries, child.attempt if child else 0)
            state = standing.state
            if child and child.ending is None and state is not RowState.DONE:
                self._child[name] = child
                state = RowState.HALTED if standing.halted else RowState.RUNNING
            halted = standing.halted or (standing.stopping and name not in self._child)
            self.states[name] = replace(standing, state=state, tries=tries, halted=halted)

    async def run(self) -> End | AskAgain:
        """Go on until the wave is at its end, or waits for answers alone."""
        while True:
            await self._look()
            steps = next_steps(self._wave, self.states, self._clock())
            over = next((step for step in steps if isinstance(step, End | AskAgain)), None)
            begun = [step for step in steps if isinstance(step, Begin)]
            # Each may have to wait for its child's end; none is to hold up another.
            await asyncio.gather(*(self._do(step) for step in steps if step not in begun))
            for step in begun:
                await self._begin(step.row, step.attempt)
            await self._show(self.states)
            if over is not None and not (isinstance(over, AskAgain) and self._guarding()):
                return over
            await asyncio.sleep(self._children.every_s)

    def _guarding(self) -> bool:
        """A source is halted that this run starts again at ``abort_at``: it must not be suspended.

        Nobody would be there at that moment.
        """
        end = self._wave.window.abort_at
        held = any(one.down and not one.stuck for one in self.states.values())
        return end is not None and held

    async def _look(self) -> None:
        """Move the rows whose children moved."""
        active = [name for name, one in self.states.items() if one.state in ACTIVE]
        ids = [self._child[name].id for name in active if name in self._child]
        for child in await self._children.look(ids):
            self._child[child.row] = child
        await asyncio.gather(*map(self._look_at, active))

    async def _look_at(self, name: str) -> None:
        child, before = self._child.get(name), self.states[name]
        marked = await standing_at_source(self._wave.by_name[name], self._clouds)
        halted = before.down if marked is None else marked.halted
        over = child is not None and child.ending is not None
        if over and marked is not None:  # nobody writes down any more that its stop came
            halted = halted or marked.stopping
        if child is None or child.ending is None:
            doing = marked.doing if marked else before.doing
            state = RowState.HALTED if halted else before.state
            self._move(name, state, before.why, doing=doing)
            return
        await self._ended(name)
        state, why = self._after(name, child, halted=halted)
        self._move(name, state, why, halted=halted and state is not RowState.DONE)

    def _after(self, name: str, child: Child, *, halted: bool) -> tuple[RowState, str]:
        """What a child that is over makes of its row."""
        state, why = _STATES[child.ending or Ending.FAILED], child.why
        if child.ending is Ending.CANCELLED:
            why = "its run was cancelled"
        if child.ending is Ending.CRASHED:
            self._crashed[name] += 1
            why = "its run crashed and is begun again"
            if self._crashed[name] >= TRIES:
                state, why = RowState.FAILED, f"its run crashed {TRIES} times"
        untouched = state in (RowState.REFUSED, RowState.SKIPPED)
        return (RowState.FAILED if halted and untouched else state), why

    async def _do(self, step: Step) -> None:
        match step:
            case Skip(row, why):
                self._move(row, RowState.SKIPPED, why)
            case CallOff(row, why):
                await self._call_off(row, why)
            case PutBack(row, why):
                await self._put_back(row, RowState.PUT_BACK, why)

    async def _begin(self, name: str, attempt: int) -> None:
        order = self.orders[name]
        await share(self._wave, order.migration)
        self._child[name] = await self._children.begin(order, attempt)
        state = RowState.HALTED if self.states[name].down else RowState.RUNNING
        self._move(name, state, tries=attempt, migration=order.migration)

    async def _call_off(self, name: str, why: str) -> None:
        """Unless it is halted by now: then it goes on to its end, or to ``abort_at``."""
        marked = await standing_at_source(self._wave.by_name[name], self._clouds)
        if marked is None:
            return  # it does not answer: whether it is halted is not known, and asked again
        if marked.halted:
            self._move(name, RowState.HALTED)
        else:
            await self._put_back(name, RowState.SKIPPED, why)

    async def _put_back(self, name: str, state: RowState, why: str) -> None:
        """End the row's child, if it has one, and have its source as it was before."""
        child = await self._end_child(name)
        row, standing = self._wave.by_name[name], self.states[name]
        if child is not None and child.ending is Ending.ARRIVED:
            self._move(name, RowState.DONE)
            return
        try:
            marked = await put_back(row, self._clouds, standing.migration)
        except ColdferryError as error:
            told = f"{why}, and it could not be started again: {error}"
            self._move(name, RowState.FAILED, told, halted=True, stuck=True)
        else:
            arrived = marked.state is RowState.DONE
            why = "" if arrived else why
            self._move(name, RowState.DONE if arrived else state, why, halted=False)

    async def _end_child(self, name: str) -> Child | None:
        """The child as it ended, or as it is when it does not in time."""
        child = self._child.get(name)
        if child is None or child.ending is not None:
            return child
        await self._children.cancel(child.id)
        with suppress(TimeoutError):
            async with asyncio.timeout(ENDS_WITHIN_S):
                while child.ending is None:
                    await asyncio.sleep(min(1.0, self._children.every_s))
                    for seen in await self._children.look([child.id]):
                        child = seen
        self._child[name] = child
        await self._ended(name)
        return child

    async def _ended(self, name: str) -> None:
        await unshare(self._wave, self.states[name].migration)

    def _move(self, name: str, state: RowState, why: str = "", **changes: object) -> None:
        """``halted`` says of a row without a child how its source was left."""
        before = self.states[name]
        changes.setdefault("halted", before.halted and state is not RowState.DONE)
        if state not in ACTIVE:
            changes["doing"] = ""
        self.states[name] = replace(before, state=state, why=why, **changes)  # type: ignore[arg-type]
        if state is not before.state:
            announce_step(f"{name}: {state}" + (f", {why}" if why else ""))
