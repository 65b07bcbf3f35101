"""The plan of a wave at the command line: what each machine takes, and whether all of it fits."""

import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from coldferry.errors import Refused, TranslationsMissing
from coldferry.fleet import SIGNS, Light
from coldferry.gaps import Gap
from coldferry.plain import counted, plain, visible
from coldferry.report_file import as_html
from coldferry.waves.plan_page import COLUMNS, as_markdown, cells, summary
from coldferry.waves.planned import WavePlan
from coldferry.waves.wave import Wave
from console import new_file, sheets
from console.output import Outcome
from console.prefect_server import use_server

_STYLES = {Light.RED: "red", Light.AMBER: "yellow", Light.GREEN: "green"}


def plan_wave(wave: Wave, html: Path | None) -> Outcome:
    """Every machine planned as of now. Raises what a faulty table of prices raises."""
    use_server()
    made, gaps = asyncio.run(_planned(wave))
    asked = [{**sheets.as_row(gap), "machines": [one.vm for one in gap.machines]} for gap in gaps]
    document: dict[str, Any] = {**made.as_json(), "gaps": asked}
    if html is not None:
        new_file.write(html, as_html(f"Wave {wave.name}: the plan", as_markdown(made)))
        document["html"] = str(html)
    return Outcome(document, lambda out: _show(out, made, asked, html), _exit_code(made))


async def _planned(wave: Wave) -> tuple[WavePlan, list[Gap]]:
    from tasks.book import open_book  # they import Prefect, which must find its server
    from tasks.waves.asking import open_gaps
    from tasks.waves.clouds import load_clouds
    from tasks.waves.foreseeing import foretell
    from tasks.waves.planning import plan_all

    rows = await plan_all(wave.rows, await load_clouds(wave), await open_book())
    return foretell(wave, rows, datetime.now(UTC)), open_gaps(rows)


def _exit_code(made: WavePlan) -> int:
    lights = {one.light for one in made.rows}
    if Light.RED in lights:
        return Refused.exit_code
    return TranslationsMissing.exit_code if Light.AMBER in lights else 0


def _show(out: Console, made: WavePlan, gaps: Sequence[dict[str, Any]], html: Path | None) -> None:
    table = Table(*COLUMNS)
    for one in made.rows:
        table.add_row(*(plain(cell, 400) for cell in cells(made, one)), style=_STYLES[one.light])
    out.print(table)
    for sentence in summary(made):
        out.print(plain(sentence, 1000))
    out.print(SIGNS)
    _questions(out, gaps)
    if html is not None:
        out.print(f"Written to {visible(html)}.")


def _questions(out: Console, gaps: Sequence[dict[str, Any]]) -> None:
    table = Table("owner", "field", "now", "question", "machines")
    for gap in gaps:
        cells = (gap["owner"], gap["field"], plain(gap["now"], 60), plain(gap["question"], 200))
        table.add_row(*cells, plain(", ".join(gap["machines"]), 80))
    if gaps:
        out.print(table)
    out.print(f"{counted(len(gaps), 'question')} to answer.")
