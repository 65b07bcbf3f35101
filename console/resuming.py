"""At three in the morning: go on with a migration, give it up, find runs that died."""

import asyncio
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console

from coldferry.due import WAVE_TAG, RunState
from coldferry.errors import Conflict, Failed, Refused, UnknownMigration
from coldferry.migration import ENDED, State, is_migration
from coldferry.plain import plain
from console import tracking
from console.managing import Json
from console.migrating import Migration
from console.output import Outcome, command
from console.prefect_server import use_server

if TYPE_CHECKING:
    from prefect.client.schemas.objects import FlowRun

_POLL_S = 2.0


@command
def resume(
    name: Annotated[
        str, typer.Argument(metavar="NAME", help="A migration's id, or the name of a wave")
    ],
    wait: Annotated[
        bool, typer.Option("--wait/--no-wait", help="Until the run has ended, or asks a person")
    ] = False,
    json: Json = False,
) -> Outcome:
    """Go on with a migration or a wave whose run failed, crashed or was cancelled."""
    found = tracking.find(name, need_both=False) if is_migration(name) else None
    if found is not None and found.state in ENDED:
        raise Refused(
            f"{found.migration} is {found.state}: there is nothing to go on with.",
            "Migrate the machine again: that is the next attempt.",
        )
    use_server()
    going_on = _resume(found, wait=wait) if found is not None else _resume_wave(name, wait=wait)
    document = asyncio.run(going_on)
    return Outcome(document, lambda out: _show(out, document))


@command
def reconcile(
    silent_for: Annotated[
        int,
        typer.Option("--silent-for", metavar="SECONDS", min=60, help="Without a sign of life"),
    ] = 300,
    json: Json = False,
) -> Outcome:
    """Make runs retryable that died with their worker; start sources past their window again."""
    use_server()
    from flows.reconcile import reconcile as reconcile_flow

    document: Any = asyncio.run(reconcile_flow(silent_for))
    return Outcome(document, lambda out: _show_reconciled(out, document))


@command
def abort(
    migration: Migration,
    discard_used: Annotated[
        bool,
        typer.Option("--discard-used", help="Also when the new machine ran and may hold new data"),
    ] = False,
    json: Json = False,
) -> Outcome:
    """Cancel a migration's run, start the source again as it was, and discard the target."""
    found = tracking.find(migration)
    use_server()
    from flows.abort import abort as abort_flow
    from tasks.clouds import load

    document: Any = asyncio.run(
        abort_flow(
            load(found.source), found.vm, load(found.target), migration, discard_used=discard_used
        )
    )
    return Outcome(document, lambda out: _show_aborted(out, document))


async def _resume(found: tracking.Found, *, wait: bool) -> dict[str, Any]:
    from tasks.runs import runs_of

    runs = await _at_rest(found.migration, await runs_of(found.migration))
    arrived = found.state in (State.ALLOCATED, State.CUT_OVER)
    if arrived and not (runs and _unfinished(runs[0])):
        return _told(found.migration, runs[0] if runs else None, "has arrived: nothing is left")
    if not any(run.deployment_id for run in runs):
        target = found.target or tracking.target_of(found) or "TARGET"
        raise Refused(
            f"No run of {found.migration} can be retried by a worker: it was begun by a command, "
            "or Prefect no longer knows its run.",
            f"Go on with it here: coldferry migrate {found.source} {found.vm} {target}",
        )
    return await _retry(found.migration, runs, wait=wait)


async def _resume_wave(name: str, *, wait: bool) -> dict[str, Any]:
    """A wave finds by itself what is left of it."""
    from tasks.runs import runs_of

    runs = await runs_of(f"{WAVE_TAG}{name}", ("migrate-wave",))
    if not any(run.deployment_id for run in runs):
        raise UnknownMigration(
            f"No migration, and no run of a wave, is called '{plain(name)}'.",
            "'coldferry list' lists the migrations that are known.",
        )
    return await _retry(name, await _at_rest(name, runs), wait=wait)


async def _at_rest(name: str, runs: "list[FlowRun]") -> "list[FlowRun]":
    """The runs as they are once the silent ones are made retryable.

    Raises Conflict where one lives or waits for a person.
    """
    from tasks.reaping import reap_one
    from tasks.runs import run_state

    doing = [(run, await run_state(run)) for run in runs]
    for run, state in doing:
        if state is RunState.WAITING:
            raise Conflict(
                f"{name} waits for its form.",
                f"Answer it in the Prefect UI: the run {run.name} ({run.id}).",
            )
        if state is RunState.ALIVE:
            raise Conflict(
                f"{name} is being carried out by the run {run.name} ({run.id}).",
                "Wait for it. If its worker died just now, give the same command again in five "
                "minutes: then its silence tells.",
            )
    return [await reap_one(run) if state is RunState.SILENT else run for run, state in doing]


async def _retry(name: str, runs: "list[FlowRun]", *, wait: bool) -> dict[str, Any]:
    """Have a worker retry the latest run that one can retry."""
    from tasks.runs import retry

    latest = next(run for run in runs if run.deployment_id)
    await retry(latest)
    return await _until_ended(name, latest) if wait else _told(name, latest, "goes on")


def _unfinished(run: "FlowRun") -> bool:
    return run.state is not None and not run.state.is_completed()


async def _until_ended(name: str, run: "FlowRun") -> dict[str, Any]:
    from prefect.client.orchestration import get_client

    while True:
        async with get_client() as client:
            seen = await client.read_flow_run(run.id)
        state = seen.state
        if state is not None and state.is_completed():
            return _told(name, seen, "is complete")
        if state is not None and (state.is_final() or state.is_paused()):
            raise Failed(
                f"{name}: its run is {state.name}. {plain(state.message or '', 1000)}",
                f"Its first artifact in the Prefect UI says what to do (run {run.id}).",
            )
        await asyncio.sleep(_POLL_S)


def _told(name: str, run: "FlowRun | None", what: str) -> dict[str, Any]:
    return {"name": name, "run": str(run.id) if run is not None else None, "what": what}


def _show(out: Console, document: dict[str, Any]) -> None:
    out.print(f"{document['name']} {document['what']}.")
    if document["run"]:
        out.print(f"Its run: {document['run']}")


def _show_reconciled(out: Console, document: dict[str, Any]) -> None:
    for one in document["put_back"]:
        out.print(f"{plain(one['vm'])}: put back as it was, its window ended at {one['abort_at']}")
    crashed = document["crashed"]
    for one in crashed:
        out.print(f"{plain(one['name'])}: {one['state']}, silent for {one['silent_s']} s")
    for migration in dict.fromkeys(one["migration"] for one in crashed if one["migration"]):
        out.print(f"Go on with: coldferry resume {migration}")
    if not crashed:
        out.print("No run is dead.")


def _show_aborted(out: Console, document: dict[str, Any]) -> None:
    out.print(f"{document['migration']}: {document['state']}; the source is {document['power']}.")
    for run in document["cancelled"]:
        out.print(f"  ended the run {run}")
    for one in document["removed"]:
        out.print(f"  removed {one['kind']} {plain(one['id'])}")
    for one in document["left"]:
        out.print(f"  LEFT: {one['kind']} {plain(one['id'])}")
    if not document["left"]:
        out.print("Nothing of it is left at either cloud but the attempt's tag.")
