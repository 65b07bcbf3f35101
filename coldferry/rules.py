"""How a target's rules become verdicts: the one loop that all targets share.

A target brings a table from leaf pattern to :class:`Rule`; each rule is a
small pure function of a :class:`Question`. Answers are applied here, so that
every target treats a person's word alike.
"""

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Generic, TypeVar

from coldferry.errors import BadAnswer
from coldferry.leaves import Leaf, leaves, schema_patterns, takes_list
from coldferry.machine import Machine
from coldferry.placement import DISK, dropped
from coldferry.translation import (
    ACKNOWLEDGE,
    Answers,
    Candidate,
    Consequence,
    DecidedBy,
    FieldTranslation,
    Translation,
    Verdict,
)

C = TypeVar("C")


@dataclass(frozen=True)
class Question(Generic[C]):
    """One leaf, with all a rule may look at. ``said`` is a person's value for it, if any."""

    leaf: Leaf
    machine: Machine
    catalogue: C
    answers: Answers

    @property
    def value(self) -> Any:
        """The source's value."""
        return self.leaf.value

    @property
    def said(self) -> Any | None:
        """The person's value for this leaf; None when there is none but an acknowledgement."""
        answer = self.answers.get(self.leaf.path)
        return None if answer == ACKNOWLEDGE else answer

    def item(self, parts: str) -> Any:
        """The machine's part that this leaf belongs to: ``item("nics")`` for ``nics[1].mac``."""
        return getattr(self.machine, parts)[self.leaf.index[0]]


@dataclass(frozen=True)
class Outcome:
    """What a rule says of one leaf, and how a person is asked when it is open.

    A person chooses among ``candidates``. With a ``pattern`` (a whole value's
    regular expression, as JSON schema has it: anchored, no flags) they type
    instead; candidates are then suggestions, and ``example`` is a value that
    fits. ``proposal`` is offered as the answer; never where harm could come
    from reading past it.
    """

    verdict: Verdict
    reason: str
    target: Any = None
    difference: str = ""
    consequence: Consequence = Consequence.INFORM
    candidates: tuple[Candidate, ...] = ()
    pattern: str = ""
    example: str = ""
    proposal: str = ""

    @property
    def kind(self) -> str:
        """The verdict, with the consequence where it asks something of a person."""
        if self.consequence is Consequence.INFORM:
            return self.verdict.value
        return f"{self.verdict}, {self.consequence}"


class Unfit(Exception):
    """A person's value that the target would not take; the text says why."""


@dataclass(frozen=True)
class Rule(Generic[C]):
    """One row of a target's table.

    ``decide`` gives the verdict when nobody said anything. ``accept`` turns a
    person's value into what the target gets, or raises :class:`Unfit`; without
    it the field is no person's to choose. ``even_if_absent`` has the rule
    asked about None and empty lists too. ``source`` is the page it rests on,
    ``says`` the rule in a sentence, ``may`` every :attr:`Outcome.kind` that it can give:
    the published tables and the tests that look for each are made from them.
    ``follows`` names the patterns whose answers it looks at: with those its verdict may
    change though nobody answered it itself. ``words`` are answers that choose, also where
    the source's value happens to read the same.
    """

    id: str
    decide: Callable[[Question[C]], Outcome]
    accept: Callable[[Question[C], Any], Outcome] | None = None
    even_if_absent: bool = False
    source: str = ""
    instead: str = field(default="")
    says: str = ""
    may: tuple[str, ...] = ()
    follows: tuple[str, ...] = ()
    words: tuple[str, ...] = ()


LEFT_BEHIND = "placement"
"""The rule behind every field of a disk that is not copied, but for the one that says so."""


def strangers(machine: Machine, paths: Iterable[str]) -> dict[str, str]:
    """A sentence by path for each that is no leaf of this machine."""
    asked = list(paths)
    known = {leaf.path for leaf in leaves(machine)} if asked else set()
    return {str(path): _stranger(str(path)) for path in asked if path not in known}


def _stranger(path: str) -> str:
    if re.sub(r"\[\d+\]", "[]", path) in schema_patterns():
        return "this machine has no such item: items count from 0, in the description's order"
    return "the machine's description has no such field"


