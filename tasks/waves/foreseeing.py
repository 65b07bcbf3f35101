"""What a planned wave would take, and whether it fits: shown before anybody approves it."""

from collections import Counter
from collections.abc import Sequence
from datetime import datetime

from prefect.artifacts import acreate_markdown_artifact
from prefect.logging import get_logger

from coldferry.abilities import Rationing
from coldferry.contents import DiskContent
from coldferry.errors import ColdferryError, Refused, in_order
from coldferry.estimating import Estimate, Terms
from coldferry.guest.evidence import Inspection
from coldferry.migration import slug
from coldferry.past import step_seconds
from coldferry.plan import Plan
from coldferry.rations import Ration, weigh
from coldferry.reckoning import ends_of, recalled, reckon
from coldferry.waves.outlook import look_ahead
from coldferry.waves.plan_page import RowPlan, WavePlan
from coldferry.waves.wave import Wave
from providers.tables import prices, rates, worker
from tasks.clouds import Cloud
from tasks.limiting import limits
from tasks.waves.planning import Planned


def foretell(wave: Wave, planned: Sequence[Planned], now: datetime) -> WavePlan:
    """The wave as it would go from now on; asks a source what older snapshots of a disk list.

    Raises BadInput where a table of prices or rates is faulty.
    """
    rows = [_row_plan(one, _estimate(one)) for one in planned]
    estimates = {one.row.name: one.estimate for one in rows if one.estimate is not None}
    rationed = weigh(ration for one in planned for ration in _rations(one))
    return WavePlan(wave, tuple(rows), look_ahead(wave, estimates, now, rationed), now)


async def publish_plan(plan: WavePlan) -> None:
    """Show it as the run's artifact."""
    await acreate_markdown_artifact(
        plan.as_markdown(),
        key=f"plan-of-wave-{slug(plan.wave.name)}",
        description=f"Wave {plan.wave.name}: the plan",
    )


def estimates_of(planned: Sequence[Planned]) -> dict[str, Estimate]:
    """By row; none, and a warning, where a table is faulty: an estimate is advice."""
    try:
        found = {one.row.name: _estimate(one) for one in planned}
    except ColdferryError as error:
        get_logger("coldferry").warning("Nothing is foreseen. %s", error)
        return {}
    return {name: one for name, one in found.items() if one is not None}


def _plan_of(one: Planned) -> Plan | None:
    """As it was approved, else as it is; None of a row that is done or could not be planned."""
    if one.approval is not None:
        return one.approval.plan
    return one.plan if one.weighed is not None else None


def _seen(one: Planned) -> Inspection | None:
    if one.found is not None and one.found.inspection is not None:
        return one.found.inspection
    return one.approval.inspection if one.approval is not None else None


def _estimate(one: Planned) -> Estimate | None:
    plan = _plan_of(one)
    if plan is None or one.refusal is not None:
        return None
    seen = _seen(one)
    terms = _terms(one, seen)
    origin, goal = one.source.source(), one.target.translator()
    return reckon(origin, goal, plan, _contents(one, plan, seen), terms)


def _contents(one: Planned, plan: Plan, seen: Inspection | None) -> tuple[DiskContent, ...]:
    if seen is not None and seen.contents:
        return seen.contents
    origin, goal = one.source.source(), one.target.translator()
    return recalled(origin, plan.devices, ends_of(origin, goal))


def _terms(one: Planned, seen: Inspection | None) -> Terms:
    target: Cloud = one.target
    return Terms(
        rates=rates(),
        prices=prices(),
        worker=worker(),
        inspect=one.row.options.inspect,
        looked_bytes=seen.fetched_bytes if seen is not None else 0,
        bytes_per_s=limits().cloud(target.provider).bounds.bytes_per_s,
        past=step_seconds(target.provider),
    )


def _rations(one: Planned) -> list[Ration]:
    plan = _plan_of(one)
    if plan is None or one.goal is None or one.refusal is not None:
        return []
    goal = one.goal.cloud
    return goal.rations(plan, one.goal.catalogue) if isinstance(goal, Rationing) else []


def _row_plan(one: Planned, found: Estimate | None) -> RowPlan:
    plan = _plan_of(one)
    fields = plan.translation.fields if plan is not None else ()
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
