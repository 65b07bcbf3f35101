"""What a migration would take, said before it is begun, and kept beside what it took."""

from prefect.artifacts import acreate_markdown_artifact
from prefect.logging import get_run_logger

from coldferry import foretelling
from coldferry.errors import ColdferryError
from coldferry.estimating import Estimate, Terms
from coldferry.guest.evidence import Inspection
from coldferry.past import step_seconds
from coldferry.plain import code
from coldferry.plan import Plan
from coldferry.reckoning import reckon
from providers.tables import prices, rates, worker
from tasks.clouds import Cloud
from tasks.limiting import limits


def estimate(
    source: Cloud,
    target: Cloud,
    plan: Plan,
    seen: Inspection | None,
    *,
    inspect: bool,
    runs: bool = False,
) -> Estimate | None:
    """From what the inspection saw; None, and a warning, where a table is faulty.

    ``runs``: the machine does, and may be copied before its halt.

    An estimate is advice: it never stands in the way of a migration.
    """
    try:
        terms = Terms(
            rates=rates(),
            prices=prices(),
            worker=worker(),
            inspect=inspect,
            runs=runs,
            looked_bytes=seen.fetched_bytes if seen else 0,
            bytes_per_s=limit_on(plan, target),
            past=step_seconds(target.provider),
        )
        contents = seen.contents if seen else ()
        return reckon(source.source(), target.target(), plan, contents, terms)
    except ColdferryError as error:
        get_run_logger().warning(f"Nothing was estimated. {error}")
        return None


async def foretell(
    source: Cloud,
    target: Cloud,
    plan: Plan,
    seen: Inspection | None,
    *,
    inspect: bool,
    runs: bool = False,
) -> Estimate | None:
    """Estimate a plan, and show both as the run's artifact."""
    found = estimate(source, target, plan, seen, inspect=inspect, runs=runs)
    await publish_plan(plan, found)
    return found


def limit_on(plan: Plan, target: Cloud) -> float | None:
    """The tightest of the limits on what this migration may send."""
    throttles = (limits().migration(plan.migration), limits().cloud(target.provider))
    rates_ = [one.bounds.bytes_per_s for one in throttles if one.bounds.bytes_per_s]
    return min(rates_, default=None)


async def publish_plan(plan: Plan, found: Estimate | None) -> None:
    """Show what is planned, and what it would take, as the run's artifact."""
    size = plan.value("instance_type")
    lines = [
        f"# {code(plan.machine.name)}: the plan",
        "",
        f"{code(plan.machine.instance_type)} becomes {code(size)}. "
        f"Migration {code(plan.migration)}, plan {code(plan.digest)}.",
        "",
        "## What it would take",
        "",
        *(foretelling.as_markdown(found) if found else ["Nothing was estimated: see the log."]),
    ]
    await acreate_markdown_artifact(
        "\n".join(lines), key=f"plan-{plan.migration}", description=f"{plan.migration}: the plan"
    )
