"""The first hour: every machine that a source lists, as one table; nothing is made or changed."""

from concurrent.futures import ThreadPoolExecutor
from typing import Any

from rich.console import Console
from rich.table import Table

from coldferry.book import Book
from coldferry.errors import ColdferryError, Finding
from coldferry.estimating import Estimate, Terms
from coldferry.fleet import Light, Line, as_document, line, lost, order, summary
from coldferry.foretelling import dollars
from coldferry.machine import Machine
from coldferry.migration import next_migration, pair_of
from coldferry.plain import duration, plain, size
from coldferry.plan import Plan
from coldferry.ports import Machines, Surveyor, Translator, is_source
from coldferry.precedents import EMPTY, consult
from coldferry.reckoning import ends_of, recalled, reckon
from console.book import saved_book
from console.estimating import terms_towards
from console.output import Outcome, aside

_AT_ONCE = 8
"""Machines looked at at the same time."""

_EVERY = 10


def survey_all(origin: Machines, goal: Translator, *, use_book: bool) -> Outcome:
    """One line for each machine; a machine that cannot be looked at ends no other's."""
    survey = _Survey(origin, goal, saved_book() if use_book else EMPTY)
    vms = origin.machines()
    found: list[Line] = []
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        for one in pool.map(survey.look, vms):
            found.append(one)
            if len(found) % _EVERY == 0:
                aside.print(f"{len(found)} of {len(vms)} machines looked at")
    lines = order(found)
    return Outcome(as_document(lines), lambda out: _show(out, lines))


class _Survey:
    """What is read once for all machines."""

    def __init__(self, origin: Machines, goal: Translator, book: Book) -> None:
        self._origin, self._goal, self._book = origin, goal, book
        self._catalogue: Any = goal.catalogue()
        self._terms: Terms = terms_towards(goal)

    def look(self, vm: str) -> Line:
        """The machine's line, whatever happens."""
        try:
            return self._look(vm)
        except ColdferryError as error:
            return lost(vm, error.what)

    def _look(self, vm: str) -> Line:
        machine, findings = self._described(vm)
        if any(one.severity == "refuse" for one in findings):
            return line(machine, findings, None, None)
        told = consult(self._goal, machine, {}, self._book, self._catalogue)
        found = None
        if not told.translation.blocking:
            pair = pair_of(self._origin, vm, self._goal)
            migration, _ = next_migration(machine.name, self._goal.provider, pair, None)
            plan = Plan(migration=migration, machine=machine, translation=told.translation)
            found = self._estimate(plan)
        return line(machine, findings, told.translation, found)

    def _described(self, vm: str) -> tuple[Machine, list[Finding]]:
        if isinstance(self._origin, Surveyor):
            return self._origin.survey(vm)
        against = self._origin.unmovable(vm) if is_source(self._origin) else []
        return self._origin.describe(vm), against

    def _estimate(self, plan: Plan) -> Estimate:
        known = recalled(self._origin, plan.devices, ends_of(self._origin, self._goal))
        return reckon(self._origin, self._goal, plan, known, self._terms)


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
            *_figures(one.estimate),
            style=_STYLES[one.light],
        )
    if lines:
        out.print(table)
    out.print(summary(lines))
    if any(one.estimate is not None for one in lines):
        out.print(
            "'<=' is at most, '~' is as an earlier snapshot lists it, '>=' is at least: "
            "--json says what is not known."
        )


def _figures(found: Estimate | None) -> tuple[str, str, str, str]:
    if found is None:
        return "", "", "", ""
    bytes_ = "" if found.exact else "<= " if found.ceiling else "~ "
    whole, once, month = found.whole_s, found.usd("once"), found.usd("a month")
    return (
        f"{bytes_}{size(found.read_bytes)}",
        f"{'>= ' if whole.unknown else ''}{duration(whole.known)}",
        f"{'>= ' if once.unknown else ''}{dollars(once.known)}",
        f"{'>= ' if month.unknown else ''}{dollars(month.known)}",
    )
