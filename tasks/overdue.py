"""Sources that are halted though their window has ended, found by their tags and started again.

Whoever halted them, and whatever became of it: the moment stands on the machine.
"""

import asyncio
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

from prefect.artifacts import acreate_table_artifact
from prefect.client.schemas.objects import FlowRun
from prefect.exceptions import ObjectNotFound

from coldferry.due import WAVE_TAG
from coldferry.errors import ColdferryError, Failed
from coldferry.home import alone
from coldferry.migration import Marks, State, pair_of
from coldferry.plain import inert
from coldferry.ports import is_source
from tasks.clouds import Cloud
from tasks.ending import PATIENCE_S, end_runs
from tasks.halting import give_back
from tasks.runs import runs_of
from tasks.saved import saved_clouds
from tasks.waves.children import API_AWAY
from tasks.waves.runs import guards


@dataclass(frozen=True)
class Overdue:
    """One source past its window; ``why`` it was not started, empty when it was."""

    migration: str
    source: str
    vm: str
    abort_at: str
    why: str = ""

    @property
    def sentence(self) -> str:
        """For a log and for a terminal; with strangers' words in it."""
        named = f"{self.vm} ({self.migration})"
        late = f"{named} was halted past the end of its window, {self.abort_at}"
        if self.why:
            return f"{late}, and was NOT started: {self.why}"
        return f"{late}: it is put back as it was before."


@dataclass(frozen=True)
class Look:
    """What was found; clouds that did not answer are ``silent``: nothing is known of theirs."""

    sources: list[Overdue]
    silent: list[str]


async def put_back_overdue(
    clouds: Mapping[str, Cloud] | None = None, patience_s: float = PATIENCE_S
) -> Look:
    """End what still carries them out, start each, and leave only the attempt's tag.

    In all saved clouds, or in ``clouds`` alone; where each was on its way to is looked up
    among all. A machine whose wave is at work with it is
    left to it. What cannot be started now is told, and is found the next time.
    """
    now, silent = datetime.now(UTC), list[str]()
    saved, broken = await saved_clouds()
    if clouds is None:
        clouds, silent = saved, broken
    seen: dict[str, tuple[str, Cloud, str, Marks]] = {}
    looks = [asyncio.to_thread(_overdue, cloud, now) for cloud in clouds.values()]
    for name, found in zip(clouds, await asyncio.gather(*looks), strict=True):
        if found is None:
            silent.append(name)
        for vm, marks in found or ():
            seen.setdefault(marks.migration, (name, clouds[name], vm, marks))
    ended = (_put_back(*seen[migration], saved, now, patience_s) for migration in sorted(seen))
    return Look([one for one in await asyncio.gather(*ended) if one is not None], silent)


async def publish_overdue(found: Iterable[Overdue]) -> None:
    """Show them as an artifact of the run, where there are any."""
    rows: list[dict[str, Any]] = [{"source": inert(one.sentence)} for one in found]
    if rows:
        told = f"{len(rows)} sources past the end of their window"
        await acreate_table_artifact(rows, key="overdue", description=told)


def _overdue(cloud: Cloud, now: datetime) -> list[tuple[str, Marks]] | None:
    """None where the cloud does not answer."""
    try:
        there = cloud.machines()
        marked = there.marked() if is_source(there) else ()
        return [(vm, marks) for vm, marks in marked if marks.overdue(now)]
    except ColdferryError:
        return None


async def _put_back(
    name: str,
    cloud: Cloud,
    vm: str,
    marks: Marks,
    saved: Mapping[str, Cloud],
    now: datetime,
    patience_s: float,
) -> Overdue | None:
    """None where it is another's matter, or is none any more."""
    migration, end = marks.migration, marks.abort_at
    assert end is not None
    told = Overdue(migration, name, vm, end.isoformat(" ", "minutes"))
    try:
        if await _guarded(await runs_of(migration), vm):
            return None
        await end_runs(migration, patience_s)
        started = await asyncio.to_thread(_start, cloud, vm, migration, saved, now)
    except (ColdferryError, ObjectNotFound, *API_AWAY) as error:  # the others are put back yet
        return replace(told, why=str(error) or type(error).__name__)
    return told if started else None


def _start(
    cloud: Cloud, vm: str, migration: str, saved: Mapping[str, Cloud], now: datetime
) -> bool:
    """Looked at afresh, with no run on this machine beside it; False when it arrived meanwhile."""
    with alone(migration):
        marks = cloud.source().marks(vm)
        if marks is None or marks.migration != migration or not marks.overdue(now):
            return False
        targets = _targets_of(cloud, vm, migration, saved)
        give_back.fn(cloud, vm, migration, State.FAILED, *targets)
        return True


def _targets_of(source: Cloud, vm: str, migration: str, saved: Mapping[str, Cloud]) -> list[Cloud]:
    """Every saved cloud that it may have been on its way to. Raises Failed where none is known.

    Two blocks of one account may see different parts of it.
    """
    origin, found = source.source(), list[Cloud]()
    for cloud in saved.values():
        with suppress(ColdferryError):  # it does not say what account it is, or is no target
            if f"-{pair_of(origin, vm, cloud.target())}-a" in migration:
                found.append(cloud)
    if not found:
        raise Failed(
            f"{vm} stays halted, as both must never run: none of the saved clouds that answer "
            f"is where {migration} was on its way to.",
            "Save that cloud, or see that no machine of it runs there and start this one by hand.",
        )
    return found


async def _guarded(runs: Iterable[FlowRun], vm: str) -> bool:
    """A wave that one of them is of is at work with the machine: it starts its sources itself."""
    tags = {tag for run in runs for tag in run.tags if tag.startswith(WAVE_TAG)}
    for tag in tags:
        if await guards(tag.removeprefix(WAVE_TAG), vm):
            return True
    return False
