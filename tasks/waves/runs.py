"""Children as Prefect's API has them: runs of ``migrate-vm`` that bear a wave's name."""

from collections.abc import Iterable, Mapping
from typing import Any
from uuid import UUID

from prefect.client.orchestration import get_client
from prefect.client.schemas.filters import (
    FlowFilter,
    FlowFilterName,
    FlowRunFilter,
    FlowRunFilterTags,
)
from prefect.client.schemas.objects import FlowRun, StateType
from prefect.states import Cancelling

from coldferry.due import WAVE_TAG, RunState
from coldferry.errors import ColdferryError
from coldferry.waves.reading import read_wave
from coldferry.waves.selecting import kind_of
from tasks.runs import run_state, runs_of
from tasks.waves.children import ATTEMPT_TAG, ROW_TAG, Child, Ending, ending_told

FLOW = "migrate-vm"
PAGE = 200
"""Runs that Prefect's API answers at once."""


async def tagged(wave: str) -> list[FlowRun]:
    """Every migration's run that bears the wave's name."""
    found: list[FlowRun] = []
    async with get_client() as client:
        while True:
            page = await client.read_flow_runs(
                flow_filter=FlowFilter(name=FlowFilterName(any_=[FLOW])),
                flow_run_filter=FlowRunFilter(tags=FlowRunFilterTags(all_=[f"{WAVE_TAG}{wave}"])),
                limit=PAGE,
                offset=len(found),
            )
            found += page
            if len(page) < PAGE:
                return found


def as_child(run: FlowRun) -> Child:
    """What Prefect says of a child's run."""
    row, attempt = _told(run.tags, ROW_TAG), _told(run.tags, ATTEMPT_TAG)
    state = run.state
    kind = state.type if state else StateType.PENDING
    ending, why = _ENDINGS.get(kind), (state.message or "") if state else ""
    if kind is StateType.FAILED:
        ending, why = ending_told(why)
    return Child(
        id=str(run.id),
        row=row,
        attempt=int(attempt) if attempt.isdecimal() else 0,
        at_work=kind not in (StateType.SCHEDULED, StateType.PENDING),
        ending=ending,
        why=why,
    )


_ENDINGS = {
    StateType.COMPLETED: Ending.ARRIVED,
    StateType.CRASHED: Ending.CRASHED,
    StateType.CANCELLED: Ending.CANCELLED,
}


def _told(tags: Iterable[str], prefix: str) -> str:
    return next((tag.removeprefix(prefix) for tag in tags if tag.startswith(prefix)), "")


async def living(wave: str, but: UUID | None = None) -> list[FlowRun]:
    """Runs of the wave itself that are at work: none that waits, is being ended, or is silent."""
    found = []
    for run in await runs_of(f"{WAVE_TAG}{wave}", ("migrate-wave",)):
        ending = run.state is None or run.state.is_cancelling()
        if run.id != but and not ending and await run_state(run) is RunState.ALIVE:
            found.append(run)
    return found


async def guards(wave: str, vm: str) -> bool:
    """A run of the wave is carried out now that has the machine among its own.

    One that waits for a worker puts nothing back, and one whose rows it is not among does not
    look at it.
    """
    for run in await living(wave):
        carried = run.state is not None and (run.state.is_running() or run.state.is_pending())
        if carried and _has(run.parameters, vm):
            return True
    return False


def _has(parameters: Mapping[str, Any], vm: str) -> bool:
    """Which machines bear the tags of a selector only its own run knows."""
    manifest = str(parameters.get("manifest") or "")
    if not manifest.strip():
        return bool(parameters.get("selector"))
    try:
        rows = read_wave(manifest, kind_of(manifest), "the manifest").rows
    except ColdferryError:
        return False
    return any(row.vm.rpartition("/")[2] == vm.rpartition("/")[2] for row in rows)


async def cancel_run(run: UUID) -> None:
    """Have a run cancelled by its worker; refused, and no matter, where it is over already."""
    async with get_client() as client:
        await client.set_flow_run_state(run, Cancelling(message="Its wave ended it."))
