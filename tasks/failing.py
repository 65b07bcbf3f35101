"""Telling of a failed run what a person needs first: one door for every flow of ours.

A flow has ``tell_of_failure`` among its hooks; that is all. A flow that knows
its steps has :func:`failures_told` around them, and is told of earlier.
"""

import re
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from typing import Any
from uuid import UUID

from prefect import Flow, runtime
from prefect.client.orchestration import get_client
from prefect.client.schemas.filters import FlowRunFilter, FlowRunFilterId
from prefect.client.schemas.objects import FlowRun, State
from prefect.client.schemas.sorting import TaskRunSort
from prefect.logging import get_run_logger

from coldferry.errors import ColdferryError, Ended, Failed
from coldferry.plain import plain
from coldferry.report import Stopwatch
from tasks import alarming
from tasks.clouds import Cloud
from tasks.failed_machine import FLOWS, ends_of, failure_of
from tasks.reaping import migration_of
from tasks.steps import failed_in
from tasks.waves.failing import WAVES, wave_failure_of

_told: set[tuple[str, int]] = set()
"""Runs of this process that were told of, with the number of the try."""


@asynccontextmanager
async def failures_told(
    migration: str, source: Cloud, vm: str, target: Cloud, timed: Stopwatch
) -> AsyncIterator[None]:
    """Publish what a person needs first when what is inside fails; the failure goes on.

    ``timed`` is the run's own: in one process there are other machines' steps, too.
    """
    try:
        yield
    except Ended:
        raise  # a person's own decision
    except ColdferryError as error:
        try:
            async with get_client() as client:
                run = await client.read_flow_run(UUID(runtime.flow_run.id))
            ends = (source, target)
            await _tell_of_machine(run, "migrate-vm", migration, vm, ends, error, timed.latest)
        except Exception as trouble:  # noqa: BLE001 - telling must never hide what happened
            get_run_logger().warning(f"The failure could not be told: {type(trouble).__name__}.")
        raise


async def tell_of_failure(flow: Flow[..., Any], flow_run: FlowRun, state: State[Any]) -> None:
    """The hook for failed and crashed runs: tells what nobody told yet.

    A worker calls it with these very keywords, in its own process, for a run
    whose process died. A command says itself what it ended with: of a run of its
    own only what touched a machine is told, and of a flow inside another the
    outer one tells.
    """
    async with get_client() as client:
        run = await client.read_flow_run(flow_run.id)
    error = await _error(state)
    if run.deployment_id is None and (run.parent_task_run_id or not isinstance(error, Failed)):
        return
    if not isinstance(error, Ended):
        await tell(run, flow.name, error)


async def tell_of_death(runs: Sequence[FlowRun]) -> None:
    """The same for runs that were found dead: no hook ran for them."""
    for run in runs:
        if run.parent_task_run_id is None or run.deployment_id is not None:  # no disk's own
            async with get_client() as client:
                flow = await client.read_flow(run.flow_id)
            error = ColdferryError("Its worker and its process died.", resumable=True)
            await tell(run, flow.name, error)


async def tell(run: FlowRun, flow: str, error: ColdferryError) -> None:
    """Publish it for a run, from its parameters and tags alone, unless that was done."""
    if (str(run.id), run.run_count) in _told:
        return
    if flow in WAVES:
        wave = await wave_failure_of(run, flow, error)
        await alarming.publish(run, flow, wave, wave.key, wave.summary)
        _told.add((str(run.id), run.run_count))
        return
    ends = await ends_of(run) if flow in FLOWS else None
    if ends is not None:
        migration = str(run.parameters.get("migration") or migration_of(run))
        vm = str(run.parameters.get("vm", ""))
        await _tell_of_machine(run, flow, migration, vm, ends, error, await _step_of(run))


async def _tell_of_machine(
    run: FlowRun,
    flow: str,
    migration: str,
    vm: str,
    ends: tuple[Cloud, Cloud],
    error: ColdferryError,
    step: str,
) -> None:
    """It counts as told once it is: what failed to be published is tried again by the hook."""
    failure = await failure_of(run, FLOWS[flow], migration, vm, ends, error, step)
    await alarming.publish(run, flow, failure, failure.key, failure.summary)
    _told.add((str(run.id), run.run_count))


async def _step_of(run: FlowRun) -> str:
    """The step that failed in it, or was at work when its process died; empty where none is known.

    Of a run of another process, which is dead, Prefect's API knows.
    """
    if step := failed_in(str(run.id)):
        return step
    with suppress(Exception):  # what Prefect cannot say is not known
        async with get_client() as client:
            found = await client.read_task_runs(
                flow_run_filter=FlowRunFilter(id=FlowRunFilterId(any_=[run.id])),
                sort=TaskRunSort.EXPECTED_START_TIME_DESC,
                limit=20,
            )
        for one in found:
            if one.state and not (one.state.is_completed() or one.state.is_cancelled()):
                return re.sub(r"-[0-9a-f]{1,3}$", "", plain(one.name))
    return ""


async def _error(state: State[Any]) -> ColdferryError:
    """What a state failed with, in our words."""
    if state.is_failed():
        found: Any = None
        with suppress(Exception):  # a result that cannot be read is none
            found = await state.aresult(raise_on_failure=False)
        if isinstance(found, ColdferryError):
            return found
    message = plain(state.message or "", 1000)
    crashed = "Its process died." if state.is_crashed() else "It ended with a defect of ours."
    return ColdferryError(f"{crashed} {message}".strip(), resumable=True)
