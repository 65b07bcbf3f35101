"""After a migration: the cutover, and giving up the way back."""

import sys
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from coldferry import cutover as domain
from coldferry import finalising
from coldferry.checks import refuse_unusable
from coldferry.errors import Refused, Rejected
from coldferry.moved import KEEP_DAYS, MAX_KEEP_DAYS
from coldferry.plain import counted, plain
from coldferry.removing import confirm_same
from console import blocks, tracking
from console.looking import show_findings
from console.managing import Json
from console.migrating import Migration
from console.output import Outcome, aside, command
from console.prefect_server import use_server
from console.tracking import Found
from providers.registry import connect_source, connect_target

Yes = Annotated[bool, typer.Option("--yes", help="Do not ask")]
KeepDays = Annotated[
    int,
    typer.Option(metavar="DAYS", min=0, max=MAX_KEEP_DAYS, help="How long the way back is kept"),
]


@command
def cutover(
    migration: Migration,
    security_group: Annotated[
        list[str],
        typer.Option(metavar="NAME", help="One for all interfaces, or one each; none for none"),
    ] = [],  # noqa: B006 - typer reads it once
    check: Annotated[
        list[str],
        typer.Option(metavar="CHECK", help="tcp:PORT, an http address, or script:/PATH"),
    ] = [],  # noqa: B006
    checks_within: Annotated[int, typer.Option(metavar="SECONDS", min=0)] = 600,
    keep_days: KeepDays = KEEP_DAYS,
    yes: Yes = False,
    json: Json = False,
) -> Outcome:
    """Start the new machine behind its real security groups, and check it."""
    refuse_unusable(check)
    found = tracking.find(migration)
    if not yes:
        _confirm_cutover(found, security_group, ask=not json)
    use_server()
    from flows.cutover import cutover as flow
    from tasks.clouds import load

    document: Any = flow(
        load(found.source),
        found.vm,
        load(found.target),
        migration,
        security_groups=security_group,
        checks=check,
        checks_within_s=checks_within,
        keep_days=keep_days,
        go=True,
    )
    return Outcome(document, lambda out: _show_cutover(out, document))


@command
def finalise(
    migration: Migration,
    keep_days: Annotated[
        int | None,
        typer.Option(
            metavar="DAYS",
            min=0,
            max=MAX_KEEP_DAYS,
            help="Instead of the day that the cutover wrote down",
        ),
    ] = None,
    source_gone: Annotated[
        bool, typer.Option("--source-gone", help="Also when the source machine is gone")
    ] = False,
    remove_source: Annotated[
        bool, typer.Option("--remove-source", help="Remove the source machine and its disks, too")
    ] = False,
    machine: Annotated[
        str, typer.Option(metavar="ID", help="The source machine again: yes, remove that one")
    ] = "",
    yes: Yes = False,
    json: Json = False,
) -> Outcome:
    """Remove the frozen disks and what only the migration needed.

    The source machine stays, unless its removal is asked for and its id said again.
    """
    found = tracking.find(migration)
    confirm_same(found.vm, machine)
    use_server()
    from flows.finalise import finalise as flow
    from tasks.clouds import load
    from tasks.finalising import what_came_over

    told: dict[str, Any] = {"keep_days": keep_days, "source_gone": source_gone}
    if not yes or (remove_source and not machine):
        brought = what_came_over(migration) if remove_source else None
        machine = _confirm_finalise(found, told | {"brought": brought}, machine, yes=yes, json=json)
    document: Any = flow(
        load(found.source), found.vm, load(found.target), migration, go=True,
        remove_source=remove_source, machine=machine, **told,
    )  # fmt: skip
    return Outcome(document, lambda out: _show_finalise(out, document))


def _confirm_cutover(found: Found, groups: list[str], *, ask: bool) -> None:
    source = connect_source(blocks.load(found.source)[0])
    target = connect_target(blocks.load(found.target)[0])
    ready = domain.look_ahead(source, found.vm, target, found.migration)
    if ready.begun:
        return  # somebody said go before
    named = domain.groups_of(ready.arrived, groups)
    aside.print(f"{found.migration}: {plain(ready.arrived.vm)} will be started, behind:")
    for interface, group in zip(ready.arrived.interfaces, named, strict=True):
        aside.print(f"  {plain(interface)}: {plain(group) or domain.NO_GROUP}")
    _confirm("Is it cut over?", [one.what for one in ready.remarks], ask=ask)


def _confirm_finalise(
    found: Found, told: dict[str, Any], machine: str, *, yes: bool, json: bool
) -> str:
    """Ask what was not said yet; the id of a machine that is removed, as a person typed it."""
    source = connect_source(blocks.load(found.source)[0])
    target = connect_target(blocks.load(found.target)[0])
    holding = finalising.weigh(source, found.vm, target, found.migration, **told)
    going = holding.everything
    aside.print(f"{found.migration}: {counted(len(going), 'object')} will be erased, for good:")
    for one in going:
        aside.print(f"  {one.kind} {plain(one.id)}")
    aside.print(holding.sentence)
    if not yes:
        _confirm("Is it finalised?", [one.what for one in holding.remarks], ask=not json)
    return _typed(found.vm, ask=not json) if holding.leaving and not machine else machine


def _typed(vm: str, *, ask: bool) -> str:
    """The machine's id, typed by a person. Raises Rejected for anything else."""
    if not ask or not sys.stdin.isatty():
        raise Refused(
            f"Is the source machine {plain(vm)} removed, with its disks? Nobody can be asked here.",
            "Give its id again: --machine ID.",
        )
    said = typer.prompt(f"Type {plain(vm)} to remove it with its disks", default="", err=True)
    if said.strip() != vm:
        raise Rejected(f"'{said}' is not its id.", "Nothing was changed.")
    return vm


def _confirm(question: str, remarks: list[str], *, ask: bool) -> None:
    """Raise Refused where nobody can be asked, and Rejected where somebody says no."""
    for remark in remarks:
        aside.print(f"  {plain(remark, 1000)}")
    if not ask or not sys.stdin.isatty():
        raise Refused(f"{question} Nobody can be asked here.", "Give --yes.")
    if not typer.confirm(question, err=True):
        raise Rejected("No was said.", "Nothing was changed.")


def _show_cutover(out: Console, document: dict[str, Any]) -> None:
    out.print(f"{document['migration']}: {document['state']}")
    out.print(f"New machine: {plain(document['target_vm'])}, {document['target_power']}")
    for one in document["interfaces"]:
        out.print(f"  {plain(one['name'])}: {plain(one['security_group']) or domain.NO_GROUP}")
    if document["checks"]:
        table = Table("check", "passed", "what", "s")
        for one in document["checks"]:
            table.add_row(plain(one["check"]), "yes", plain(one["what"]), str(one["seconds"]))
        out.print(table)
    show_findings(out, document["findings"])
    out.print(f"Go back with: coldferry rollback {document['migration']}")
    if document["finalise_by"]:
        after = f"from {document['finalise_by']} on"
        out.print(f"Finalise, {after}: coldferry finalise {document['migration']}")


def _show_finalise(out: Console, document: dict[str, Any]) -> None:
    gone = document["erased"]
    out.print(f"{document['migration']}: {document['state']}; {counted(len(gone), 'object')} gone:")
    for one in gone:
        said = plain(one.get("answer", "still there"))
        out.print(f"  {one['kind']} {plain(one['id'])}  {one.get('at', '')}  {said}")
    show_findings(out, document["findings"])
