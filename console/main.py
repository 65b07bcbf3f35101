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
app.command("stop", short_help="Stop a machine, never terminate it, and wait.")(managing.stop)
app.command("reboot")(managing.reboot)
app.command("plan")(planning.plan)
app.command("gaps", short_help="Ask each question of many machines once.")(gaps.gaps)
app.command("compare", short_help="Rank the saved targets for one machine.")(comparing.compare)
app.command("prepare", short_help="Print a script that readies the running guest.")(
    preparing.prepare
)
app.command("migrate", short_help="Halt, copy, prove, and make the machine anew.")(
    migrating.migrate
)
app.command("rollback", short_help="Undo a migration; the source is as before.")(migrating.rollback)
app.command("status")(migrating.status)
app.command("doctor", short_help="Check that a cloud can be worked with from here.")(doctor.doctor)
app.command("up", short_help="Start sandbox, Prefect server and worker.")(serving.up)
app.command("demo", short_help="Move the sandbox's machine, saying what is done.")(serving.demo)
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