def apply(
    rules: Mapping[str, Rule[C]], machine: Machine, catalogue: C, answers: Answers
) -> Translation:
    """One verdict for each leaf of ``machine``; pure and deterministic.

    Raises BadAnswer naming every answer that cannot be used, and KeyError when
    the table has no row for a leaf (a defect: the schema's leaves are tested
    against each table).
    """
    problems = strangers(machine, answers)
    fields = []
    gone = dropped(machine, answers)
    for leaf in leaves(machine):
        rule = rules[leaf.pattern]
        if leaf.pattern.startswith("disks[].") and leaf.index[0] in gone and leaf.pattern != DISK:
            fields.append(_left_behind(leaf))
            continue
        question = Question(leaf, machine, catalogue, answers)
        try:
            fields.append(_field(rule, question))
        except Unfit as unfit:
            problems[leaf.path] = str(unfit)
    if problems:
        raise BadAnswer(problems)
    return Translation(fields=tuple(fields))


def _left_behind(leaf: Leaf) -> FieldTranslation:
    """A field of a disk that a person dropped: whatever it says stands in nobody's way."""
    return FieldTranslation(
        path=leaf.path,
        verdict=Verdict.DROPPED,
        source=leaf.value,
        rule=LEFT_BEHIND,
        reason=f"Its disk, disk{leaf.index[0]}, is left behind.",
    )


def _field(rule: Rule[C], question: Question[C]) -> FieldTranslation:
    leaf = question.leaf
    if leaf.value in (None, ()) and not rule.even_if_absent:
        outcome = Outcome(Verdict.EXACT, "There is nothing to carry.", leaf.value)
    else:
        outcome = rule.decide(question)
    by = DecidedBy.RULE
    said = question.said
    if outcome.verdict is Verdict.MISSING and question.answers.get(leaf.path) == ACKNOWLEDGE:
        raise Unfit("this field needs a value, an acknowledgement is not enough")
    if said is not None and (
        outcome.verdict is Verdict.MISSING
        or said in rule.words
        or not _says(said, outcome.target, leaf.value)
    ):
        outcome = _accept(rule, question, outcome, said)
        by = DecidedBy.PERSON
    # Whoever chose a value has seen what it means: that is as good as the word.
    acknowledged = outcome.consequence is Consequence.ACKNOWLEDGE and leaf.path in question.answers
    return FieldTranslation(
        path=leaf.path,
        verdict=outcome.verdict,
        source=leaf.value,
        target=outcome.target,
        rule=rule.id,
        reason=outcome.reason,
        difference=outcome.difference,
        consequence=outcome.consequence,
        decided_by=DecidedBy.PERSON if acknowledged else by,
        candidates=outcome.candidates,
        pattern=outcome.pattern,
        example=outcome.example,
        proposal=outcome.proposal,
        acknowledged=acknowledged,
    )


def _says(said: Any, *values: Any) -> bool:
    """A person's word, read from YAML or a form, is one of ``values``."""
    return any(_word(said) == _word(value) for value in values)


def _word(value: Any) -> str:
    if isinstance(value, list | tuple):
        return "\n".join(map(str, value))
    return (
        str(value).lower() if isinstance(value, bool) or value in ("True", "False") else str(value)
    )


def _accept(rule: Rule[C], question: Question[C], outcome: Outcome, said: Any) -> Outcome:
    if rule.accept is None and outcome.consequence is Consequence.ACKNOWLEDGE:
        raise Unfit(f"the only answer here is the word {ACKNOWLEDGE}")
    if rule.accept is None:
        instead = f" {rule.instead}" if rule.instead else ""
        raise Unfit(f"this field is not a person's to choose. {outcome.reason}{instead}")
    if isinstance(said, list | tuple) and not takes_list(question.leaf.pattern):
        raise Unfit("it takes one value, not a list")
    accepted = rule.accept(question, said)
    return replace(
        accepted,
        candidates=accepted.candidates or outcome.candidates,
        pattern=accepted.pattern or outcome.pattern,
        example=accepted.example or outcome.example,
    )
