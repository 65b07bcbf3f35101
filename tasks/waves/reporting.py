"""A wave's report, put together of those that its migrations left with the Prefect server."""

import asyncio
from contextlib import suppress
from datetime import UTC, datetime

import httpx
from prefect.artifacts import acreate_markdown_artifact
from prefect.exceptions import PrefectHTTPStatusError

from coldferry.migration import slug
from coldferry.waves.report_page import WaveReport
from coldferry.waves.standing import RowState, States
from coldferry.waves.wave import Wave
from tasks.reporting import last_figures


async def report_on(wave: Wave, states: States) -> WaveReport:
    """Of the rows as they stand; only what has arrived has figures."""
    arrived = {
        name: one.migration
        for name, one in states.items()
        if one.state is RowState.DONE and one.migration
    }
    found = await asyncio.gather(*map(last_figures, arrived.values()))
    figures = {name: told for name, told in zip(arrived, found, strict=True) if told}
    return WaveReport(wave, states, figures, datetime.now(UTC))


async def publish_report(wave: Wave, states: States) -> None:
    """Show it as the run's artifact. Prefect's API failing costs the report and nothing else."""
    with suppress(PrefectHTTPStatusError, httpx.TransportError):
        report = await report_on(wave, states)
        await acreate_markdown_artifact(
            report.as_markdown(),
            key=f"report-of-wave-{slug(wave.name)}",
            description=f"Wave {wave.name}: the report",
        )
