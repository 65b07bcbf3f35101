"""What many machines leave open, each question once, and whose question it is.

Two machines ask the same when one answer would hold for both
(``coldferry.alike``); what is one machine's own is asked for each.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import takewhile
from typing import Any

from coldferry import words
from coldferry.alike import Fields, Owner, likeness
from coldferry.book import BookRule, place_of, question_of
from coldferry.errors import BadAnswer
from coldferry.learning import rule_from
from coldferry.leaves import schema_patterns
from coldferry.machine import Machine
from coldferry.migration import Place
from coldferry.precedents import Consulted
from coldferry.translation import (
    Answers,
    Candidate,
    DecidedBy,
    FieldTranslation,
    Translation,
    Verdict,
)

_ORDER = {pattern: at for at, pattern in enumerate(schema_patterns())}


@dataclass(frozen=True)
class Asked:
    """One machine, by the id it was asked for, and what the target and the book make of it."""

    vm: str
    machine: Machine
    consulted: Consulted


@dataclass(frozen=True)
class Gap:
    """One question; ``fields`` are all that ask it, as ``(asked, path)``.

    ``now`` are the source's values, each once; ``acknowledge`` says that the
    answer is the word and no value; ``candidates`` are those that every
    machine may choose. Where ``typed``, another value may be given, such as
    ``example``. ``title`` has the field's words, without what is one machine's own;
    ``proposal`` is what a rule would take for all of them, or empty.
    """

    id: str
    pattern: str
    owner: Owner
    acknowledge: bool
    reason: str
    difference: str
    now: tuple[Any, ...]
    candidates: tuple[Candidate, ...]
    typed: bool
    example: str
    proposal: str
    title: str
    fields: tuple[tuple[Asked, str], ...]

    @property
    def machines(self) -> list[Asked]:
        """Each machine once, in the order they were asked for."""
        return list({asked.vm: asked for asked, _ in self.fields}.values())


@dataclass(frozen=True)
class Filled:
    """One answer in a sheet: the line it stands on, the gap's id and the value."""

    line: int
    gap: str
    value: str


def distinct(every: Iterable[Asked], target: Place, *, answered: bool = False) -> list[Gap]:
    """Every distinct gap, by owner and field, the most frequent first.

    With ``answered`` also what the book answers already, for a sheet that was
    written before.
    """
    found: dict[str, list[tuple[Asked, FieldTranslation]]] = {}
    for asked in every:
        fields = Fields(asked.machine)
        for field in asked.consulted.translation.fields:
            if field.open or (answered and field.decided_by is DecidedBy.BOOK):
                gap = _gap_of(fields, field.path, target)
                found.setdefault(gap, []).append((asked, field))
    gaps = [_put_together(gap, asking) for gap, asking in found.items()]
    return sorted(gaps, key=lambda g: (g.owner, _ORDER[g.pattern], -len(g.machines), g.id))


def answer(
    rows: Sequence[Filled],
    every: Sequence[Asked],
    target: Place,
    translate: Callable[[Machine, Answers], Translation],
    by: str,
    at: str,
) -> tuple[list[BookRule], list[str]]:
    """The rules that filled-in rows amount to, and every fault in them, by line.

    Each value is tried at every machine that asks for it, with all the other
    values beside it.
    """
    gaps = {gap.id: gap for gap in distinct(every, target, answered=True)}
    faults: list[tuple[int, str]] = []
    taken: dict[str, Filled] = {}
    for row in (_as_chosen(row, gaps.get(row.gap)) for row in rows):
        first = taken.setdefault(row.gap, row)
        if row.gap not in gaps:
            faults.append((row.line, "none of the machines asks this, or none asks it any more"))
            del taken[row.gap]
        elif first.value != row.value:
            faults.append((row.line, f"says otherwise than line {first.line}"))
    by_vm: dict[str, dict[str, Filled]] = {asked.vm: {} for asked in every}
    for row in taken.values():
        for asked, path in gaps[row.gap].fields:
            by_vm[asked.vm][path] = row
    wrong: dict[tuple[int, str], list[str]] = {}
    for asked in every:
        for line, why in _refused(asked, by_vm[asked.vm], translate):
            wrong.setdefault((line, why), []).append(asked.vm)
    faults += [(line, f"{why} ({_some(vms)})") for (line, why), vms in wrong.items()]
    rules = [_rule(gaps[row.gap], row, target, by, at) for row in taken.values()]
    return rules, [f"line {line}: {why}" for line, why in sorted(faults)]


