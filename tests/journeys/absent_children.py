"""A wave's children on a machine that the test speaks for, and a source that refuses to start."""

import asyncio
import uuid
from collections.abc import Callable, Collection
from dataclasses import replace
from datetime import datetime
from typing import Any

import httpx

from coldferry.errors import ColdferryError
from coldferry.migration import Marks, State, pair_of
from coldferry.ports import Arrived
from coldferry.waves.standing import Standing, States
from coldferry.waves.wave import Window
from providers.memory.cloud import MemoryCloud
from providers.memory.world import World
from providers.registry import Access, lend
from tasks.clouds import Cloud
from tasks.waves.children import Child, Ending, Order
from tasks.waves.driving import Drive
from tests.conformance.worlds import a_target, add_machine
from tests.unit.wave_strategies import HOUR, T0, a_row, a_wave

ROW, VM, NEW = "web", "i-web", "new-web"


class Reluctant(MemoryCloud):
    """Raises ``refusals`` one by one instead of starting a machine."""

    def __init__(self, world: World) -> None:
        super().__init__(world)
        self.refusals: list[ColdferryError] = []
        self.as_it_starts: Callable[[], Any] = lambda: None

    def start(self, vm: str) -> None:
        if self.refusals:
            raise self.refusals.pop(0)
        self.as_it_starts()
        super().start(vm)


class Stubborn(MemoryCloud):
    """Raises what it has to refuse of a method, one by one, instead of doing it."""

    def __init__(self, world: World) -> None:
        super().__init__(world)
        self.refusals: dict[str, list[ColdferryError]] = {}

    def stop(self, vm: str, *, force: bool = False, timeout_s: float = 600) -> None:
        self._refuse("stop")
        super().stop(vm, force=force, timeout_s=timeout_s)

    def arrived(self, migration: str) -> Arrived | None:
        self._refuse("arrived")
        return super().arrived(migration)

    def _refuse(self, method: str) -> None:
        if left := self.refusals.get(method):
            raise left.pop(0)


class Elsewhere:
    """Children that halt their source as soon as they are begun; the test says how they end.

    ``away``: Prefect's API answers nobody. ``deaf``: what is cancelled goes on. ``halts``: False
    for those that halt when the test says so.
    """

    every_s = ends_within_s = 0.0
    end_with_us = False

    def __init__(self, source: MemoryCloud) -> None:
        self.source = source
        self.away = self.deaf = False
        self.halts = True
        self.child: Child | None = None
        self.cancelled: list[str] = []

    async def known(self) -> list[Child]:
        return []

    async def begin(self, order: Order, attempt: int) -> Child:
        self._answer()
        self.order = order
        if self.halts:
            self.halt()
        self.child = Child(f"run-{attempt}", order.row.name, attempt, at_work=True)
        return self.child

    def halt(self) -> None:
        """The child halts its source, and goes on to copy it."""
        vm = self.order.row.vm
        self.source.stop(vm)
        self.source.mark(vm, Marks(self.order.migration, State.COPYING, "running"))

    async def look(self, ids: Collection[str]) -> list[Child]:
        self._answer()
        return [self.child] if self.child and self.child.id in ids else []

    async def cancel(self, child: str) -> None:
        self._answer()
        self.cancelled.append(child)
        if not self.deaf:
            self.end(Ending.CANCELLED)

    def end(self, ending: Ending | None) -> None:
        """The child is over; None: somebody resumed it."""
        assert self.child is not None
        self.child = replace(self.child, ending=ending)

    def _answer(self) -> None:
        if self.away:
            raise httpx.ConnectError("All connection attempts failed")


class Night:
    """A wave of one machine whose window ends in three hours; each look is an hour later.

    ``at`` says what happens at an hour, before the wave looks.
    """

    def __init__(self) -> None:
        self.source = Reluctant(World("here", sizes={"small": (2, 4 << 30)}))
        add_machine(self.source, VM, 1)
        self.target = Stubborn(a_target().world)
        self.clouds = {"here": _lent("aws", self.source), "there": _lent("azure", self.target)}
        self.children = Elsewhere(self.source)
        self.wave = a_wave(a_row(ROW), window=Window(abort_at=T0 + 3 * HOUR))
        self.migration = f"web-there-{pair_of(self.source, VM, self.target)}-a1"
        self.at: dict[int, Callable[[], Any]] = {}
        self.hour, self.now = -1, T0
        self.shown: list[Standing] = []

    def clock(self) -> datetime:
        self.hour += 1
        self.now = T0 + self.hour * HOUR
        if act := self.at.get(self.hour):
            act()
        return self.now

    async def show(self, states: States) -> None:
        """Keep what the page says of the row."""
        self.shown.append(states[ROW])

    def drive(self) -> Standing:
        """The row as it ended."""
        return asyncio.run(self._drive())

    async def _drive(self) -> Standing:
        drive = Drive(self.wave, self.clouds, self.children, self.show, self.clock)
        order = Order(self.wave.rows[0], self.migration, "", {})
        await drive.take_up({ROW: Standing(migration=self.migration)}, {ROW: order})
        await drive.run()
        return drive.states[ROW]


def _lent(provider: str, cloud: MemoryCloud) -> Cloud:
    named = {"aws": "endpoint_url", "azure": "endpoint"}[provider]
    settings = {provider: {named: f"memory:{uuid.uuid4()}"}}
    access = Access.model_validate({"provider": provider, **settings})
    lend(access, cloud)
    return Cloud(provider=access.provider, aws=access.aws, azure=access.azure)
