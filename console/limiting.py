"""How fast copies may go: said here or in the Prefect UI, heeded while they run."""

import asyncio
import re
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from coldferry.errors import BadInput
from coldferry.migration import is_migration
from coldferry.plain import plain, size
from console.managing import Json
from console.output import Outcome, command
from console.prefect_server import use_server
from providers.registry import PROVIDERS

_UNITS = {"": 1, "KiB": 1 << 10, "MiB": 1 << 20, "GiB": 1 << 30}
_AMOUNT = re.compile(r"(\d{1,12}(?:\.\d{1,3})?)\s*([KMG]iB)?")


@command
def limit(
    name: Annotated[
        str | None,
        typer.Argument(metavar="[NAME]", help=f"A migration, or a cloud: {', '.join(PROVIDERS)}"),
    ] = None,
    bytes_per_s: Annotated[
        str | None,
        typer.Option("--bytes-per-s", metavar="BYTES", help="Such as 50MiB; 0 ends the limit"),
    ] = None,
    requests_per_s: Annotated[
        str | None,
        typer.Option("--requests-per-s", metavar="NUMBER", help="Such as 200; 0 ends the limit"),
    ] = None,
    json: Json = False,
) -> Outcome:
    """Say how fast migrations may copy, or change it; those that run heed it within seconds."""
    changes = {
        field: _amount(option, said, _UNITS if field == "bytes_per_s" else {"": 1})
        for field, option, said in (
            ("bytes_per_s", "--bytes-per-s", bytes_per_s),
            ("requests_per_s", "--requests-per-s", requests_per_s),
        )
        if said is not None
    }
    if name is None and changes:
        raise BadInput("Whose limit?", "Name a migration or a cloud.")
    kind = _kind(name) if name is not None else ""
    use_server()
    from tasks.limiting import change  # they import Prefect
    from tasks.limiting import said as said_now

    if name is not None and changes:
        document = asyncio.run(change(kind, name, changes))
    else:
        document = asyncio.run(said_now())
        if name is not None:
            document = {kind: {n: b for n, b in document.get(kind, {}).items() if n == name}}
    return Outcome({"limits": document}, lambda out: _show(out, document))


def _kind(name: str) -> str:
    if name in PROVIDERS:
        return "clouds"
    if is_migration(name):
        return "migrations"
    raise BadInput(
        f"{name} is neither a cloud nor a migration.",
        f"Clouds are {' and '.join(PROVIDERS)}; 'coldferry status' lists migrations.",
    )


def _amount(option: str, said: str, units: dict[str, int]) -> float:
    found = _AMOUNT.fullmatch(said.strip())
    if found is None or (found[2] or "") not in units:
        known = ", ".join(unit for unit in units if unit)
        raise BadInput(
            f"{option} is {said!r}, which is no amount.",
            f"Give a number{f', with one of {known} if you like' if known else ''}.",
        )
    return float(found[1]) * units[found[2] or ""]


def _show(out: Console, limits: dict[str, Any]) -> None:
    table = Table("of", "name", "bytes a second", "requests a second")
    for kind, names in limits.items():
        for name, bounds in names.items():
            rate = bounds.get("bytes_per_s")
            table.add_row(
                kind,
                plain(name),
                size(int(rate)) if rate else "no limit",
                f"{bounds['requests_per_s']:g}" if bounds.get("requests_per_s") else "no limit",
            )
    if table.row_count:
        out.print(table)
    else:
        out.print("No limit is set.")
