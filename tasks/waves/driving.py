"""Doing what comes next in a wave until nothing is left, or somebody has to be asked.

A source that is halted is guarded by this: what Prefect's API does not answer
is asked again at the next look, and ends nothing.
"""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from prefect.logging import get_logger

from coldferry.errors import ColdferryError, Conflict
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
    said,
)
from coldferry.waves.standing import ACTIVE
from coldferry.waves.wave import Wave
from tasks.waves.children import API_AWAY, Child, Children, Ending, Order, refuses
from tasks.waves.clouds import Clouds
from tasks.waves.sources import put_back, share, standing_at_source, unshare

TRIES = 3
"""Runs of one row that may crash, one after the other, in one run of the wave."""

PAUSE_S = 30
LONGEST_PAUSE_S = 600
"""How long to wait before a source that could not be started is tried again; twice as long each
time. A cloud without capacity has some later, what was refused somebody may allow."""

BESIDE_AFTER = 5
"""Tries after which a source is started though a run on this machine lives on that was told to
end: some quarter of an hour. Such a run finds its source started, and fails. A source that was
halted though its row was called off is tried once more than that, and then told as halted."""

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
        self._refused = Counter[str]()
        self._held = Counter[str]()
        self._called_off: dict[str, str] = {}  # by row, why; its run may halt it all the same

    async def take_up(self, planned: Mapping[str, Standing], orders: Mapping[str, Order]) -> None:
        """Begin with rows as they were planned, and with children of earlier runs as they are.

        One that is at work is not begun again; the number of its attempt is not used again.
        """
        self.orders |= orders
        known = {child.row: child for child in await self._children.known()}
        for name, standing in planned.items():
            child = known.get(name)
            tries = max(standing.tries, child.attempt if child else 0)
            state, at_work = standing.state, child is not None and child.ending is None
            if child is not None and child.ending is not Ending.ARRIVED:  # that may be undone
                self._child[name] = child
            if at_work and state is not RowState.DONE:
                state = RowState.HALTED if standing.halted else RowState.RUNNING
            halted = standing.halted or (standing.stopping and not at_work)
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
            waits = self._lingers() or (isinstance(over, AskAgain) and self._guarding())
            if over is not None and not waits:
                return over
            await asyncio.sleep(self._children.every_s)

    def _guarding(self) -> bool:
        """A source is halted that this run starts again at ``abort_at``: it must not be suspended.

        Nobody would be there at that moment.
        """
        end = self._wave.window.abort_at
        return end is not None and any(one.down for one in self.states.values())

    def _lingers(self) -> bool:
        """A run in this process was called off, lives on, and may halt its source yet.

        Nobody would start that again; the process has to wait for it anyway.
        """
        here = self._children.end_with_us
        return here and any(self._goes_on(name) for name in self._called_off)

    async def _look(self) -> None:
        """Move the rows whose children moved, and those whose children go on though they are over.

        A child that could not be ended, or that somebody resumed by hand, may
        halt its source again, or arrive. A source that was left halted may be
        started by ``coldferry abort``.
        """
        before = dict(self._child)
        over = (RowState.DONE,)
        ids = [one.id for name, one in before.items() if self.states[name].state not in over]
        try:
            for child in await self._children.look(ids):
                self._child[child.row] = child
        except API_AWAY as error:
            _log().warning("Prefect's API does not say how the runs are: %s", error)
        await asyncio.gather(*(self._look_at(n) for n in self.states if self._moves(n, before)))

    def _moves(self, name: str, before: Mapping[str, Child]) -> bool:
        child, one = self._child.get(name), self.states[name]
        if one.state in ACTIVE:
            return True
        if one.state is RowState.DONE or one.stuck:
            return False
        if one.over and one.down:
            return True
        if child is None:
            return False
        news = name in self._called_off or child.ending is Ending.ARRIVED
        return child.ending is None or (news and child.ending is not before[name].ending)

    async def _look_at(self, name: str) -> None:
        child, before = self._child.get(name), self.states[name]
        marked = await standing_at_source(self._wave.by_name[name], self._clouds)
        arrived = child is not None and child.ending is Ending.ARRIVED
        if before.over and before.down and not arrived and not self._goes_on(name):
            if marked is not None and not (marked.halted or marked.stopping):  # by somebody's hand
                done = marked.state is RowState.DONE
                state, why = (RowState.DONE, "") if done else (before.state, before.why)
                self._move(name, state, why, halted=False)
            return
        halted = before.down if marked is None else marked.halted
        over = child is not None and child.ending is not None
        if over and marked is not None:  # nobody writes down any more that its stop came
            halted = halted or marked.stopping
        if child is None or child.ending is None:
            doing = marked.doing if marked else before.doing
            begun = before.state in (RowState.PLANNED, RowState.WAITING)  # by somebody's hand
            state = RowState.HALTED if halted else RowState.RUNNING if begun else before.state
            self._move(name, state, before.why, doing=doing)
            return
        if before.retry_at is None:
            await self._ended(name)
        if marked is not None and marked.state is RowState.DONE:
            # It arrived: what failed was what comes after, and is no reason to begin it again.
            self._move(name, RowState.DONE)
            return
        if name in self._called_off and child.ending is not Ending.ARRIVED:
            await self._return_called_off(name, halted=halted)
            return
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
        self._called_off.pop(name, None)
        await share(self._wave, order.migration)
        try:
            self._child[name] = await self._children.begin(order, attempt)
        except (ColdferryError, *API_AWAY) as error:  # others may be halted, guarded by this run
            if isinstance(error, ColdferryError) or refuses(error):
                halted = self.states[name].down
                self._move(name, RowState.FAILED if halted else RowState.REFUSED, str(error))
            else:  # it stays planned; the same attempt again is the same child
                _log().warning("%s is not begun yet: %s", name, error)
            return
        state = RowState.HALTED if self.states[name].down else RowState.RUNNING
        self._move(name, state, tries=attempt, migration=order.migration)

    async def _call_off(self, name: str, why: str) -> None:
        """Unless it is halted by now: then it goes on to its end, or to ``abort_at``.

        Remembered: a run that was told to end only looks at that once it copies, and has halted
        its source by then.
        """
        if self._paused(name):
            return
        marked = await standing_at_source(self._wave.by_name[name], self._clouds)
        if marked is None:
            return  # it does not answer: whether it is halted is not known, and asked again
        if marked.halted:
            self._move(name, RowState.HALTED)
        elif name in self._called_off and self._goes_on(name):
            # It is waited for by the looks from now on: that long a wait again would hold up all.
            await self._put_back(name, RowState.SKIPPED, why, wait=False)
        else:
            self._called_off[name] = why
            await self._put_back(name, RowState.SKIPPED, why)

    def _goes_on(self, name: str) -> bool:
        return name in self._child and self._child[name].ending is None

    async def _return_called_off(self, name: str, *, halted: bool) -> None:
        """The run is over; its source is put back whatever the window, as nobody wants it halted.

        Until it is started its row is not over: the wave stays, but not for ever.
        """
        before, why = self.states[name], self._called_off[name]
        if halted and before.state is not RowState.HALTED:
            self._move(name, RowState.HALTED, before.why, retry_at=before.retry_at)
        if not self._paused(name):
            await self._put_back(name, RowState.SKIPPED, why)

    def _paused(self, name: str) -> bool:
        at = self.states[name].retry_at
        return at is not None and self._clock() < at

    async def _put_back(self, name: str, state: RowState, why: str, *, wait: bool = True) -> None:
        """End the row's child, if it has one, and have its source as it was before.

        By the clouds alone: it is done whether or not Prefect's API answers.
        """
        child = await self._end_child(name, wait=wait)
        row, standing = self._wave.by_name[name], self.states[name]
        if child is not None and child.ending is Ending.ARRIVED:
            self._move(name, RowState.DONE)
            return
        beside = self._held[name] >= BESIDE_AFTER
        try:
            marked = await put_back(row, self._clouds, standing.migration, beside=beside)
        except ColdferryError as error:
            if state is RowState.PUT_BACK:
                self._try_again(name, why, error)
            elif self._goes_on(name):  # it is called off again, unless it is over by then
                self._move(name, standing.state, f"{why}; its run is not over yet: {error}")
            else:
                self._try_again(name, why, error, tries=BESIDE_AFTER + 1)
        else:
            arrived = marked.state is RowState.DONE
            why = "" if arrived else why
            self._move(name, RowState.DONE if arrived else state, why, halted=False)

    def _try_again(
        self, name: str, why: str, error: ColdferryError, tries: int | None = None
    ) -> None:
        """Its source could not be started: the page names it until it is, after each pause.

        Where it is tried ``tries`` times only, its row is not over before the last of them.
        """
        pause_s = min(LONGEST_PAUSE_S, PAUSE_S * 2 ** min(self._refused[name], 10))
        self._refused[name] += 1
        self._held[name] += isinstance(error, Conflict)
        at = self._clock() + timedelta(seconds=pause_s)
        down, last = self.states[name].down, self._refused[name] == tries
        told = f"{why}, and it could not be {'started again' if down else 'put back'}: {error}"
        told += "" if last else f" Tried again at {said(at)}."
        if tries is None:
            self._move(name, RowState.FAILED, told, halted=True, stuck=True, retry_at=at)
        elif last:
            self._move(name, RowState.FAILED if down else RowState.SKIPPED, told, halted=down)
        else:
            self._move(name, self.states[name].state, told, retry_at=at)

    async def _end_child(self, name: str, *, wait: bool = True) -> Child | None:
        """The child as it ended, or as it is when it does not in time.

        Looked at afresh: one that was over may have been resumed by hand. What
        one that does not end would do later, it does not: it finds its source
        started, and may write no more how far it is.
        """
        if name not in self._child:
            return None
        child = await self._afresh(self._child[name])
        if child.ending is None:
            with suppress(*API_AWAY):
                await self._children.cancel(child.id)
            with suppress(TimeoutError):
                async with asyncio.timeout(self._children.ends_within_s if wait else 0):
                    while child.ending is None:
                        await asyncio.sleep(min(1.0, self._children.every_s))
                        child = await self._afresh(child)
        self._child[name] = child
        await self._ended(name)
        return child

    async def _afresh(self, child: Child) -> Child:
        with suppress(*API_AWAY):
            for seen in await self._children.look([child.id]):
                return seen
        return child

    async def _ended(self, name: str) -> None:
        await unshare(self._wave, self.states[name].migration)

    def _move(
        self,
        name: str,
        state: RowState,
        why: str = "",
        *,
        halted: bool | None = None,
        doing: str = "",
        tries: int | None = None,
        migration: str | None = None,
        stuck: bool = False,
        retry_at: datetime | None = None,
    ) -> None:
        """``halted`` says of a row without a child how its source was left; None: as it was."""
        before = self.states[name]
        left = before.halted and state is not RowState.DONE
        self.states[name] = replace(
            before,
            state=state,
            why=why,
            halted=left if halted is None else halted,
            doing=doing if state in ACTIVE else "",
            tries=before.tries if tries is None else tries,
            migration=before.migration if migration is None else migration,
            stuck=stuck,
            retry_at=retry_at,
        )
        if state is not before.state:
            announce_step(f"{name}: {state}" + (f", {why}" if why else ""))


def _log() -> Any:
    return get_logger("coldferry")
