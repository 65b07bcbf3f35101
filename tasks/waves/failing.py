"""What is known of a wave's failed run: of each machine, and of what exists for all of them."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

from prefect.client.schemas.objects import FlowRun

from coldferry.auditing import Entry, Seen
from coldferry.due import WAVE_TAG
from coldferry.errors import (
    BadInput,
    ColdferryError,
    Refused,
    TranslationsMissing,
    WaveUnfinished,
)
from coldferry.migration import frozen_words, slug
from coldferry.waves.failing import Machine, WaveFailure
from coldferry.waves.standing import RowState
from coldferry.waves.wave import Row, Wave
from tasks.auditing import see, weigh
from tasks.clouds import Cloud
from tasks.failed_machine import PATIENCE_S, name_of
from tasks.waves.clouds import Clouds, load_clouds
from tasks.waves.reading import wave_of
from tasks.waves.sources import standing_at_source

WAVES = {
    "migrate-wave": "moving the machines",
    "cutover-wave": "handing over",
    "rollback-wave": "going back",
}
"""Flows with the machines of a wave, and what each does with them."""


@dataclass(frozen=True)
class RunFailure(WaveFailure):
    """With the artifact's key."""

    @property
    def key(self) -> str:
        """``failure-wave-`` and the wave's name."""
        return f"failure-wave-{slug(self.name)}"


async def wave_failure_of(run: FlowRun, flow: str, error: ColdferryError) -> RunFailure:
    """Ask the clouds of all its rows, once; what cannot be asked is said to be unknown."""
    named = (tag.removeprefix(WAVE_TAG) for tag in run.tags if tag.startswith(WAVE_TAG))
    told = RunFailure(
        name=next(named, ""),
        what=error.what,
        do=error.do,
        step=_step(flow, error),
        moving=flow == "migrate-wave",
        deployed=run.deployment_id is not None,
        now=datetime.now(UTC),
    )
    try:
        wave = await _wave(run)
    except ColdferryError:  # its own fault is the cause that is told
        return _by_document(replace(told, name=told.name or run.name), error)
    told = replace(told, name=told.name or wave.name, abort_at=wave.window.abort_at)
    try:
        async with asyncio.timeout(PATIENCE_S):
            clouds = await load_clouds(wave)
            machines = await asyncio.gather(*(_machine(row, clouds) for row in wave.rows))
            exists, unasked = await asyncio.to_thread(_exists, clouds, machines)
    except ColdferryError as trouble:
        return replace(told, unasked=(str(trouble),))
    except TimeoutError:
        return replace(told, unasked=(f"No answer came in {PATIENCE_S:.0f} s.",))
    machines = _with_reasons(machines, error)
    return replace(told, machines=machines, exists=exists, unasked=unasked)


def _step(flow: str, error: ColdferryError) -> str:
    """How far a wave was, by what ended it; empty where that does not tell."""
    if isinstance(error, WaveUnfinished):
        return WAVES[flow]
    if isinstance(error, BadInput):
        return "reading the wave"
    looking = "planning" if flow == "migrate-wave" else "looking at"
    known = isinstance(error, TranslationsMissing | Refused)
    return f"{looking} the machines" if known else ""


async def _wave(run: FlowRun) -> Wave:
    """As the run was given it. Raises BadInput where it was given a selector: it may differ now."""
    given: dict[str, Any] = run.parameters
    return await wave_of(str(given.get("manifest") or ""), None)


async def _machine(row: Row, clouds: Clouds) -> Machine:
    marked = await standing_at_source(row, clouds)
    if marked is None:
        return Machine(row.name, row.vm, "not known", "its source does not answer", None)
    return Machine(row.name, row.vm, marked.state.value, marked.why, marked.down, marked.migration)


def _with_reasons(machines: Sequence[Machine], error: ColdferryError) -> list[Machine]:
    """With how the wave left each row, where its run came so far: tags say less."""
    rows = error.document["rows"] if isinstance(error, WaveUnfinished) else []
    left = {row["name"]: row for row in rows}
    return [
        replace(one, state=left[one.name]["state"], why=left[one.name]["why"])
        if one.name in left and one.state != RowState.DONE.value
        else one
        for one in machines
    ]


def _by_document(told: RunFailure, error: ColdferryError) -> RunFailure:
    """Of a wave that was selected by tags, which may select others now: as its run left it."""
    if not isinstance(error, WaveUnfinished):
        return told
    end = error.document["window"]["abort_at"]
    machines = [
        Machine(
            row["name"], row["vm"], row["state"], row["why"], row["source_halted"], row["migration"]
        )
        for row in error.document["rows"]
    ]
    return replace(
        told,
        machines=machines,
        abort_at=datetime.fromisoformat(end) if end else None,
        unasked=("What exists: 'coldferry audit' says it; the wave's machines were selected.",),
    )


def _exists(clouds: Clouds, machines: Sequence[Machine]) -> tuple[list[Entry], list[str]]:
    seen, unasked = list[Seen](), list[str]()
    every: list[Cloud] = [clouds[name] for name in sorted(clouds)]
    for cloud in every:
        try:
            seen.append(see(name_of(cloud), cloud))
        except ColdferryError as error:
            unasked.append(f"{name_of(cloud)}: {error}")
    ours = {one.migration for one in machines if one.migration}
    words = {word for one in ours for word in frozen_words(one)}
    return [one for one in weigh(seen).entries if one.thing.migration in words], unasked
