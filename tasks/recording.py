"""What came after a migration, kept, and shown where a person reads it."""

from collections.abc import Mapping
from typing import Any

from prefect.artifacts import create_markdown_artifact

from coldferry.plain import code, prose
from coldferry.report import keep_document
from coldferry.switched import Switched


def publish_switched(switched: Switched) -> None:
    """Keep a cutover's report as JSON, and show it as the run's artifact."""
    migration = switched.ready.migration
    keep_document(f"{migration}-cutover", switched.as_json())
    create_markdown_artifact(
        switched.as_markdown(),
        key=f"cutover-{migration}",
        description=f"{migration}: {switched.marks.state}",
    )


def publish_erased(document: Mapping[str, Any]) -> None:
    """Show the record of what was erased, which is kept under the home, as the run's artifact."""
    migration = str(document["migration"])
    rows = [
        f"| {code(row['kind'])} | {code(row['id'])} | {code(row.get('at', ''))} "
        f"| {code(row.get('means', ''))} | {prose(row.get('answer', 'still there'))} |"
        for row in document["erased"]
    ]
    told = [f"- {code(one['subject'])}: {prose(one['what'], 600)}" for one in document["findings"]]
    create_markdown_artifact(
        "\n".join([
            f"# {code(migration)}: {document['state']}", "",
            "| kind | id | when | by which call | what was answered |", "|---|---|---|---|---|",
            *rows, "", *told,
        ]),
        key=f"erased-{migration}",
        description=f"{migration}: {len(rows)} erased",
    )  # fmt: skip
