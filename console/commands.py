"""Every command in one list; exit codes are in ``coldferry.errors``."""

import typer

from console import (
    auditing,
    book,
    comparing,
    copy_command,
    doctor,
    finishing,
    gaps,
    handing_over,
    limiting,
    listing,
    managing,
    migrating,
    notifying,
    placing,
    planning,
    preparing,
    rehearsing,
    reporting,
    resuming,
    sandboxing,
    serving,
    waving,
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
app.command("start", short_help="Start a machine, unless another took over.")(managing.start)
app.command("stop", short_help="Stop a machine, never terminate it, and wait.")(managing.stop)
app.command("reboot")(managing.reboot)
app.command("plan")(planning.plan)
app.command("gaps", short_help="Ask each question of many machines once.")(gaps.gaps)
app.command("compare", short_help="Rank the saved targets for one machine.")(comparing.compare)
app.command("prepare", short_help="Print a script that readies the running guest.")(
    preparing.prepare
)
app.command("rehearse", short_help="Try a move while the machine runs; nothing is left.")(
    rehearsing.rehearse
)
app.command("migrate", short_help="Halt, copy, prove, and make the machine anew.")(
    migrating.migrate
)
app.command("copy", short_help="Copy one disk by itself, and prove it.")(copy_command.copy)
app.command("cutover", short_help="Hand production to the new machine, checked.")(finishing.cutover)
app.command("rollback", short_help="Undo a migration; the source is as before.")(migrating.rollback)
app.command("finalise", short_help="Give up the way back; each erasure is written down.")(
    finishing.finalise
)
app.command("status")(migrating.status)
app.command("report", short_help="Show what a migration came to, also as one HTML file.")(
    reporting.report
)
app.command("list", short_help="List all migrations, and what to do next.")(listing.list_migrations)
app.command("resume", short_help="Go on with a migration or a wave that stopped.")(resuming.resume)
app.command("abort", short_help="Give a migration up that is under way.")(resuming.abort)
app.command("audit", short_help="List all that bears our tags, and its cost.")(auditing.audit)
app.command("reconcile", short_help="Find runs that died with their worker.")(resuming.reconcile)
app.command("notify", short_help="Tell people of runs that wait, failed or are done.")(
    notifying.notify
)
app.command("limit", short_help="Say how fast migrations may copy, also while they do.")(
    limiting.limit
)
app.command("probe", short_help="Measure how far away a file server is.")(placing.probe)
app.command("doctor", short_help="Check that a cloud can be worked with from here.")(doctor.doctor)
app.command("up", short_help="Start sandbox, Prefect server and worker.")(serving.up)
app.command("demo", short_help="Move the sandbox's machine, saying what is done.")(serving.demo)
app.add_typer(book.app, name="book")
waving.app.command("cutover", short_help="Cut a wave over, or its groups, in order.")(
    handing_over.cutover
)
waving.app.command("rollback", short_help="Take a wave back, or its groups, in order.")(
    handing_over.rollback
)
app.add_typer(waving.app, name="wave")
app.add_typer(sandboxing.app, name="sandbox")
