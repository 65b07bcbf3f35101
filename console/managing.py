"""The machine can be managed anywhere: describe, start, stop, reboot."""

from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from coldferry.errors import BadInput
from coldferry.leaves import leaves
from coldferry.machine import Machine
from coldferry.moved import refuse_moved
from coldferry.plain import plain, shown
from coldferry.ports import Machines
from console import blocks
from console.output import Outcome, command
from providers.formats import formats, written
from providers.registry import connect

Block = Annotated[str, typer.Argument(metavar="BLOCK", help=f"A cloud: {blocks.NAMED}")]
Vm = Annotated[str, typer.Argument(metavar="VM", help="The machine's id there")]
AnyVm = Annotated[
    str | None, typer.Argument(metavar="VM", help="Its id there; not needed when it is alone")
]
Format = Annotated[
    str,
    typer.Option("--format", metavar="FORMAT", help=f"Print it as {' or '.join(formats())}"),
]
Json = Annotated[bool, typer.Option("--json", help="One JSON document on stdout")]


@command
def describe(block: Block, vm: AnyVm = None, format: Format = "", json: Json = False) -> Outcome:
    """Say what a machine is, field by field."""
    cloud = connect(blocks.load(block)[0])
    machine = cloud.describe(vm or only(cloud))
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


def only(cloud: Machines) -> str:
    """The id of the one machine that a cloud has. Raises BadInput where it has none, or several."""
    found = cloud.machines()
    if len(found) == 1:
        return found[0]
    named = ", ".join(plain(vm, 80) for vm in found[:10])
    raise BadInput(
        f"Which machine is meant? There {'are ' + str(len(found)) if found else 'is none'}.",
        f"Name one of them: {named}{', …' if len(found) > 10 else ''}." if found else "",
    )


def show_machine(out: Console, machine: Machine) -> None:
    """The description as a table, one leaf a line."""
    table = Table("field", "value", title=plain(machine.name), title_justify="left")
    for leaf in leaves(machine):
        table.add_row(leaf.path, plain(shown(leaf.value)))
    out.print(table)


def _power(vm: str, power: str) -> Outcome:
    return Outcome({"vm": vm, "power": str(power)}, lambda out: out.print(f"{plain(vm)}: {power}"))
