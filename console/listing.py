"""All migrations, a line each, with what a person does next."""

import asyncio
from dataclasses import asdict
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.table import Table

from coldferry.due import Due, due
from coldferry.errors import problem
from coldferry.plain import plain
from coldferry.ports import KEPT_COPY
from console import tracking
from console.managing import Json
from console.output import Outcome, command
from console.prefect_server import use_server

if TYPE_CHECKING:
    from prefect.client.schemas.objects import FlowRun


@command
def list_migrations(json: Json = False) -> Outcome:
    """Say of every migration where it stands, since when, and what to do next."""
    silent: list[str] = []
    found = tracking.everything(silent)
    use_server()
    rows = asyncio.run(_rows(found))
    document: dict[str, Any] = {"migrations": rows, "unreachable": silent}
    if silent and not rows:
        unknown = tracking.unanswered(silent)
        document["error"] = asdict(problem(unknown))
        return Outcome(document, lambda out: out.print(str(unknown)), unknown.exit_code)
    return Outcome(document, lambda out: _show(out, rows))


async def _rows(found: list[tracking.Found]) -> list[dict[str, Any]]:
    from tasks.runs import run_state, runs_of

    rows = []
    for one in found:
        runs = await runs_of(one.migration)
        latest = runs[0] if runs else None
        doing = await run_state(latest)
        objects = [*one.source_objects, *one.target_objects]
        kept = sum(thing.kind == KEPT_COPY for thing in objects)
        next_ = due(one.migration, one.state, doing, len(objects), one.vm, kept)
        rows.append(_row(one, latest, _age_s(runs), next_) | {"doing": doing.value})
    return rows


def _row(
    one: tracking.Found, run: "FlowRun | None", age_s: int | None, next_: Due
) -> dict[str, Any]:
    state = run.state.name if run is not None and run.state is not None else None
    return {
        "migration": one.migration,
        "state": one.state,
        "source": one.source,
        "vm": one.vm,
        "target": one.target,
        "age_s": age_s,
        "run": {"id": str(run.id), "state": state} if run is not None else None,
        "next": next_.command,
        "why": next_.why,
    }


def _age_s(runs: "list[FlowRun]") -> int | None:
    """Since its first run was made; None where Prefect knows of none."""
    made = [run.created for run in runs if run.created is not None]
    return int((datetime.now(UTC) - min(made)).total_seconds()) if made else None


def age(seconds: int | None) -> str:
    """``3 min``, ``5 h``, ``2 d``; ``-`` where it is not known."""
    if seconds is None:
        return "-"
    for unit_s, name in ((86400, "d"), (3600, "h"), (60, "min")):
        if seconds >= unit_s:
            return f"{seconds // unit_s} {name}"
    return f"{max(0, seconds)} s"


def _show(out: Console, rows: list[dict[str, Any]]) -> None:
    if not rows:
        out.print("No saved cloud knows of a migration.")
        return
    table = Table("migration", "state", "machine", "target", "age", "next")
    for row in rows:
        table.add_row(
            row["migration"],
            row["state"],
            plain(row["vm"]),
            plain(row["target"]),
            age(row["age_s"]),
            row["next"] or row["why"],
        )
    out.print(table)
