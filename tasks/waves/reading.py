"""Which wave a run is for: its manifest, or a selector; and what the run is called by."""

import asyncio
from concurrent.futures import ThreadPoolExecutor
from typing import Annotated

from prefect import runtime
from prefect.client.orchestration import get_client
from pydantic import Field

from coldferry.due import WAVE_TAG
from coldferry.errors import BadInput, UnknownMachine
from coldferry.machine import Machine
from coldferry.ports import Machines
from coldferry.waves.reading import read_wave
from coldferry.waves.selecting import Selector, kind_of, select
from coldferry.waves.wave import Wave, short
from tasks.steps import step
from tasks.waves.clouds import load_named

_AT_ONCE = 8

Manifest = Annotated[str, Field(json_schema_extra={"format": "json-string"})]
"""A wave's file as a flow's parameter. The format is what Prefect's run forms make an editor
of; with none they show one line of a file of many. Nothing holds the text to be JSON."""


async def wave_of(manifest: str, selector: Selector | None) -> Wave:
    """The wave. Raises BadInput when it is none, or when both or neither are given."""
    if selector is not None and not manifest.strip():
        clouds = await load_named({selector.source})
        source = clouds[short(selector.source)].machines()
        return select(selector, await asyncio.to_thread(listed, source))
    if selector is not None or not manifest.strip():
        raise BadInput("Which machines?", "Give either a manifest or a selector.")
    return read_wave(manifest, kind_of(manifest), "the manifest")


@step("list machines", early=True)
def listed(source: Machines) -> list[tuple[str, Machine]]:
    """Every machine at the source, by id; one that vanishes meanwhile is left out."""

    def one(vm: str) -> tuple[str, Machine] | None:
        try:
            return vm, source.describe(vm)
        except UnknownMachine:
            return None

    with ThreadPoolExecutor(_AT_ONCE) as pool:
        return [found for found in pool.map(one, source.machines()) if found is not None]


async def name_run(wave: Wave) -> None:
    """Call the run by its wave, and have it found by that: a hook that ends it must know."""
    async with get_client() as client:
        run = await client.read_flow_run(runtime.flow_run.id)
        tags = {*run.tags, f"{WAVE_TAG}{wave.name}"}
        await client.update_flow_run(run.id, name=f"wave {wave.name}", tags=sorted(tags))
