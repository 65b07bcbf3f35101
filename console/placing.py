"""``--placement``, and ``coldferry probe``: what is not copied, and how far away it is."""

from collections.abc import Sequence
from dataclasses import asdict
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from coldferry.errors import BadInput
from coldferry.latency import DEADLINE_S, NFS_PORT, TRIES, meaning, measure
from coldferry.plain import plain, size
from coldferry.plan import Plan
from console.managing import Json
from console.output import Outcome, command

Placement = Annotated[
    list[str] | None,
    typer.Option(
        "--placement",
        metavar="DEVICE=PLACEMENT",
        help="Of one device: copy or drop; remote, nofail or remove",
    ),
]
MaxLatency = Annotated[
    float,
    typer.Option("--max-latency", metavar="MS", min=0.001, help="How far away a remote one may be"),
]


def read(words: Sequence[str] | None) -> dict[str, str]:
    """``disk1=drop`` as a placement by a device's name. Raises BadInput naming each that is none.

    The last ``=`` parts the two: a name may hold one, a placement never does.
    """
    given, faults = dict[str, str](), list[str]()
    for word in words or ():
        name, parted, placement = word.rpartition("=")
        if not (parted and name and placement):
            faults.append(f"'{plain(word, 80)}' is not DEVICE=PLACEMENT")
        elif given.get(name, placement) != placement:
            faults.append(f"'{plain(name, 80)}' is placed twice")
        else:
            given[name] = placement
    if faults:
        raise BadInput(
            f"Some placements cannot be used: {'; '.join(faults)}.",
            "Write them as in --placement disk1=drop --placement fs-0123=remote.",
        )
    return given


def show_devices(out: Console, made: Plan) -> None:
    """Every device with what becomes of it, as ``--placement`` names it."""
    table = Table("device", "is", "bytes", "placement")
    left = {device.name for device in made.left_behind}
    every = sorted([*made.devices, *made.left_behind], key=lambda device: device.index)
    for device in every:
        named = f"{device.disk.device}, {device.disk.id}"
        placement = "drop: left behind" if device.name in left else "copy"
        table.add_row(device.name, plain(named, 80), size(device.disk.size_bytes), placement)
    for share in made.shares:
        one = share.filesystem
        becomes = share.placement or "not decided"
        table.add_row(
            plain(one.id, 40), plain(f"{one.kind} at {share.address}", 80), "files not copied",
            becomes,
        )  # fmt: skip
    out.print(table)


@command
def probe(
    address: Annotated[str, typer.Argument(metavar="ADDRESS", help="Of a file server")],
    port: Annotated[int, typer.Option("--port", metavar="NUMBER")] = NFS_PORT,
    tries: Annotated[int, typer.Option("--tries", metavar="NUMBER")] = TRIES,
    deadline: Annotated[
        float, typer.Option("--deadline", metavar="SECONDS", help="For all of it")
    ] = DEADLINE_S,
    connect_only: Annotated[
        bool, typer.Option("--connect-only", help="Ask nothing: it does not speak NFS")
    ] = False,
    json: Json = False,
) -> Outcome:
    """Measure how far away a file server is from here, and say what that means."""
    found = measure(address, port, tries=tries, deadline_s=deadline, asks=not connect_only)
    document = asdict(found) | {"meaning": meaning(found.ms)}
    return Outcome(
        document,
        lambda out: out.print(f"{address} port {port}: {found.words}.\n{meaning(found.ms)}."),
    )
