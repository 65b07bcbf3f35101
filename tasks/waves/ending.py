"""A wave that is cancelled, or dies, reaches its children: Prefect stops none of them by itself.

Hooks are called by keyword, in the run's process or, once that is dead, in its
worker's: their parameters must be called ``flow``, ``flow_run`` and ``state``.
"""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from prefect import Flow
from prefect.client.orchestration import get_client
from prefect.client.schemas.objects import FlowRun, State, StateType
from prefect.logging.loggers import flow_run_logger

from coldferry.due import WAVE_TAG
from coldferry.errors import ColdferryError
from coldferry.plain import inert
from coldferry.waves.reading import read_wave
from coldferry.waves.selecting import Selector, kind_of
from tasks.overdue import put_back_overdue
from tasks.waves.clouds import load_named
from tasks.waves.runs import cancel_run, living, tagged

_PATIENCE_S = 60.0
"""How long a hook waits for a run to end; it may be called in a worker's own process."""

_OVER = {StateType.COMPLETED, StateType.FAILED, StateType.CRASHED, StateType.CANCELLED}


async def end_children(flow: Flow[Any, Any], flow_run: FlowRun, state: State[Any]) -> None:
    """A wave was cancelled: all its children that are not over are cancelled, too.

    Not those of another run of the same wave, which is at work with them. What
    they had halted stays halted, and is marked so: the same wave again goes on,
    a rollback of each puts it back, and ``reconcile`` does at the window's end.
    """
    del flow, state
    await _end(flow_run, also_at_work=True)


async def end_waiting_children(flow: Flow[Any, Any], flow_run: FlowRun, state: State[Any]) -> None:
    """A wave's process died: children that no worker has begun would begin with nobody watching.

    Those at work go on to their end, and the wave, retried, finds them. Where
    the wave was being cancelled as it died, they are cancelled as well.
    """
    del flow, state
    async with get_client() as client:
        history = await client.read_flow_run_states(flow_run.id)
    cancelled = any(seen.type is StateType.CANCELLING for seen in history)
    await _end(flow_run, also_at_work=cancelled)


async def return_overdue(flow: Flow[Any, Any], flow_run: FlowRun, state: State[Any]) -> None:
    """A wave's run is over, by a failure or because its process died: nobody guards its window.

    If that has ended, its sources are started again; if it ends later, ``reconcile``
    looks then.
    """
    del flow, state
    try:
        end, sources = _window_of(flow_run.parameters)
        if end is None or datetime.now(UTC) < end:
            return
        clouds = await load_named(sources)
    except ColdferryError:  # it was no wave: nothing was halted
        return
    log = flow_run_logger(flow_run)
    for one in (await put_back_overdue(clouds, patience_s=_PATIENCE_S)).sources:
        log.warning(inert(one.sentence))


def _window_of(parameters: Mapping[str, Any]) -> tuple[datetime | None, set[str]]:
    """When it ends, and the clouds that its machines are taken from. Raises BadInput."""
    manifest = str(parameters.get("manifest") or "")
    if manifest.strip():
        wave = read_wave(manifest, kind_of(manifest), "the manifest")
        return wave.window.abort_at, {row.source for row in wave.rows}
    if not parameters.get("selector"):
        return None, set()
    selector = Selector.model_validate(parameters["selector"])
    return selector.window.abort_at, {selector.source}


async def _end(flow_run: FlowRun, *, also_at_work: bool) -> None:
    async with get_client() as client:
        tags = (await client.read_flow_run(flow_run.id)).tags
    names = [tag.removeprefix(WAVE_TAG) for tag in tags if tag.startswith(WAVE_TAG)]
    for name in names:
        if others := await living(name, but=flow_run.id):
            told = "Its children are left to the run %s of the same wave."
            flow_run_logger(flow_run).info(told, others[0].name)
            continue
        for child in await tagged(name):
            kind = child.state.type if child.state else StateType.PENDING
            waits = kind in (StateType.SCHEDULED, StateType.PENDING)
            if kind not in _OVER and (waits or also_at_work):
                flow_run_logger(flow_run).info("Cancelling %s", child.name)
                await cancel_run(child.id)