def _as_chosen(row: Filled, gap: Gap | None) -> Filled:
    """A choice that was copied from the sheet with its meaning is that choice."""
    offered = {f"{one.value} ({one.meaning})": one.value for one in gap.candidates} if gap else {}
    return replace(row, value=offered.get(row.value, row.value))


def _gap_of(fields: Fields, path: str, target: Place) -> str:
    """The rule's question, after a letter: a spreadsheet takes some hex digits for a number."""
    place = place_of(fields.machine.origin)
    pattern = fields.leaves[path].pattern
    return f"gap-{question_of(pattern, fields.alike(path), place, place_of(target))}"


def _put_together(gap: str, asking: list[tuple[Asked, FieldTranslation]]) -> Gap:
    first, field = asking[0]
    every = [field for _, field in asking]
    pattern = Fields(first.machine).leaves[field.path].pattern
    acknowledge = all(f.verdict is not Verdict.MISSING for f in every)
    return Gap(
        id=gap,
        pattern=pattern,
        owner=likeness(pattern).owner,
        acknowledge=acknowledge,
        reason=field.reason,
        # What is said of one machine's own value would mislead about the others.
        difference=field.difference if len({f.difference for f in every}) == 1 else "",
        now=tuple({str(f.source): f.source for f in every}.values()),
        candidates=_shared([f.candidates for f in every]),
        typed=not acknowledge and (bool(field.pattern) or not field.candidates),
        example=field.example,
        proposal="" if acknowledge or len({f.proposal for f in every}) > 1 else field.proposal,
        title=_title([words.title(asked.machine, f.path) for asked, f in asking]),
        fields=tuple((asked, f.path) for asked, f in asking),
    )


def _title(said: Sequence[str]) -> str:
    """Where titles differ, what stands before the address or the size that makes them differ."""
    if len({*said}) == 1:
        return said[0]
    short = {re.sub(r" \([^()]*\)$", "", one) for one in said}
    return short.pop() if len(short) == 1 else said[0]


def _meaning(said: Sequence[str]) -> str:
    """What all say of a choice, clause by clause from the first on; else the shortest."""
    clauses = zip(*(one.split(", ") for one in said), strict=False)
    alike = [first for first, *_ in takewhile(lambda each: len({*each}) == 1, clauses)]
    told = ", ".join(alike)
    return told if told and told.count("(") == told.count(")") else min(said, key=len)


def _shared(offers: Sequence[tuple[Candidate, ...]]) -> tuple[Candidate, ...]:
    """The candidates in all offers, in the first one's order, each in the words of all."""
    meanings: list[Mapping[str, str]] = [{c.value: c.meaning for c in offer} for offer in offers]
    return tuple(
        Candidate(value=value, meaning=_meaning([m[value] for m in meanings]))
        for value in meanings[0]
        if all(value in known for known in meanings)
    )


def _refused(
    asked: Asked, rows: Mapping[str, Filled], translate: Callable[[Machine, Answers], Translation]
) -> Iterator[tuple[int, str]]:
    """``(line, why)`` of each row that this machine's target would not take."""
    answers = asked.consulted.answers | {path: row.value for path, row in rows.items()}
    while True:
        try:
            translate(asked.machine, answers)
        except BadAnswer as bad:
            for path, why in bad.problems.items():
                answers.pop(path, None)
                if path in rows:
                    yield rows[path].line, why
        else:
            return


def _rule(gap: Gap, row: Filled, target: Place, by: str, at: str) -> BookRule:
    asked, path = gap.fields[0]
    return rule_from(Fields(asked.machine), path, row.value, target, by, at)


def _some(vms: Sequence[str]) -> str:
    shown = ", ".join(vms[:3])
    return shown if len(vms) <= 3 else f"{shown} and {len(vms) - 3} more"
