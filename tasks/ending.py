"""Ending the run that carries a migration out, before anything of it is taken back."""

import asyncio
import time
from contextlib import suppress

from prefect.client.orchestration import get_client
from prefect.client.schemas.objects import FlowRun, StateType
from prefect.client.schemas.objects import State as RunState
from prefect.exceptions import MissingContextError
from prefect.logging import get_run_logger
from prefect.states import Cancelled

from coldferry.errors import Conflict, Refused, UnknownMachine
from coldferry.migration import State
from coldferry.plain import inert
from tasks.clouds import Cloud
from tasks.runs import SILENT_S, runs_of, set_state, silence_s
from tasks.steps import step

PATIENCE_S = 2 * SILENT_S
"""A worker ends a run in half a minute; one that is dead is known to be by then."""

_PAUSE_S = 2.0
_TAKEN_OVER = frozenset({State.CUT_OVER, State.FINALISED})


@step("confirm under way", early=True)
def confirm_under_way(source: Cloud, vm: str, migration: str) -> None:
    """Raise Refused where the new machine has taken over: that is no longer a run's matter."""
    try:
        marks = source.source().marks(vm) if vm else None
    except UnknownMachine:
        return
    if marks is not None and marks.migration == migration and marks.state in _TAKEN_OVER:
        raise Refused(
            f"{migration} is {marks.state}: its machine has taken over at the target.",
            f"'coldferry rollback {migration}' says what is to become of the target's new data.",
        )


async def end_runs(migration: str, patience_s: float = PATIENCE_S) -> list[str]:
    """Cancel every run of it that has not ended, and wait until each has; their ids.

    A run whose worker died cannot be cancelled by anybody: once it was silent
    for :data:`tasks.runs.SILENT_S` it is set to Cancelled. Raises Conflict where one
    lives on, so that nothing is removed under its hands.
    """
    living = [run for run in await runs_of(migration) if run.state and not run.state.is_final()]
    for run in living:
        await _confirm_can_end(run, migration)
    for run in living:
        with suppress(MissingContextError):  # in a hook there is no run
            get_run_logger().info(inert(f"Ending the run {run.name}."))
        async with get_client() as client:
            await client.set_flow_run_state(run.id, RunState(type=StateType.CANCELLING))
    deadline = time.monotonic() + patience_s
    for run in living:
        await _wait(run, migration, deadline)
    return [str(run.id) for run in living]


async def _confirm_can_end(run: FlowRun, migration: str) -> None:
    """Raise Conflict for a run that a command carries out, and lives: no worker can end it."""
    if run.deployment_id is not None:
        return
    async with get_client() as client:
        if await silence_s(client, run) > SILENT_S:
            return
    raise Conflict(
        f"{migration} is carried out by a command, in the run {run.name}.",
        "End it where it runs with ctrl-C, then give the same command again. If its process is "
        f"gone already: 'coldferry rollback {migration}'.",
    )


async def _wait(run: FlowRun, migration: str, deadline: float) -> None:
    while True:
        async with get_client() as client:
            fresh = await client.read_flow_run(run.id)
            if fresh.state is None or fresh.state.is_final():
                return
            beats_since = await silence_s(client, run)
        if beats_since > SILENT_S:
            told = f"No sign of life for {beats_since:.0f} s; cancelled by 'coldferry abort'."
            if await set_state(fresh, Cancelled(message=told)):
                return
        if time.monotonic() > deadline:
            raise Conflict(
                f"The run {run.name} of {migration} does not end: its process lives.",
                "Stop its worker, then give the same command again.",
            )
        await asyncio.sleep(_PAUSE_S)
