"""Looking for our tags in every saved cloud."""

import asyncio
from collections.abc import Mapping, Sequence

from prefect.artifacts import acreate_markdown_artifact
from prefect.logging import get_run_logger

from coldferry.audited import as_markdown
from coldferry.auditing import Audit, Seen, audit
from coldferry.errors import ColdferryError, Unreachable
from coldferry.plain import inert
from coldferry.ports import is_source
from providers.tables import prices
from tasks.clouds import Cloud
from tasks.moving import together
from tasks.steps import step


def see(name: str, cloud: Cloud) -> Seen:
    """The marks on one cloud's machines, and all there that bears our tag."""
    there = cloud.machines()
    return Seen(
        cloud=name,
        marked=tuple(there.marked()) if is_source(there) else (),
        tagged=tuple(there.tagged()),
    )


look = step("look for our tags", early=True)(see)


async def look_everywhere(clouds: Mapping[str, Cloud]) -> tuple[list[Seen], list[str]]:
    """What each cloud says, all at the same time, and the names of those that do not answer.

    Raises Unreachable when none answers: nothing is known then, which is not that nothing is.
    """
    seen = await together(_look(name, cloud) for name, cloud in clouds.items())
    told = [one for one in seen if isinstance(one, Seen)]
    silent = [one for one in seen if isinstance(one, str)]
    if silent and not told:
        raise Unreachable(
            f"Nothing is known of {', '.join(silent)}: no answer came from there.",
            "See above why; 'coldferry doctor BLOCK' looks closer.",
        )
    return told, silent


async def _look(name: str, cloud: Cloud) -> Seen | str:
    try:
        return await asyncio.to_thread(look, name, cloud)
    except ColdferryError as error:
        get_run_logger().warning(inert(f"{name}: {error}", 1000))
        return name


def weigh(seen: Sequence[Seen], silent: Sequence[str] = ()) -> Audit:
    """Whose each object is, and what it costs by the prices that are known here."""
    return audit(seen, silent, prices().each)


async def publish_audit(found: Audit) -> None:
    """Show it as the run's artifact."""
    hidden = f", {len(found.silent)} clouds did not answer" if found.silent else ""
    await acreate_markdown_artifact(
        as_markdown(found),
        key="audit",
        description=f"{len(found.entries)} objects, {len(found.orphans)} orphans{hidden}",
    )
