"""The first hour: what a migration of each machine of an account would be; nothing is changed."""

from typing import Any

from prefect import flow

from coldferry.fleet import as_document
from tasks.book import open_book
from tasks.clouds import Cloud
from tasks.surveying import plan_all, publish_table

ALL: tuple[str, ...] = ()


@flow(name="plan", flow_run_name="every machine: {source.provider} to {target.provider}")
async def plan(
    source: Cloud, target: Cloud, vms: tuple[str, ...] = ALL, use_book: bool = True
) -> dict[str, Any]:
    """Say of each machine whether it can be moved, what is asked, and what that takes.

    Args:
        source: The cloud that machines would be taken from.
        target: The cloud that they would be brought to.
        vms: The machines' ids there; leave it empty for every one that is there.
        use_book: Count what the translation book answers as answered.
    """
    lines = plan_all(source, target, list(vms), await open_book(use_book=use_book))
    await publish_table(source, target, lines)
    return as_document(lines)
