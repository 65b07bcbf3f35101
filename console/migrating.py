"""Carrying a migration out, undoing it, and saying where it stands."""

import asyncio
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any, Literal

import typer
from rich.console import Console
from rich.table import Table

from coldferry.errors import BadInput, problem
from coldferry.plain import counted, plain
from console import answers as answer_file
from console import blocks, placing, tracking
from console.estimating import show_outcomes
from console.looking import show_findings
from console.managing import Json
from console.output import Outcome, command
from console.placing import MaxLatency, Placement
from console.planning import (
    Answers,
    AnyVm,
    NoBook,
    SourceBlock,
    TargetBlock,
    machine_and_target,
    show_precedents,
)
from console.prefect_server import use_server
from console.watching import watching
from providers.registry import connect_source

Migration = Annotated[str, typer.Argument(metavar="MIGRATION", help="Its id")]
Writes = Annotated[
    Literal["", "discard", "stop"],
    typer.Option(
        metavar="ANSWER",
        help="After a cutover: discard what it wrote, which keeps a copy of its disks, or stop",
    ),
]


@command
def migrate(
    source: SourceBlock,
    vm: AnyVm,
    target: TargetBlock = None,
    answers: Answers = None,
    stop_timeout: Annotated[
        int,
        typer.Option("--stop-timeout", metavar="SECONDS", min=0, help="How long it may take"),
    ] = 600,
    inspect: Annotated[
        bool, typer.Option("--inspect/--no-inspect", help="Look into its disks before and after")
    ] = True,
    no_book: NoBook = False,
    placement: Placement = None,
    max_latency: MaxLatency = 10,
    although_moved: Annotated[
        bool, typer.Option("--although-moved", help="Also one whose earlier move was finalised")
    ] = False,
    boot_check: Annotated[
        bool, typer.Option("--boot-check", help="Start a copy of it there, and say what came up")
    ] = False,
    cold: Annotated[
        bool, typer.Option("--cold", help="Copy after the halt only, not while it runs, too")
    ] = False,
    json: Json = False,
) -> Outcome:
    """Halt a machine, copy and prove its disks, and make it anew at the target, stopped."""
    vm, goal = machine_and_target(source, vm, target)
    report = run_migration(
        source, vm, goal, answers, stop_timeout, inspect=inspect, use_book=not no_book,
        placement=placing.read(placement), max_latency_ms=max_latency,
        although_moved=although_moved, boot_check=boot_check, cold=cold,
    )  # fmt: skip
    return Outcome(report, lambda out: show_report(out, report))


def run_migration(
    source: str,
    vm: str,
    target: str,
    answers: Path | None,
    stop_timeout_s: int = 600,
    *,
    use_book: bool = True,
    inspect: bool = True,
    **more: Any,
) -> dict[str, Any]:
    """Run the flow in this process; its report. ``more`` are parameters of the flow's."""
    given = answer_file.read(answers) if answers else None
    source, target = blocks.lasting(source), blocks.lasting(target)
    origin, _ = blocks.load(source)
    blocks.load(target)
    if given and None in given.values():  # the flow is given what was answered, nothing else
        given = answer_file.checkable(connect_source(origin).describe(vm), given)
    use_server()
    from flows.migrate_vm import migrate_vm  # imports Prefect, which must find its server
    from tasks.clouds import load

    told: dict[str, Any] = {
        "stop_timeout_s": stop_timeout_s,
        "inspect": inspect,
        "use_book": use_book,
        **more,
    }
    with watching():
        result: Any = asyncio.run(migrate_vm(load(source), vm, load(target), answers=given, **told))
    report: dict[str, Any] = result
    return report


@command
def rollback(
    migration: Migration,
    discard_used: Annotated[
        bool,
        typer.Option("--discard-used", help="Also when the new machine ran and may hold new data"),
    ] = False,
    target_writes: Writes = "",
    json: Json = False,
) -> Outcome:
    """Remove what a migration made, and put the source's power back as it was."""
    found = tracking.find(migration)
    use_server()
    from flows.rollback import rollback as rollback_flow
    from tasks.clouds import load

    document: Any = rollback_flow(
        load(found.source),
        found.vm,
        load(found.target),
        migration,
        discard_used=discard_used,
        target_writes=target_writes,
    )
    return Outcome(document, lambda out: _show_rollback(out, document))


