"""A wave as it stands now, by its sources' tags: with or without a run of it."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

from prefect.client.orchestration import get_client
from prefect.client.schemas.filters import (
    FlowFilter,
    FlowFilterName,
    FlowRunFilter,
    FlowRunFilterTags,
)
from prefect.client.schemas.objects import FlowRun
from prefect.client.schemas.sorting import FlowRunSort

from coldferry.due import WAVE_TAG, Due, RunState, due
from coldferry.errors import BadInput, ColdferryError
from coldferry.migration import MOVED, Marks, State, pair_of
from coldferry.plain import visible
from coldferry.waves.selecting import Selector
from coldferry.waves.standing import RowState, Standing, standing_of
from coldferry.waves.table import as_json
from coldferry.waves.wave import Row, Wave
from tasks.runs import run_state, runs_of
from tasks.waves.clouds import Clouds, ends
from tasks.waves.reading import wave_of

FLOW = "migrate-wave"
_AT_ONCE = 8
_DOING = {State.HALTED: "freezing", State.COPYING: "copying", State.PROVEN: "allocating"}


@dataclass(frozen=True)
class Looked:
    """One row: ``marks`` None of a machine that bears none, ``silent`` why nobody can tell."""

    row: Row
    standing: Standing
    marks: Marks | None = None
    run: RunState = RunState.NONE
    silent: str = ""


async def wave_named(name: str) -> Wave:
    """The wave that its newest run was given. Raises BadInput where Prefect knows of no run."""
    run = await _newest(name)
    if run is None:
        raise BadInput(
            f"No run of a wave {visible(name)} is known to the Prefect server in use.",
            "Give the wave's file instead of its name.",
        )
    told = run.parameters.get("selector")
    selector = Selector.model_validate(told) if told else None
    return await wave_of(str(run.parameters.get("manifest") or ""), selector)


async def look(wave: Wave, clouds: Clouds) -> list[Looked]:
    """Each row as its source's tags have it, read afresh, and what its run does."""
    at_once = asyncio.Semaphore(_AT_ONCE)

    async def one(row: Row) -> Looked:
        async with at_once:
            try:
                marks, standing = await asyncio.to_thread(_marked, row, clouds)
            except ColdferryError as error:
                return Looked(row, Standing(), silent=str(error))
            runs = await runs_of(standing.migration) if standing.migration else []
            doing = await run_state(runs[0] if runs else None)
            return Looked(row, _standing(standing, marks, doing), marks, doing)

    return list(await asyncio.gather(*map(one, wave.rows)))


async def document_of(wave: Wave, looked: Sequence[Looked]) -> dict[str, Any]:
    """The contract of ``coldferry status --wave --json``: the wave's page, and what is due."""
    run = await run_state(await _newest(wave.name))
    states = {one.row.name: one.standing for one in looked}
    page = as_json(wave, states, datetime.now(UTC))
    rows = []
    for told, one in zip(page["rows"], looked, strict=True):
        next_ = _due(one, told["next"], run)
        rows.append(
            {
                **told,
                "marked": one.marks.state.value if one.marks and told["migration"] else "",
                "doing": one.run.value,
                "silent": one.silent,
                "command": next_.command,
                "next": next_.why,
            }
        )
    return {**page, "run": run.value, "rows": rows}


def _marked(row: Row, clouds: Clouds) -> tuple[Marks | None, Standing]:
    source, target = ends(row, clouds)
    origin = source.source()
    marks = origin.marks(row.vm)
    return marks, standing_of(marks, pair_of(origin, row.vm, target.target()))


def _standing(standing: Standing, marks: Marks | None, run: RunState) -> Standing:
    """With what the run says: without one under way, a halted source is left halted."""
    if standing.state is RowState.DONE or marks is None or not standing.migration:
        return standing
    if run is RunState.ALIVE:
        state = RowState.HALTED if standing.halted else RowState.RUNNING
        doing = _DOING.get(marks.state, "") if standing.halted else ""
        return replace(standing, state=state, doing=doing)
    halted = standing.halted or (standing.stopping and run is not RunState.WAITING)
    return replace(standing, state=RowState.FAILED if halted else standing.state, halted=halted)


def _due(one: Looked, page: str, run: RunState) -> Due:
    """The page's word, where a run goes on with the row or the row is the wave's to begin."""
    if one.silent:
        return Due("", f"Its source does not answer: {one.silent}")
    marks, migration = one.marks, one.standing.migration
    if marks is not None and migration:
        own = due(migration, marks.state.value, one.run, 0, one.row.vm)
        if marks.state in MOVED or one.run in (RunState.SILENT, RunState.WAITING):
            return own
        if one.standing.state is RowState.FAILED:
            return Due(own.command, f"ITS SOURCE IS HALTED. {own.why}")
    if one.standing.state is RowState.PLANNED and run is not RunState.ALIVE:
        told = "waits for its form" if run is RunState.WAITING else "does not run: begin it again"
        return Due("", f"to be begun; the wave {told}")
    return Due("", page)


async def _newest(name: str) -> FlowRun | None:
    async with get_client() as client:
        found = await client.read_flow_runs(
            flow_filter=FlowFilter(name=FlowFilterName(any_=[FLOW])),
            flow_run_filter=FlowRunFilter(tags=FlowRunFilterTags(all_=[f"{WAVE_TAG}{name}"])),
            sort=FlowRunSort.EXPECTED_START_TIME_DESC,
            limit=1,
        )
    return found[0] if found else None
