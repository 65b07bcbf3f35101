"""Saying what bears our tags, whose it is, and what it costs."""

import asyncio
from typing import Any

from rich.console import Console
from rich.table import Table

from coldferry.audited import price_in_words
from coldferry.plain import counted, plain, size
from console.managing import Json
from console.output import Outcome, aside, command
from console.prefect_server import use_server


@command
def audit(json: Json = False) -> Outcome:
    """List all that bears our tags in every saved cloud, whose it is, and its cost a day."""
    use_server()
    from flows.audit import audit as audit_flow

    document: Any = asyncio.run(audit_flow())
    return Outcome(document, lambda out: _show(out, document))


def _show(out: Console, document: dict[str, Any]) -> None:
    for name in document["unreachable"]:
        aside.print(f"{plain(name)} did not answer: what is there is not listed.")
    if not document["objects"]:
        out.print("Nothing bears our tags.")
        return
    table = Table("it is", "kind", "object", "size", "migration", "USD a day", "what to do")
    for one in document["objects"]:
        table.add_row(
            one["belongs"],
            one["kind"],
            plain(one["id"]),
            "" if one["size_bytes"] is None else size(one["size_bytes"]),
            plain(one["migration"]),
            price_in_words(one["usd_per_day"]),
            one["do"],
        )
    out.print(table)
    unknown = document["without_price"]
    beside = f", and {counted(unknown, 'object')} of unknown price" if unknown else ""
    out.print(f"{document['usd_per_day']:.2f} USD a day{beside}.")
    out.print(f"{counted(document['orphans'], 'orphan')}.")
