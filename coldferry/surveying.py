"""What a target would make of many machines: a line for each; nothing is made or changed."""

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from coldferry.abilities import Surveyor
from coldferry.book import Book
from coldferry.errors import ColdferryError, Finding
from coldferry.estimating import Estimate, Terms
from coldferry.fleet import Line, line, lost
from coldferry.machine import Machine
from coldferry.migration import next_migration, pair_of
from coldferry.plan import Plan
from coldferry.ports import Machines, Translator, is_source
from coldferry.precedents import consult
from coldferry.reckoning import ends_of, recalled, reckon

_AT_ONCE = 8
"""Machines looked at at the same time."""


class Survey:
    """What is read once for all machines. Making one asks the target; raises what that raises."""

    def __init__(self, origin: Machines, goal: Translator, book: Book, terms: Terms) -> None:
        self._origin, self._goal, self._book = origin, goal, book
        self._catalogue: Any = goal.catalogue()
        self._terms = terms

    def look_at(self, vms: Sequence[str]) -> Iterator[Line]:
        """Each machine's line, in order; one that cannot be looked at ends no other's."""
        with ThreadPoolExecutor(_AT_ONCE) as pool:
            yield from pool.map(self.look, vms)

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