@command
def status(
    migration: Annotated[str | None, typer.Argument(metavar="[MIGRATION]")] = None,
    wave: Annotated[
        str,
        typer.Option(metavar="WAVE", help="The machines of a wave, by its file or its name"),
    ] = "",
    json: Json = False,
) -> Outcome:
    """Say where migrations stand, from the clouds' own tags."""
    if wave:
        return _status_of_wave(migration, wave)
    if migration is None:
        silent: list[str] = []
        every = [found.as_json() for found in tracking.everything(silent)]
        document: dict[str, Any] = {"migrations": every, "unreachable": silent}
        if silent and not every:  # none that answers knows of one: that is not to say there is none
            unknown = tracking.unanswered(silent)
            document["error"] = asdict(problem(unknown))
            return Outcome(document, lambda out: out.print(str(unknown)), unknown.exit_code)
        return Outcome(document, lambda out: _show_status(out, every))
    one = tracking.find(migration, need_both=False).as_json()
    return Outcome(one, lambda out: _show_status(out, [one]))


def _status_of_wave(migration: str | None, wave: str) -> Outcome:
    from console.wave_looking import status_of
    from console.waving import read

    if migration is not None:
        raise BadInput("Which is meant?", "Give either a migration or a wave.")
    file = Path(wave)
    named = file.exists() or file.suffix in (".yaml", ".yml", ".csv")
    return status_of(read(file) if named else wave)


def show_report(out: Console, report: dict[str, Any], *, lasting: bool = True) -> None:
    """The end of a migration, and its proof; how to undo it where its clouds last."""
    out.print(f"{report['migration']}: {report['state']}")
    out.print(f"New machine, behind a deny-all group: {plain(report['target_vm'])}")
    table = Table("source", "data", "sent", "manifest root", "equal")
    for device in report["devices"]:
        table.add_row(
            plain(device["source"]),
            f"{device['data_bytes'] / 2**20:.1f} MiB",
            f"{device['sent_bytes'] / 2**20:.1f} MiB",
            device["manifest_root"][:16],
            "yes" if device["proof"]["equal"] else "NO",
        )
    out.print(table)
    for left in report["left_behind"]:
        out.print(f"Left behind, not copied: {left['device']}, {plain(left['source'])}")
    for share in report["file_systems"]:
        place = share["placement"] or "where it is"
        out.print(
            f"Files not copied: {plain(share['source'])}: {place}; the report says what to do"
        )
    show_precedents(out, report["translation"])
    spent = ", ".join(f"{step} {seconds:.1f}" for step, seconds in report["seconds"].items())
    out.print(f"Seconds: {spent}")
    show_outcomes(out, report["outcomes"])
    show_findings(out, report["findings"])
    if lasting:
        out.print(f"Undo it with: coldferry rollback {report['migration']}")


def _show_rollback(out: Console, document: dict[str, Any]) -> None:
    removed = "removed:" if document["removed"] else "there was nothing left to remove."
    out.print(f"{document['migration']}: {document['state']}; {removed}")
    for one in document["removed"]:
        out.print(f"  {one['kind']} {plain(one['id'])}")
    if document["kept"]:
        out.print("Kept at the target, until it is finalised:")
    for one in document["kept"]:
        out.print(f"  {one['kind']} {plain(one['id'])}")
    show_findings(out, document["findings"])


def _show_status(out: Console, every: list[dict[str, Any]]) -> None:
    for one in every:
        left = f"{counted(len(one['target_objects']), 'object')} at {one['target'] or 'the target'}"
        kept = f"{len(one['source_objects'])} at {one['source'] or 'the source'}"
        out.print(f"{one['migration']}  {one['state']}  {plain(one['vm'])}  {left}, {kept}")
    if not every:
        out.print("No saved cloud knows of a migration.")
