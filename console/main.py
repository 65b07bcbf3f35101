"""``coldferry``: every command in one list; exit codes are in ``coldferry.errors``."""

import os
import sys

import typer

from coldferry.errors import BadInput
from console import (
    book,
    comparing,
    doctor,
    gaps,
    managing,
    migrating,
    planning,
    preparing,
    sandboxing,
    serving,
)
from console.output import fail

app = typer.Typer(
    name="coldferry",
    help="Move a fully stopped virtual machine from one cloud provider to another, proven.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
    rich_markup_mode=None,
)
app.command("describe")(managing.describe)
app.command("start")(managing.start)
app.command("stop")(managing.stop)
app.command("reboot")(managing.reboot)
app.command("plan")(planning.plan)
app.command("gaps")(gaps.gaps)
app.command("compare")(comparing.compare)
app.command("prepare")(preparing.prepare)
app.command("migrate")(migrating.migrate)
app.command("rollback")(migrating.rollback)
app.command("status")(migrating.status)
app.command("doctor")(doctor.doctor)
app.command("up")(serving.up)
app.command("demo")(serving.demo)
app.add_typer(book.app, name="book")
app.add_typer(sandboxing.app, name="sandbox")


def main() -> None:
    """Run the command line; the exit code is the documented one, whatever happens."""
    os.umask(0o077)  # whatever is written may hold what is nobody else's business
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
