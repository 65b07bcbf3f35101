"""One machine against every saved target."""

import asyncio
from collections.abc import Mapping, Sequence
from functools import partial

from prefect.artifacts import acreate_markdown_artifact

from coldferry.book import Book
from coldferry.comparing import Standing, as_markdown, goals, standing
from coldferry.machine import Machine
from coldferry.migration import slug
from tasks.clouds import Cloud
from tasks.describing import translate
from tasks.moving import together
from tasks.saved import saved_clouds


async def saved_targets(machine: Machine) -> tuple[dict[str, Cloud], list[Standing]]:
    """Every saved cloud that can be asked about the machine, by the block's full name.

    With them come those whose settings are none: Prefect's API takes any.
    """
    saved, faulty = await saved_clouds()
    broken = [Standing(name, error="The block's settings cannot be used.") for name in faulty]
    named = {name: cloud.machines() for name, cloud in saved.items()}
    return {name: saved[name] for name in goals(named, machine.origin)}, broken


async def ask_all(targets: Mapping[str, Cloud], machine: Machine, book: Book) -> list[Standing]:
    """What each target makes of the machine, all at the same time; none ends the others."""
    return await together(
        asyncio.to_thread(standing, name, partial(translate, cloud, machine, {}, book))
        for name, cloud in targets.items()
    )


async def publish_ranking(machine: Machine, ranked: Sequence[Standing]) -> None:
    """Show the ranking as the run's artifact."""
    await acreate_markdown_artifact(
        as_markdown(machine, list(ranked)),
        key=f"compare-{slug(machine.name)}",
        description=f"{slug(machine.name)}: where it can go",
    )
