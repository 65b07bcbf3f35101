"""Waves on the command line: whether a manifest is one, what it would do, and doing it."""

import asyncio
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from coldferry.errors import BadInput, Refused, TranslationsMissing, WaveUnfinished
from coldferry.plain import counted, plain, size
from coldferry.waves.ordering import depth, start_order, stop_order
from coldferry.waves.reading import MAX_BYTES, read_wave
from coldferry.waves.selecting import kind_of
from coldferry.waves.wave import Wave
from console import sheets
from console.managing import Json
from console.output import Outcome, command
from console.prefect_server import use_server
from console.watching import watching

app = typer.Typer(help="Many machines, moved together.", no_args_is_help=True)

File = Annotated[Path, typer.Argument(metavar="FILE", help="The wave: YAML or CSV")]
_ENDS = {"failed": 5, "put-back": 5, "refused": 4, "skipped": 4, "waiting": 3}
"""By the worst state of a row that did not arrive, the worst first."""


@app.command("check", short_help="Say all that is wrong with a wave's file.")
@command
def check(file: File, json: Json = False) -> Outcome:
    """Read a wave's file and say its order; no cloud is asked, and no server."""
    wave = read(file)
    document = {
        "wave": wave.name,
        "machines": len(wave.rows),
        "window": wave.window.model_dump(mode="json"),
        "stops": stop_order(wave.after),
        "starts": start_order(wave.after),
        "depth": depth(wave.after),
    }
    return Outcome(document, lambda out: _show_check(out, document))


@app.command("plan", short_help="Plan every machine; nothing is halted or created.")
@command
def plan(file: File, json: Json = False) -> Outcome:
    """Plan every machine of a wave, and say each question once; nothing is halted or created."""
    wave = read(file)
    use_server()
    from tasks.waves.asking import open_gaps  # they import Prefect, which must find its server
    from tasks.waves.clouds import load_clouds
    from tasks.waves.planning import Planned, plan_all

    async def planned() -> list[Planned]:
        from tasks.book import open_book

        return await plan_all(wave.rows, await load_clouds(wave), await open_book())

    rows = asyncio.run(planned())
    gaps = open_gaps(rows)
    told = [_as_row(one) for one in rows]
    document = {
        "wave": wave.name,
        "rows": told,
        "gaps": [
            {**sheets.as_row(gap), "machines": [one.vm for one in gap.machines]} for gap in gaps
        ],
    }
    lights = {one["light"] for one in told}
    code = (
        Refused.exit_code
        if "red" in lights
        else TranslationsMissing.exit_code
        if "amber" in lights
        else 0
    )
    return Outcome(document, lambda out: _show_plan(out, document), code)


@app.command("run", short_help="Move a wave's machines, here and without a worker.")
@command
def run(file: File, json: Json = False) -> Outcome:
    """Move a wave's machines in this process; the same command again does what is left.

    Nobody is asked: what the rows and the translation book do not answer ends it before anything
    is halted. The deployment migrate-wave asks in a form.
    """
    text = _text(file)
    read_wave(text, kind_of(text), str(file))  # named by the file, before anything is started
    use_server()
    from flows.migrate_wave import migrate_wave  # imports Prefect, which must find its server

    document: dict[str, Any]
    try:
        with watching():
            document, code = asyncio.run(_run(migrate_wave, text)), 0
    except WaveUnfinished as unfinished:
        document = unfinished.document
        states = {row["state"] for row in document["rows"]}
        code = next((_ENDS[state] for state in _ENDS if state in states), unfinished.exit_code)
    return Outcome(document, lambda out: _show_run(out, document), code)


async def _run(flow: Any, text: str) -> dict[str, Any]:
    ended: dict[str, Any] = await flow(manifest=text)
    return ended


def read(file: Path) -> Wave:
    """The wave in a file. Raises BadInput, naming every fault in it."""
    text = _text(file)
    return read_wave(text, kind_of(text), str(file))


def _text(file: Path) -> str:
    try:
        with file.open("rb") as opened:
            return opened.read(MAX_BYTES + 1).decode("utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        why = error.strerror if isinstance(error, OSError) else "it is not in UTF-8"
        raise BadInput(f"{file} cannot be read: {why}.", "Name a file that you may read.") from None


def _as_row(one: Any) -> dict[str, Any]:
    """A planned row: red cannot go, amber asks, green goes, or is done already."""
    missing = one.plan.translation.missing if one.to_approve else []
    light = "red" if one.refusal else "amber" if missing else "green"
    disks = one.found.machine.disks if one.found else ()
    return {
        "name": one.row.name,
        "vm": one.row.vm,
        "source": one.row.source,
        "target": one.row.target,
        "light": light,
        "state": one.standing.state.value,
        "migration": one.migration,
        "size_bytes": sum(disk.size_bytes for disk in disks),
        "missing": list(missing),
        "why": str(one.refusal) if one.refusal else "",
    }


def _show_check(out: Console, told: dict[str, Any]) -> None:
    out.print(f"Wave {plain(told['wave'])}: {counted(told['machines'], 'machine')}.")
    out.print(f"Stopped in this order: {', '.join(told['stops'])}.")
    out.print(f"Started in this order: {', '.join(told['starts'])}.")
    for name, moment in told["window"].items():
        if moment:
            out.print(f"{name.replace('_', ' ')}: {moment}")


def _show_plan(out: Console, told: dict[str, Any]) -> None:
    table = Table("machine", "vm", "plan", "data on", "what")
    for row in told["rows"]:
        asks = f"{counted(len(row['missing']), 'field')} to answer" if row["missing"] else ""
        what = row["why"] or asks or (row["state"] if row["state"] == "done" else "")
        cells = (row["name"], plain(row["vm"], 60), row["light"], size(row["size_bytes"]))
        table.add_row(*cells, plain(what, 400))
    out.print(table)
    _questions(out, told["gaps"])


def _questions(out: Console, gaps: Sequence[dict[str, Any]]) -> None:
    table = Table("owner", "field", "now", "question", "machines")
    for gap in gaps:
        cells = (gap["owner"], gap["field"], plain(gap["now"], 60), plain(gap["question"], 200))
        table.add_row(*cells, plain(", ".join(gap["machines"]), 80))
    if gaps:
        out.print(table)
    out.print(f"{counted(len(gaps), 'question')} to answer.")


def _show_run(out: Console, told: dict[str, Any]) -> None:
    table = Table("machine", "vm", "state", "migration", "next")
    for row in told["rows"]:
        cells = (row["name"], plain(row["vm"], 60), row["state"], row["migration"])
        table.add_row(*cells, plain(row["next"], 400))
    out.print(table)
    out.print(plain(told["says"], 1000))
