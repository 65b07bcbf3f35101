"""A look at the clouds from where the worker runs, before anything depends on them."""

from dataclasses import asdict
from typing import Annotated, Any

import typer
from rich.console import Console

from coldferry.errors import BadInput, ColdferryError, problem
from coldferry.plain import plain
from coldferry.ports import Check, Machines
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
    clouds = {reference: connect(blocks.load(reference)[0]) for reference in block}
    unusable: list[BadInput] = []
    looked = {reference: _look(cloud, unusable) for reference, cloud in clouds.items()}
    healthy = all(check.ok is not False for checks in looked.values() for check in checks)
    document: dict[str, Any] = {
        "healthy": healthy,
        "blocks": {reference: [asdict(c) for c in checks] for reference, checks in looked.items()},
    }
    code = 0 if healthy else 4
    if unusable:  # the others are told of all the same
        error = BadInput(
            " ".join(one.what for one in unusable),
            " ".join(dict.fromkeys(one.do for one in unusable)),
        )
        document["error"] = asdict(problem(error))
        code = error.exit_code
    return Outcome(document, lambda out: _show(out, looked), code)


def _look(cloud: Machines, unusable: list[BadInput]) -> list[Check]:
    """What the cloud's own look came to; a block that cannot be used is added to ``unusable``."""
    checks: list[Check] = []
    try:
        checks.extend(cloud.diagnose())
    except BadInput as error:
        unusable.append(error)
        checks.append(Check("settings", ok=False, what=error.what, do=error.do))
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
