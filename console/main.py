"""``coldferry``: :mod:`console.commands` has the commands."""

import os
import sys

import typer

from coldferry.errors import BadInput
from console.output import fail


def main() -> None:
    """Run the command line; the exit code is the documented one, whatever happens."""
    os.umask(0o077)  # whatever is written may hold what is nobody else's business
    app = _copy_alone() if sys.argv[1:2] == ["copy"] else _all()
    try:
        code = app(standalone_mode=False)
    except typer.TyperException as usage:  # help that nobody asked for by name is one, too
        what, as_json = usage.format_message(), "--json" in sys.argv
        do = "" if "--help" in what else "See --help."
        if type(usage).__name__ == "NoArgsIsHelpError" and not as_json:
            print(what, file=sys.stderr)  # our own lines, where an error is one
            code = BadInput.exit_code
        else:
            code = fail(BadInput(what, do), as_json=as_json)
    except (typer.Abort, KeyboardInterrupt):
        print("Cancelled.", file=sys.stderr)
        code = 6
    sys.exit(code if isinstance(code, int) else 0)


def _all() -> typer.Typer:
    from console.commands import app

    return app


def _copy_alone() -> typer.Typer:
    """A copy is over before all the others are loaded."""
    from console.copying import copy

    app = typer.Typer(
        name="coldferry",
        pretty_exceptions_enable=False,
        add_completion=False,
        rich_markup_mode=None,
    )
    app.callback()(lambda: None)  # without it one command alone would bear no name
    app.command("copy")(copy)
    return app
