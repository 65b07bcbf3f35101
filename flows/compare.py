"""Ask every target what it would make of one machine: where translations are missing least."""

from typing import Any

from prefect import flow

from coldferry.comparing import as_json, no_target, rank
from coldferry.errors import NotMovable
from tasks.book import open_book
from tasks.clouds import Cloud
from tasks.comparing import ask_all, publish_ranking, saved_targets
from tasks.describing import survey


@flow(name="compare", flow_run_name="{vm}: where it can go")
async def compare(source: Cloud, vm: str, use_book: bool = True) -> dict[str, Any]:
    """Rank every saved target by what it would leave missing of a machine; creates nothing.

    Args:
        source: The cloud that the machine would be taken from.
        vm: The machine's id there.
        use_book: Count what the translation book answers as answered.
    """
    found = survey(source, vm)
    if found.refusals:
        raise NotMovable.because(found.refusals)
    targets, broken = await saved_targets(found.machine)
    if not targets:
        raise no_target()
    book = await open_book(use_book=use_book)
    ranked = rank([*broken, *await ask_all(targets, found.machine, book)])
    await publish_ranking(found.machine, ranked)
    return as_json(found.machine, ranked)
