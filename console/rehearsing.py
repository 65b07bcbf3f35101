"""Trying a move while its machine runs on."""

import asyncio
from typing import Annotated, Any

import typer
from rich.console import Console

from coldferry.plain import counted, plain
from console import answers as answer_file
from console import blocks, placing
from console.looking import show_findings
from console.managing import Json
from console.output import Outcome, command
from console.placing import Placement
from console.planning import (
    Answers,
    AnyVm,
    NoBook,
    SourceBlock,
    TargetBlock,
    machine_and_target,
)
from console.prefect_server import use_server
from console.watching import watching
from providers.registry import connect_source


@command
def rehearse(
    source: SourceBlock,
    vm: AnyVm,
    target: TargetBlock = None,
    answers: Answers = None,
    inspect: Annotated[
        bool, typer.Option("--inspect/--no-inspect", help="Look into its disks before")
    ] = True,
    no_book: NoBook = False,
    placement: Placement = None,
    json: Json = False,
) -> Outcome:
    """Build the new machine from one that runs on, start a copy of it, and remove it all again."""
    vm, goal = machine_and_target(source, vm, target)
    given = answer_file.read(answers) if answers else None
    source, goal = blocks.lasting(source), blocks.lasting(goal)
    origin, _ = blocks.load(source)
    blocks.load(goal)
    if given and None in given.values():  # the flow is given what was answered, nothing else
        given = answer_file.checkable(connect_source(origin).describe(vm), given)
    use_server()
    from flows.rehearse import rehearse as rehearse_flow  # imports Prefect
    from tasks.clouds import load

    told: dict[str, Any] = {"inspect": inspect, "use_book": not no_book}
    told["placement"] = placing.read(placement)
    with watching():
        result: Any = asyncio.run(
            rehearse_flow(load(source), vm, load(goal), answers=given, **told)
        )
    document: dict[str, Any] = result
    return Outcome(document, lambda out: _show(out, document))


def _show(out: Console, document: dict[str, Any]) -> None:
    equal = all(device["proof"]["equal"] for device in document["devices"])
    proof = "each read back and equal" if equal else "NOT PROVEN"
    out.print(f"{plain(document['source_vm'])}: rehearsed as {document['migration']}")
    out.print(f"{counted(len(document['devices']), 'disk')}, {proof}")
    show_findings(out, document["findings"])
    spent = ", ".join(f"{step} {seconds:.1f}" for step, seconds in document["seconds"].items())
    out.print(f"Seconds: {spent}")
    left = counted(len(document["left"]), "object") if document["left"] else "nothing"
    out.print(f"{counted(document['removed'], 'object')} removed again; left: {left}")
    for one in document["left"]:
        out.print(f"  {one['kind']} {plain(one['id'])}")
