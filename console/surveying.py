"""The first hour: every machine that a source lists, as one table; nothing is made or changed."""

from rich.console import Console
from rich.table import Table

from coldferry.fleet import SIGNS, Light, Line, as_document, figures, order, summary
from coldferry.plain import plain
from coldferry.ports import Machines, Translator
from coldferry.precedents import EMPTY
from coldferry.surveying import Survey
from console.book import saved_book
from console.estimating import terms_towards
from console.output import Outcome, aside

_EVERY = 10


def survey_all(origin: Machines, goal: Translator, *, use_book: bool) -> Outcome:
    """One line for each machine; a machine that cannot be looked at ends no other's."""
    survey = Survey(origin, goal, saved_book() if use_book else EMPTY, terms_towards(goal))
    vms = origin.machines()
    found: list[Line] = []
    for one in survey.look_at(vms):
        found.append(one)
        if len(found) % _EVERY == 0:
            aside.print(f"{len(found)} of {len(vms)} machines looked at")
    lines = order(found)
    return Outcome(as_document(lines), lambda out: _show(out, lines))


_STYLES = {Light.RED: "red", Light.AMBER: "yellow", Light.GREEN: "green"}


def _show(out: Console, lines: list[Line]) -> None:
    table = Table("", "machine", "id", "asks", "first reason", "read", "time", "once", "a month")
    for one in lines:
        asks = str(len(one.questions)) if one.questions else ""
        table.add_row(
            str(one.light),
            plain(one.name, 40),
            plain(one.vm.rpartition("/")[2], 40),
            asks,
            plain(one.reason, 120),
            *figures(one.estimate),
            style=_STYLES[one.light],
        )
    if lines:
        out.print(table)
    out.print(summary(lines))
    if any(one.estimate is not None for one in lines):
        out.print(SIGNS)
