"""A look at the clouds from where the worker runs, before anything depends on them."""

from dataclasses import asdict
from typing import Annotated

import typer
from rich.console import Console

from coldferry.errors import ColdferryError
from coldferry.plain import plain
from coldferry.ports import Check
from console import blocks
from console.managing import Json
from console.output import Outcome, command
from providers.registry import connect


@command
def doctor(
    block: Annotated[list[str], typer.Argument(metavar="BLOCK…", help="Clouds to look at")],
    json: Json = False,
) -> Outcome:
    """Check identity, clock, endpoints, permissions, quotas and the data path of clouds."""
    looked = {reference: _look(reference) for reference in block}
    healthy = all(check.ok is not False for checks in looked.values() for check in checks)
    document = {
        "healthy": healthy,
        "blocks": {reference: [asdict(c) for c in checks] for reference, checks in looked.items()},
    }
    return Outcome(document, lambda out: _show(out, looked), 0 if healthy else 4)


def _look(reference: str) -> list[Check]:
    cloud = connect(blocks.load(reference)[0])
    checks: list[Check] = []
    try:
        checks.extend(cloud.diagnose())
    except ColdferryError as error:
        checks.append(Check("reach", ok=False, what=error.what, do=error.do))
    return checks


def _show(out: Console, looked: dict[str, list[Check]]) -> None:
    words = {True: "ok  ", False: "BAD ", None: "?   "}
    for reference, checks in looked.items():
        out.print(reference)
        for check in checks:
            out.print(f"  {words[check.ok]} {check.name}: {plain(check.what, 400)}")
            if check.ok is not True and check.do:
                out.print(f"       {plain(check.do, 400)}")
