"""The Prefect runs of a migration: found by its tag, looked at for signs of life, ended, retried.

Prefect's state is no lock and no proof of life: a run whose worker died with it
stays Running for ever. What tells the living from the dead is the heartbeat
that each run sends (docs.prefect.io, "Detect zombie flow runs"); an automation
on it was measured to crash suspended runs and to miss dead ones, so we look
ourselves.
"""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Any
from uuid import UUID

from prefect import runtime
from prefect.client.orchestration import PrefectClient, get_client
from prefect.client.schemas.filters import (
    FlowFilter,
    FlowFilterName,
    FlowRunFilter,
    FlowRunFilterState,
    FlowRunFilterStateType,
    FlowRunFilterTags,
)
from prefect.client.schemas.objects import FlowRun, State, StateType
from prefect.client.schemas.responses import SetStateStatus
from prefect.client.schemas.sorting import FlowRunSort
from prefect.events.filters import (
    EventFilter,
    EventNameFilter,
    EventOccurredFilter,
    EventOrder,
    EventResourceFilter,
)
from prefect.states import AwaitingRetry

from coldferry.due import RunState
from coldferry.errors import Conflict

FLOWS = (
    "abort", "audit", "compare", "copy-device", "cutover", "cutover-wave", "finalise",
    "migrate-vm", "migrate-wave", "plan", "probe", "reconcile", "rehearse", "rollback",
    "rollback-wave",
)  # fmt: skip
"""Flows of ours: of others at the same API nothing is touched."""

CARRYING = ("migrate-vm",)
"""Flows whose runs carry a migration out, and can go on with it."""

SILENT_S = 300
"""Ten heartbeats of ours: a run that sent none for so long is dead."""

_HEARTBEAT = "prefect.flow-run.heartbeat"
_MANY = 200


async def tag_run(*tags: str) -> None:
    """Tag this run, so that it is found by them."""
    run = runtime.flow_run.id
    if run is None:
        return
    async with get_client() as client:
        held = (await client.read_flow_run(UUID(run))).tags
        await client.update_flow_run(UUID(run), tags=[*dict.fromkeys([*held, *tags])])


async def runs_of(migration: str, flows: Sequence[str] = CARRYING) -> list[FlowRun]:
    """The runs that carried it out, the latest first."""
    async with get_client() as client:
        return await client.read_flow_runs(
            flow_filter=FlowFilter(name=FlowFilterName(any_=list(flows))),
            flow_run_filter=FlowRunFilter(tags=FlowRunFilterTags(all_=[migration])),
            sort=FlowRunSort.EXPECTED_START_TIME_DESC,
            limit=_MANY,
        )


async def alive(*types: StateType) -> list[FlowRun]:
    """All runs of ours whose state is of these types."""
    states = FlowRunFilterState(type=FlowRunFilterStateType(any_=list(types)))
    found: list[FlowRun] = []
    async with get_client() as client:
        while True:
            page = await client.read_flow_runs(
                flow_filter=FlowFilter(name=FlowFilterName(any_=list(FLOWS))),
                flow_run_filter=FlowRunFilter(state=states),
                sort=FlowRunSort.EXPECTED_START_TIME_ASC,
                limit=_MANY,
                offset=len(found),
            )
            found += page
            if len(page) < _MANY:
                return found


async def silence_s(client: PrefectClient, run: FlowRun) -> float:
    """Seconds since its last sign of life: its state's change, or a heartbeat since.

    All by the server's clock, where it tells: the times are its own.
    """
    assert run.state is not None
    last = run.state.timestamp
    page = await client.read_events(
        EventFilter(
            event=EventNameFilter(name=[_HEARTBEAT]),
            resource=EventResourceFilter(id=[f"prefect.flow-run.{run.id}"]),
            occurred=EventOccurredFilter.model_validate({"since": last - timedelta(days=1)}),
            order=EventOrder.DESC,
        ),
        limit=1,
    )
    for beat in page.events:
        last = max(last, beat.received, beat.occurred)
    return (await _now(client) - last).total_seconds()


async def run_state(run: FlowRun | None, silent_for_s: float = SILENT_S) -> RunState:
    """What it does, for a person."""
    if run is None or run.state is None:
        return RunState.NONE
    if run.state.is_final():
        return RunState.ENDED
    if run.state.is_paused():
        return RunState.WAITING
    if run.state.is_scheduled():
        return RunState.ALIVE
    async with get_client() as client:
        silent = await silence_s(client, run) > silent_for_s
    return RunState.SILENT if silent else RunState.ALIVE


async def set_state(run: FlowRun, state: State, *, force: bool = False) -> bool:
    """Change it if it is still as it was when it was read; False when it moved meanwhile."""
    async with get_client() as client:
        fresh = await client.read_flow_run(run.id)
        if fresh.state is None or run.state is None or fresh.state.id != run.state.id:
            return False
        answer = await client.set_flow_run_state(run.id, state, force=force)
    return answer.status is SetStateStatus.ACCEPT


async def retry(run: FlowRun) -> None:
    """What the Retry button does: the same run goes on, on whichever worker. Raises Conflict."""
    waiting: State[Any] = AwaitingRetry(message="Retried by 'coldferry resume'.")
    if not await set_state(run, waiting, force=True):
        raise Conflict(
            f"The run {run.name} moved on meanwhile.", "Look at 'coldferry list', then again."
        )


async def _now(client: PrefectClient) -> datetime:
    answer = await client.request("GET", "/health")
    date = answer.headers.get("date")
    return parsedate_to_datetime(date) if date else datetime.now(UTC)
