"""One machine against every saved target, ranked."""

from concurrent.futures import ThreadPoolExecutor
from functools import partial

from rich.console import Console
from rich.table import Table

from coldferry.comparing import Standing, as_json, goals, no_target, price, rank, standing
from coldferry.errors import BadInput, NotMovable
from coldferry.plain import plain
from coldferry.ports import is_source
from coldferry.precedents import EMPTY, consult
from console import blocks
from console.book import saved_book
from console.managing import AnyVm, Json, only
from console.output import Outcome, command
from console.planning import NoBook, SourceBlock
from providers.registry import Access, connect

_AT_ONCE = 8


@command
def compare(
    source: SourceBlock, vm: AnyVm = None, no_book: NoBook = False, json: Json = False
) -> Outcome:
    """Rank every saved target by what it would leave missing of a machine; creates nothing."""
    origin = connect(blocks.load(source)[0])
    vm = vm or only(origin)
    findings = origin.unmovable(vm) if is_source(origin) else []
    if refusals := [finding for finding in findings if finding.severity == "refuse"]:
        raise NotMovable.because(refusals)
    machine = origin.describe(vm)
    saved = {f"{blocks.SLUG}/{name}": access for name, access, _ in blocks.every()}
    named = {name: connect(a) for name, a in saved.items() if isinstance(a, Access)}
    broken = [Standing(name, error=str(e)) for name, e in saved.items() if isinstance(e, BadInput)]
    targets = goals(named, machine.origin)
    if not targets:
        raise no_target()
    book = EMPTY if no_book else saved_book()
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        asked = [
            pool.submit(standing, name, partial(consult, cloud, machine, {}, book))
            for name, cloud in targets.items()
        ]
        ranked = rank([*broken, *(one.result() for one in asked)])
    return Outcome(as_json(machine, ranked), lambda out: _show(out, ranked))


def _show(out: Console, ranked: list[Standing]) -> None:
    table = Table(
        "", "target", "", "size", "missing", "to acknowledge", "impossible", "USD an hour"
    )
    for place, one in enumerate(ranked, 1):
        if one.error:
            table.add_row(str(place), one.target, one.verdict)
            continue
        counts = (len(one.gaps), len(one.acknowledgements), len(one.impossible))
        size = plain(one.size or "open", 40)
        table.add_row(str(place), one.target, one.verdict, size, *map(str, counts), price(one))
    out.print(table)
    for one in ranked:
        if one.error:
            out.print(f"{one.target}: {plain(one.error, 400)}")
