"""Waves on the command line: whether a manifest is one, what it would do, and doing it."""

import asyncio
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from coldferry.errors import BadInput, WaveUnfinished
from coldferry.plain import counted, plain
from coldferry.waves.ordering import depth, start_order, stop_order
from coldferry.waves.reading import MAX_BYTES, read_wave
from coldferry.waves.selecting import kind_of
from coldferry.waves.wave import Wave
from console.managing import Json
from console.output import Outcome, command
from console.prefect_server import use_server
from console.watching import watching
from console.wave_looking import report_of
from console.wave_planning import plan_wave

app = typer.Typer(help="Many machines, moved together.", no_args_is_help=True)

File = Annotated[Path, typer.Argument(metavar="FILE", help="The wave: YAML or CSV")]
Html = Annotated[
    Path | None,
    typer.Option("--html", metavar="FILE", help="Write it there as one page, for a ticket"),
]
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
def plan(file: File, html: Html = None, json: Json = False) -> Outcome:
    """Say what each machine of a wave takes, whether all fit its window, and each question once.

    Nothing is halted or created; a row that is inspected has a temporary snapshot, released.
    """
    return plan_wave(read(file), html)


@app.command("report", short_help="What each machine took beside its estimate, as one page.")
@command
def report(file: File, html: Html = None, json: Json = False) -> Outcome:
    """Say what each machine of a wave took beside what was estimated, and how all of them stand."""
    return report_of(read(file), html)


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


def _show_check(out: Console, told: dict[str, Any]) -> None:
    out.print(f"Wave {plain(told['wave'])}: {counted(told['machines'], 'machine')}.")
    out.print(f"Stopped in this order: {', '.join(told['stops'])}.")
    out.print(f"Started in this order: {', '.join(told['starts'])}.")
    for name, moment in told["window"].items():
        if moment:
            out.print(f"{name.replace('_', ' ')}: {moment}")


def _show_run(out: Console, told: dict[str, Any]) -> None:
    table = Table("machine", "vm", "state", "migration", "next")
    for row in told["rows"]:
        cells = (row["name"], plain(row["vm"], 60), row["state"], row["migration"])
        table.add_row(*cells, plain(row["next"], 400))
    out.print(table)
    out.print(plain(told["says"], 1000))
