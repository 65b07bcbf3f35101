"""Children in this process, a thread each: a wave on one machine, without a worker.

Each is a run of its own, with a loop of its own, not a subflow: the flow's
steps block, and one child must not hold up another, nor the wave's clock.
"""

import asyncio
from collections.abc import Collection, Coroutine, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextvars import Context
from dataclasses import replace
from typing import Any

from prefect import Flow
from prefect.client.orchestration import get_client
from prefect.client.schemas.objects import FlowRun, State
from prefect.context import SettingsContext
from prefect.logging import get_logger

from coldferry.errors import ColdferryError
from coldferry.progress import begin_one, end_one
from coldferry.waves.wave import Wave
from tasks.waves.children import ENDS_WITHIN_S, Child, Ending, Order, ending_of, tags_of
from tasks.waves.clouds import Clouds, ends

Migrate = Flow[..., Coroutine[Any, Any, Any]]
"""The flow ``migrate-vm``."""


class Here:
    """See :class:`tasks.waves.children.Children`. They end with this process."""

    every_s = 0.2
    ends_within_s = ENDS_WITHIN_S
    end_with_us = True

    def __init__(self, wave: Wave, clouds: Clouds, migrate: Migrate) -> None:
        self._wave = wave
        self._clouds = clouds
        self._migrate = migrate
        self._pool = ThreadPoolExecutor(wave.machines_at_once, "coldferry-wave")
        self._seen: dict[str, Child] = {}
        self._migrations: dict[str, str] = {}

    async def known(self) -> list[Child]:
        """None: those of an earlier process ended with it."""
        return list(self._seen.values())

    async def begin(self, order: Order, attempt: int) -> Child:
        """In a thread; that of the same attempt where there is one."""
        named = f"{order.row.name}/{attempt}"
        if named not in self._seen:
            begin_one(order.migration)
            self._seen[named] = Child(named, order.row.name, attempt, at_work=True)
            self._migrations[named] = order.migration
            self._pool.submit(_alike().run, self._run, named, order, attempt)
        return self._seen[named]

    async def look(self, ids: Collection[str]) -> list[Child]:
        """As their threads left them."""
        return [self._seen[one] for one in ids if one in self._seen]

    async def cancel(self, child: str) -> None:
        """Its copies end within a second; what is beyond copying goes to its end."""
        end_one(self._migrations[child])

    def _run(self, named: str, order: Order, attempt: int) -> None:
        ending, why = self._carry_out(order, attempt)
        self._seen[named] = replace(self._seen[named], ending=ending, why=why)

    def _carry_out(self, order: Order, attempt: int) -> tuple[Ending, str]:
        source, target = ends(order.row, self._clouds)
        try:
            migrate = _tagged(self._migrate, tags_of(self._wave, order.row, attempt))
            asyncio.run(
                migrate(
                    source,
                    order.row.vm,
                    target,
                    answers=order.answers,
                    approved=order.digest,
                    **order.row.options.model_dump(),
                )
            )
        except ColdferryError as error:
            return ending_of(type(error)), str(error)
        except Exception as defect:  # noqa: BLE001 - one row's defect ends no other
            get_logger("coldferry").exception("A defect of ours, in %s", order.row.name)
            return Ending.FAILED, f"A defect of ours ({type(defect).__name__}); see the log."
        return Ending.ARRIVED, ""


def _tagged(migrate: Migrate, tags: Sequence[str]) -> Migrate:
    """The flow, whose run has these tags from its first line on.

    Not by ``prefect.tags``: that is for the tasks as well, and each task with a tag first asks the
    API for a slot, which ends it when the API is busy (prefect.task_engine, as installed).
    """

    async def tag(flow: Flow[Any, Any], flow_run: FlowRun, state: State[Any]) -> None:
        del flow, state
        async with get_client() as client:
            held = (await client.read_flow_run(flow_run.id)).tags
            await client.update_flow_run(flow_run.id, tags=sorted({*held, *tags}))
        flow_run.tags = sorted({*held, *tags})  # hooks of its end are given this very object

    return migrate.with_options(on_running=[*migrate.on_running_hooks, tag])


def _alike() -> Context:
    """A context with this one's settings and without its run, its loop's client, its tags."""
    alike, settings = Context(), SettingsContext.get()
    if settings is not None:
        alike.run(SettingsContext.__var__.set, settings)
    return alike
