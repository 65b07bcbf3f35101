"""A wave that is cancelled, or dies, reaches its children: Prefect stops none of them by itself.

Hooks are called by keyword, in the run's process or, once that is dead, in its
worker's: their parameters must be called ``flow``, ``flow_run`` and ``state``.
"""

from typing import Any

from prefect import Flow
from prefect.client.orchestration import get_client
from prefect.client.schemas.objects import FlowRun, State, StateType
from prefect.logging.loggers import flow_run_logger

from coldferry.due import WAVE_TAG
from tasks.waves.runs import cancel_run, tagged

_OVER = {StateType.COMPLETED, StateType.FAILED, StateType.CRASHED, StateType.CANCELLED}


async def end_children(flow: Flow[Any, Any], flow_run: FlowRun, state: State[Any]) -> None:
    """A wave was cancelled: all its children that are not over are cancelled, too.

    What they had halted stays halted, and is marked so: the same wave again
    goes on, a rollback of each puts it back.
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


async def _end(flow_run: FlowRun, *, also_at_work: bool) -> None:
    async with get_client() as client:
        tags = (await client.read_flow_run(flow_run.id)).tags
    names = [tag.removeprefix(WAVE_TAG) for tag in tags if tag.startswith(WAVE_TAG)]
    for name in names:
        for child in await tagged(name):
            kind = child.state.type if child.state else StateType.PENDING
            waits = kind in (StateType.SCHEDULED, StateType.PENDING)
            if kind not in _OVER and (waits or also_at_work):
                flow_run_logger(flow_run).info("Cancelling %s", child.name)
                await cancel_run(child.id)
