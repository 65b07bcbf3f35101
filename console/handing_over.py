"""The cutover of a wave or of its groups, and their way back, on the command line."""

import shlex
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from coldferry.errors import WaveUnfinished
from coldferry.moved import KEEP_DAYS
from coldferry.plain import plain
from coldferry.waves.handover import FILE
from console.finishing import KeepDays, Yes
from console.finishing import _confirm as confirm
from console.managing import Json
from console.migrating import Writes
from console.output import Outcome, aside, command
from console.prefect_server import use_server
from console.waving import File, read

Groups = Annotated[
    list[str],
    typer.Option("--group", metavar="NAME", help="Only this group, or row without one; repeatable"),
]
Without = Annotated[
    list[str],
    typer.Option(metavar="ROW", help="A row outside that can be done without; repeatable"),
]


@command
def cutover(
    file: File,
    group: Groups = [],  # noqa: B006 - typer reads it once
    without: Without = [],  # noqa: B006
    keep_days: KeepDays = KEEP_DAYS,
    yes: Yes = False,
    json: Json = False,
) -> Outcome:
    """Start the new machines of a wave, or of its groups, in their order, and check each."""
    text = _checked(file)
    use_server()
    from flows.cutover_wave import cutover_wave  # imports Prefect, which must find its server
    from tasks.waves.cutting_over import go_or_not, look_all

    if not yes:
        ahead = look_all(text, group, without)
        if ahead.left:  # else somebody said go before
            go_or_not(ahead, go=True)  # what no row says is refused, with the question
            for line in ahead.lines():
                aside.print(plain(line, 1000))
            confirm("Are they cut over?", [], ask=not json)
    return _came_to(
        file,
        lambda: cutover_wave(
            manifest=text, groups=group, without=without, keep_days=keep_days, go=True
        ),
    )


@command
def rollback(
    file: File,
    group: Groups = [],  # noqa: B006 - typer reads it once
    without: Without = [],  # noqa: B006
    target_writes: Writes = "",
    json: Json = False,
) -> Outcome:
    """Remove what a wave made, or its groups, and put the sources back in their order."""
    text = _checked(file)
    use_server()
    from flows.rollback_wave import rollback_wave  # imports Prefect, which must find its server

    return _came_to(
        file,
        lambda: rollback_wave(
            manifest=text, groups=group, without=without, target_writes=target_writes
        ),
    )


def _checked(file: Path) -> str:
    """A wave's text; its faults are named by the file, before anything is started."""
    read(file)
    return file.read_text("utf-8-sig")


def _came_to(file: Path, flow: Callable[[], Any]) -> Outcome:
    """The flow's document with the file's name in its commands; exit code 5 where some failed."""
    code = 0
    try:
        document: dict[str, Any] = flow()
    except WaveUnfinished as unfinished:
        document, code = unfinished.document, unfinished.exit_code
    document["do"] = document["do"].replace(f" {FILE}", f" {shlex.quote(str(file))}")
    return Outcome(document, lambda out: _show(out, document), code)


def _show(out: Console, told: dict[str, Any]) -> None:
    table = Table("machine", "vm", "state", "migration", "what")
    for row in told["rows"]:
        cells = (row["name"], plain(row["vm"], 60), row["state"], row["migration"])
        table.add_row(*cells, plain(row["why"], 600))
    out.print(table)
    out.print(plain(told["says"], 1000))
    if told["do"]:
        out.print(plain(told["do"], 1000))
