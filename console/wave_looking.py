"""A wave at the command line as it stands now, and as it ended."""

import asyncio
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.markdown import Markdown
from rich.table import Table

from coldferry.plain import plain, visible
from coldferry.report_file import as_html
from coldferry.waves.wave import Wave
from console import new_file
from console.output import Outcome
from console.prefect_server import use_server


def status_of(wave: Wave | str) -> Outcome:
    """Each row by its source's tags; a wave that is named is that of its newest run."""
    use_server()
    document = asyncio.run(_stands(wave))
    return Outcome(document, lambda out: _show_status(out, document))


def report_of(wave: Wave, html: Path | None) -> Outcome:
    """What each machine was estimated to take beside what it took, as the server keeps it."""
    use_server()
    document, page = asyncio.run(_report(wave))
    if html is not None:
        new_file.write(html, as_html(f"Wave {wave.name}: the report", page))
        document["html"] = str(html)
    return Outcome(document, lambda out: _show_report(out, page, html))


async def _stands(wave: Wave | str) -> dict[str, Any]:
    from tasks.waves.clouds import load_clouds  # imports Prefect, which must find its server
    from tasks.waves.looking import document_of, look, wave_named

    known = await wave_named(wave) if isinstance(wave, str) else wave
    return await document_of(known, await look(known, await load_clouds(known)))


async def _report(wave: Wave) -> tuple[dict[str, Any], str]:
    from tasks.waves.clouds import load_clouds
    from tasks.waves.looking import look
    from tasks.waves.reporting import report_on

    looked = await look(wave, await load_clouds(wave))
    report = await report_on(wave, {one.row.name: one.standing for one in looked})
    return report.as_json(), report.as_markdown()


def _show_status(out: Console, document: dict[str, Any]) -> None:
    table = Table("machine", "vm", "state", "owner", "group", "migration", "next")
    for row in document["rows"]:
        words = " ".join(filter(None, (row["command"], row["next"])))
        cells = (row["name"], plain(row["vm"], 60), row["state"], plain(row["owner"], 40))
        table.add_row(*cells, plain(row["group"], 40), row["migration"], plain(words, 400))
    out.print(table)
    out.print(plain(document["says"], 1000))


def _show_report(out: Console, page: str, html: Path | None) -> None:
    if html is not None:
        out.print(f"Written to {visible(html)}.")
    elif out.is_terminal:
        out.print(Markdown(page, hyperlinks=False))
    else:
        out.print(page, markup=False, highlight=False, soft_wrap=True)
