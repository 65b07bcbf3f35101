"""The machine can be managed anywhere: describe, start, stop, reboot."""

from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from coldferry.leaves import leaves
from coldferry.machine import Machine
from coldferry.moved import refuse_moved
from coldferry.plain import plain, shown
from console import blocks
from console.output import Outcome, command
from providers.formats import formats, written
from providers.registry import connect

Block = Annotated[str, typer.Argument(metavar="BLOCK", help="A cloud: coldferry-cloud/NAME")]
Vm = Annotated[str, typer.Argument(metavar="VM", help="The machine's id there")]
Format = Annotated[
    str,
    typer.Option("--format", metavar="FORMAT", help=f"Print it as {' or '.join(formats())}"),
]
Json = Annotated[bool, typer.Option("--json", help="One JSON document on stdout")]


@command
def describe(block: Block, vm: Vm, format: Format = "", json: Json = False) -> Outcome:
    """Say what a machine is, field by field."""
    access, _ = blocks.load(block)
    machine = connect(access).describe(vm)
    if format:
        text = written(machine, format)
        return Outcome({"format": format, "text": text}, lambda _out: print(text, end=""))
    return Outcome(machine.model_dump(mode="json"), lambda out: show_machine(out, machine))


@command
def start(
    block: Block,
    vm: Vm,
    although_moved: Annotated[
        bool, typer.Option("--although-moved", help="Also a machine that another took over from")
    ] = False,
    json: Json = False,
) -> Outcome:
    """Start a machine and wait until it runs; refuses one that was moved."""
    cloud = connect(blocks.load(block)[0])
    if not although_moved:
        refuse_moved(cloud, vm)
    cloud.start(vm)
    return _power(vm, cloud.power(vm))


@command
def stop(
    block: Block,
    vm: Vm,
    json: Json = False,
    force: Annotated[bool, typer.Option(help="Cut the power when it does not obey")] = False,
    timeout: Annotated[int, typer.Option(metavar="SECONDS", min=0)] = 600,
) -> Outcome:
    """Stop a machine and wait until it is stopped; never terminates it."""
    cloud = connect(blocks.load(block)[0])
    cloud.stop(vm, force=force, timeout_s=timeout)
    return _power(vm, cloud.power(vm))


@command
def reboot(block: Block, vm: Vm, json: Json = False) -> Outcome:
    """Reboot a machine."""
    cloud = connect(blocks.load(block)[0])
    cloud.reboot(vm)
    return _power(vm, cloud.power(vm))


def show_machine(out: Console, machine: Machine) -> None:
    """The description as a table, one leaf a line."""
    table = Table("field", "value", title=plain(machine.name), title_justify="left")
    for leaf in leaves(machine):
        table.add_row(leaf.path, plain(shown(leaf.value)))
    out.print(table)


def _power(vm: str, power: str) -> Outcome:
    return Outcome({"vm": vm, "power": str(power)}, lambda out: out.print(f"{plain(vm)}: {power}"))
