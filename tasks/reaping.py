"""Runs that a dead worker left behind: found by their silence, and made retryable."""

from dataclasses import asdict, dataclass
from typing import Any

from prefect.artifacts import acreate_table_artifact
from prefect.client.orchestration import get_client
from prefect.client.schemas.objects import FlowRun, State, StateType
from prefect.logging import get_run_logger
from prefect.states import Cancelled, Crashed

from coldferry.errors import Conflict
from coldferry.migration import is_migration
from coldferry.plain import inert
from tasks.runs import alive, set_state, silence_s


@dataclass(frozen=True)
class Reaped:
    """A run that was found dead; ``silent_s`` is how long it had sent no sign of life."""

    run: str
    name: str
    migration: str
    silent_s: int
    state: str


async def reap(silent_for_s: float) -> tuple[list[Reaped], list[FlowRun]]:
    """Set every silent run to Crashed, or to Cancelled where that had been asked for.

    A run that waits for a person is Paused by its type and is never looked at.
    One that was set on meanwhile is left alone. With what was done come the
    runs that are Crashed now.
    """
    reaped: list[Reaped] = []
    crashed: list[FlowRun] = []
    for run in await alive(StateType.RUNNING, StateType.PENDING, StateType.CANCELLING):
        async with get_client() as client:
            silent_s = await silence_s(client, run)
        if run.state is None or silent_s <= silent_for_s:
            continue
        told = f"No sign of life for {silent_s:.0f} s: its process is gone. Found by 'reconcile'."
        cancelling = run.state.is_cancelling()
        state: State[Any] = Cancelled(message=told) if cancelling else Crashed(message=told)
        if not await set_state(run, state):
            continue
        get_run_logger().warning(inert(f"{run.name}: {told}"))
        reaped.append(
            Reaped(str(run.id), run.name, migration_of(run), int(silent_s), state.name or "")
        )
        if not cancelling:
            crashed.append(run)
    return reaped, crashed


async def reap_one(run: FlowRun) -> FlowRun:
    """Make one silent run retryable; as it is then. Raises Conflict when it moved meanwhile."""
    if not await set_state(run, Crashed(message="No sign of life. Found by 'coldferry resume'.")):
        raise Conflict(
            f"The run {run.name} moved on meanwhile.", "Look at 'coldferry list', then again."
        )
    async with get_client() as client:
        return await client.read_flow_run(run.id)


def migration_of(run: FlowRun) -> str:
    """The migration that a run is tagged with, empty where none is."""
    return next((tag for tag in run.tags if is_migration(tag)), "")


async def publish_reaped(reaped: list[Reaped]) -> None:
    """Show them as the run's artifact."""
    rows: list[dict[str, Any]] = [{**asdict(one), "name": inert(one.name)} for one in reaped] or [
        {"run": "none was dead"}
    ]
    await acreate_table_artifact(rows, key="reconciled", description=f"{len(reaped)} dead runs")
