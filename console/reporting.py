"""``coldferry report``: a migration's page, read again, or as one file for a ticket."""

import asyncio
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.markdown import Markdown

from coldferry.errors import BadInput, UnknownMigration
from coldferry.migration import is_migration
from coldferry.plain import visible
from coldferry.report_file import as_html
from console import new_file
from console.managing import Json
from console.output import Outcome, command
from console.prefect_server import use_server


@command
def report(
    migration: Annotated[str, typer.Argument(metavar="MIGRATION")],
    html: Annotated[
        Path | None,
        typer.Option("--html", metavar="FILE", help="Write it there as one page, for a ticket"),
    ] = None,
    json: Json = False,
) -> Outcome:
    """Show what a migration came to: result, downtime, what differs, and what is to be done."""
    if not is_migration(migration):
        raise BadInput(
            f"{visible(migration)} is no migration's id.", "'coldferry status' lists them."
        )
    use_server()
    from tasks.reporting import last_page  # imports Prefect

    page = asyncio.run(last_page(migration))
    if page is None:
        raise UnknownMigration(
            f"No report of {migration} is kept by the Prefect server in use.",
            "A migration has one once it is allocated; 'coldferry status' says how far it is.",
        )
    document: dict[str, Any] = {"migration": migration, "markdown": page}
    if html is not None:
        new_file.write(html, as_html(migration, page))
        document["html"] = str(html)
    return Outcome(document, lambda out: _show(out, page, html))


def _show(out: Console, page: str, html: Path | None) -> None:
    if html is not None:
        out.print(f"Written to {visible(html)}.")
    elif out.is_terminal:
        out.print(Markdown(page, hyperlinks=False))
    else:
        out.print(page, markup=False, highlight=False, soft_wrap=True)
