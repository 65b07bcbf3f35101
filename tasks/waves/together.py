"""What a group's cutover and its way back begin with: the wave, its clouds, and where all are."""

import asyncio
from collections.abc import Collection, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any

from prefect import runtime
from prefect.artifacts import create_markdown_artifact
from prefect.client.orchestration import get_client

from coldferry.errors import ColdferryError, Finding, Refused, UnknownMachine, WaveUnfinished
from coldferry.home import alone
from coldferry.migration import pair_of, slug
from coldferry.report import keep_document
from coldferry.waves.handover import as_markdown
from coldferry.waves.reading import read_wave
from coldferry.waves.selecting import kind_of
from coldferry.waves.together import (
    Everywhere,
    Stage,
    Whereabouts,
    asked_for,
    concerned,
    refuse_strangers,
    whereabouts,
)
from coldferry.waves.wave import Row, Wave
from tasks.clouds import Cloud
from tasks.steps import step
from tasks.waves.clouds import Clouds, ends, load_clouds
from tasks.waves.walking import each


@dataclass(frozen=True)
class Together:
    """The rows that are asked for, in the order of starting, and where all are that matter."""

    wave: Wave
    clouds: Clouds
    asked: tuple[str, ...]
    where: Everywhere

    def row(self, name: str) -> Row:
        """The row of that name."""
        return self.wave.by_name[name]

    def at(self, name: str) -> tuple[Cloud, str, Cloud, str]:
        """A row's source, machine, target and migration, as the steps of one machine take them."""
        source, target = ends(self.row(name), self.clouds)
        return source, self.row(name).vm, target, self.where[name].migration


def gather(
    manifest: str, groups: Sequence[str], without: Collection[str], *, back: bool = False
) -> Together:
    """Read the manifest, and from the sources' tags where its rows are; changes nothing.

    Raises BadInput, UnknownBlock, or what a cloud raises that does not answer.
    """
    wave = read_wave(manifest, kind_of(manifest), "the manifest")
    asked = asked_for(wave, groups)
    refuse_strangers(wave, asked, without)
    clouds = asyncio.run(load_clouds(wave))
    rows = wave.by_name
    names = concerned(wave, asked, back=back)
    found, failed = each(names, lambda name: look_where(rows[name], *ends(rows[name], clouds)))
    if failed:
        raise next(iter(failed.values()))
    return Together(wave, clouds, asked, found)


@step("look where it is", early=True)
def look_where(row: Row, source: Cloud, target: Cloud) -> Whereabouts:
    """As the source's tags tell it."""
    origin = source.source()
    try:
        marks = origin.marks(row.vm)
    except UnknownMachine:
        return Whereabouts(Stage.GONE, why=f"{row.vm} is not at its source.")
    return whereabouts(marks, pair_of(origin, row.vm, target.target()))


def refuse(found: Iterable[Finding], failed: Mapping[str, ColdferryError] | None = None) -> None:
    """Raise Refused naming all that stands against it, of all rows at once."""
    every = list(found)
    every += [
        Finding("refuse", error.code, name, f"{name}: {error.what}", error.do)
        for name, error in (failed or {}).items()
    ]
    if every:
        raise Refused.because(every)


def call_run(wave: Wave, what: str) -> None:
    """Have the run called by its wave and by what it does."""

    async def rename() -> None:
        async with get_client() as client:
            await client.update_flow_run(runtime.flow_run.id, name=f"wave {wave.name}: {what}")

    asyncio.run(rename())


def one_at_a_time(wave: Wave) -> AbstractContextManager[None]:
    """On this machine, one cutover or way back of this wave; raises Conflict while another is on.

    The wave itself may go on with other machines meanwhile: each migration has a lock of its own.
    """
    return alone(f"wave-{slug(wave.name)}-handover")


def publish(
    wave: Wave, told: dict[str, Any], failed: Mapping[str, ColdferryError]
) -> dict[str, Any]:
    """Keep the document, show it as the run's artifact, and answer it.

    Raises WaveUnfinished with it where a machine failed.
    """
    name = f"wave-{slug(wave.name)}-{told['verb']}"
    keep_document(name, told)
    create_markdown_artifact(as_markdown(told), name, f"Wave {wave.name}: {told['verb']}")
    if failed:
        why = " ".join(error.what for error in failed.values())
        raise WaveUnfinished(f"Wave {wave.name}: {told['says']} {why}", told, told["do"])
    return told
