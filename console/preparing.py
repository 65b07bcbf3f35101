"""A script for the still running guest, from what its disks say; the command changes nothing."""

from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console

from coldferry import inspecting
from coldferry.errors import NotMovable
from coldferry.guest.preparing import Preparation, Remedy
from coldferry.guest.preparing import prepare as make_script
from coldferry.inspecting import with_evidence
from coldferry.migration import next_migration, pair_of
from coldferry.plain import plain
from console import blocks, new_file
from console.managing import Json
from console.output import Outcome, aside, command
from console.planning import SourceBlock, SourceVm
from providers.registry import connect_source, connect_translator


@command
def prepare(
    source: SourceBlock,
    vm: SourceVm,
    target: Annotated[
        str, typer.Option("--target", metavar="TARGET", help=f"A cloud: {blocks.NAMED}")
    ],
    output: Annotated[
        Path | None, typer.Option("--output", metavar="FILE", help="Where to write the script")
    ] = None,
    install_agents: Annotated[
        bool,
        typer.Option("--install-agents", help="The script may install the target's agent"),
    ] = False,
    json: Json = False,
) -> Outcome:
    """Look into a machine's disks, and print a script that mends its guest; changes nothing.

    A temporary snapshot is made for the look, and removed.
    """
    made = _prepare(source, vm, target, install_agents=install_agents)
    if output is not None:
        new_file.write(output, made.script)  # read before it is run: not made executable
    if not json:
        _show(aside, made)
    document = {
        "system": made.system,
        "script": made.script,
        "output": str(output) if output else None,
        "mended": [{**asdict(remedy.finding), "only_if": remedy.only_if} for remedy in made.mended],
        "by_hand": [_as_json(remedy) for remedy in made.by_hand],
    }

    def show(_: Console) -> None:
        if output is None:
            print(made.script, end="")  # as it is: a tab stays a tab

    return Outcome(document, show)


def _prepare(source: str, vm: str, target: str, *, install_agents: bool) -> Preparation:
    """Raises NotMovable before anything is frozen, and what the source raises."""
    origin = connect_source(blocks.load(source)[0])
    goal = connect_translator(blocks.load(target)[0])
    if refusals := [one for one in origin.unmovable(vm) if one.severity == "refuse"]:
        raise NotMovable.because(refusals)
    machine = origin.describe(vm)
    pair = pair_of(origin, vm, goal)
    migration, _ = next_migration(machine.name, goal.provider, pair, origin.marks(vm))
    seen = inspecting.inspect(origin, vm, machine, migration, goal.guest).inspection
    return make_script(
        with_evidence(machine, seen.evidence),
        seen,
        goal.guest,
        origin.guest,
        install_agents=install_agents,
    )


def _as_json(remedy: Remedy) -> dict[str, Any]:
    return {**asdict(remedy.finding), "why_not": remedy.why_not}


def _show(out: Console, made: Preparation) -> None:
    """What the script does about each finding; what it says itself goes to stdout."""
    for remedy in made.mended:
        only = f" Only if {remedy.only_if}." if remedy.only_if else ""
        out.print(f"mended: {remedy.finding.code}: {plain(remedy.finding.what, 600)}{only}")
    for remedy in made.by_hand:
        finding = remedy.finding
        words = f"{plain(finding.what, 600)} {plain(finding.do or remedy.why_not, 600)}"
        out.print(f"by hand: {finding.code}: {words}")
    if not made.remedies:
        out.print("Nothing was found that has to be mended.")
