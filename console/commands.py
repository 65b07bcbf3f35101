"""Every command in one list; exit codes are in ``coldferry.errors``."""

import typer

from console import (
    book,
    comparing,
    copy_command,
    doctor,
    gaps,
    managing,
    migrating,
    planning,
    preparing,
    sandboxing,
    serving,
)

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
app.command("copy")(copy_command.copy)
app.command("rollback")(migrating.rollback)
app.command("status")(migrating.status)
app.command("doctor")(doctor.doctor)
app.command("up")(serving.up)
app.command("demo")(serving.demo)
app.add_typer(book.app, name="book")
app.add_typer(sandboxing.app, name="sandbox")
