"""``coldferry copy`` as the command line's parser knows it."""

from typing import Annotated

import typer

from coldferry.plain import visible
from console.copying import Asked, copied, sentence
from console.managing import Json
from console.output import Outcome, command


@command
def copy(
    source: Annotated[
        str,
        typer.Argument(
            metavar="SOURCE",
            help="PATH, vhd:PATH, https://… of a page blob, ebs:REGION/snap-…, or env:NAME",
        ),
    ],
    target: Annotated[
        str,
        typer.Argument(
            metavar="TARGET", help="PATH, vhd:PATH, https://…, ebs:REGION/new, or env:NAME"
        ),
    ],
    verify: Annotated[
        bool, typer.Option("--verify/--no-verify", help="Read the target back and compare")
    ] = True,
    json: Json = False,
) -> Outcome:
    """Copy one disk, sparse and resumable, and prove it; no machine is involved."""
    document = copied(Asked(source, target, verify=verify))
    return Outcome(document, lambda out: out.print(visible(sentence(document))))
