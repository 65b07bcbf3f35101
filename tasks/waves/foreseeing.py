"""What a planned wave would take, and whether it fits: shown before anybody approves it."""

import asyncio
from collections import Counter
from collections.abc import Sequence
from contextlib import suppress
from datetime import UTC, datetime

import httpx
from prefect.artifacts import acreate_markdown_artifact
from prefect.exceptions import PrefectHTTPStatusError
from prefect.logging import get_logger

from coldferry.abilities import Rationing
from coldferry.errors import ColdferryError, Refused, in_order
from coldferry.estimating import Estimate, Terms
from coldferry.migration import slug
from coldferry.past import step_seconds
from coldferry.rations import Ration, weigh
from coldferry.reckoning import reckon
from coldferry.waves.outlook import look_ahead
from coldferry.waves.plan_page import as_markdown
from coldferry.waves.planned import RowPlan, WavePlan
from coldferry.waves.wave import Wave
from providers.tables import prices, rates, worker
from tasks.limiting import limits
from tasks.progressing import key_of
from tasks.waves.planning import Planned


def foretell(wave: Wave, planned: Sequence[Planned], now: datetime) -> WavePlan:
    """The wave as it would go from now on; asks nobody.

    Raises BadInput where a table of prices or rates is faulty.
    """
    rows = [_row_plan(one, _estimate(one)) for one in planned]
    estimates = {one.row.name: one.estimate for one in rows if one.estimate is not None}
    rationed = weigh(ration for one in planned for ration in _rations(one))
    halted = {one.row.name for one in planned if one.standing.down}
    outlook = look_ahead(wave, estimates, now, rationed, halted)
    return WavePlan(wave, tuple(rows), outlook, now)


async def publish_plan(plan: WavePlan) -> None:
    """Show it as the run's artifact."""
    await acreate_markdown_artifact(
        as_markdown(plan),
        key=f"plan-of-wave-{slug(plan.wave.name)}",
        description=f"Wave {plan.wave.name}: the plan",
    )


async def show_plan(wave: Wave, planned: Sequence[Planned]) -> None:
    """The same of what was planned just now; a faulty table costs the plan's page, no more."""
    try:
        found = await asyncio.to_thread(foretell, wave, planned, datetime.now(UTC))
    except ColdferryError as error:
        _warn(error)
        return
    with suppress(PrefectHTTPStatusError, httpx.TransportError):
        await publish_plan(found)


def estimates_of(planned: Sequence[Planned]) -> dict[str, Estimate]:
    """By row; none, and a warning, where a table is faulty: an estimate is advice."""
    try:
        found = {one.row.name: _estimate(one) for one in planned}
    except ColdferryError as error:
        _warn(error)
        return {}
    return {name: one for name, one in found.items() if one is not None}


def copies_of(planned: Sequence[Planned]) -> dict[str, tuple[str, ...]]:
    """By row the keys under which its copies' progress is shown."""
    return {
        one.row.name: tuple(key_of(one.migration, device.name) for device in one.going.devices)
        for one in planned
        if one.going is not None
    }


def _warn(error: ColdferryError) -> None:
    get_logger("coldferry").warning("Nothing is foreseen. %s", error)


def _estimate(one: Planned) -> Estimate | None:
    if one.going is None:
        return None
    origin, goal = one.source.source(), one.target.translator()
    return reckon(origin, goal, one.going, one.contents, _terms(one))


def _terms(one: Planned) -> Terms:
    provider = one.target.provider
    return Terms(
        rates=rates(),
        prices=prices(),
        worker=worker(),
        inspect=one.row.options.inspect,
        runs=not one.row.options.cold and one.found is not None and one.found.runs,
        looked_bytes=one.seen.fetched_bytes if one.seen is not None else 0,
        bytes_per_s=limits().cloud(provider).bounds.bytes_per_s,
        past=step_seconds(provider),
    )


def _rations(one: Planned) -> list[Ration]:
    if one.going is None or one.goal is None:
        return []
    goal = one.goal.cloud
    return goal.rations(one.going, one.goal.catalogue) if isinstance(goal, Rationing) else []


def _row_plan(one: Planned, found: Estimate | None) -> RowPlan:
    told = one.approval.plan if one.approval else one.plan if one.weighed else None
    fields = told.translation.fields if told is not None else ()
    findings = [*(one.found.remarks if one.found else ()), *one.warned]
    if isinstance(one.refusal, Refused):
        findings += one.refusal.findings
    disks = one.found.machine.disks if one.found is not None else ()
    return RowPlan(
        row=one.row,
        state=one.standing.state,
        migration=one.migration,
        why=str(one.refusal) if one.refusal is not None else "",
        missing=tuple(one.plan.translation.missing) if one.to_approve else (),
        verdicts=dict(Counter(str(field.verdict) for field in fields)),
        findings=tuple(in_order(findings)),
        size_bytes=sum(disk.size_bytes for disk in disks),
        estimate=found,
    )
