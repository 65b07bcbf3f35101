"""The translation book: answers that a person approved, kept as rules for the next machine.

A rule answers one field of every machine that it fits: its pattern, where the
machine comes from and goes to, and what its fields must say. Rules are never
changed; a later one takes an earlier one's place by being newer. That makes
the book a set: whoever adds to it cannot take anything away from another.
"""

import hashlib
import json
import re
from collections.abc import Iterable
from datetime import UTC, datetime
from functools import cached_property
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from coldferry.alike import MACHINE, Fields, Words, likeness
from coldferry.errors import BadInput
from coldferry.leaves import Leaf, schema_patterns
from coldferry.machine import Machine
from coldferry.migration import Place
from coldferry.translation import Translation, open_fields

ANY = "any"
"""A scope that holds everywhere; others are ``provider`` or ``provider:scope``."""

_PATTERNS = frozenset(schema_patterns())
_LONGEST = 4096
"""Characters of one value: a resource id of any cloud is a quarter of it."""

Text = Annotated[str, Field(max_length=_LONGEST)]
Value = Text | Annotated[tuple[Text, ...], Field(max_length=64)]


class BookRule(BaseModel):
    """One answer, and when it holds; ``at`` is when it was first given, in UTC.

    ``by`` is who approved it as declared, ``migration`` the one it was approved
    for, empty when it came from a sheet.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    pattern: str
    value: Value
    when: dict[str, Value] = {}
    source: str = Field(default=ANY, max_length=512, pattern=r"^[a-z][a-z0-9-]*(:\S+)?$")
    target: str = Field(default=ANY, max_length=512, pattern=r"^[a-z][a-z0-9-]*(:\S+)?$")
    by: str = Field(min_length=1, max_length=256)
    at: str
    migration: str = Field(default="", max_length=256)

    @field_validator("pattern")
    @classmethod
    def _known(cls, pattern: str) -> str:
        if pattern not in _PATTERNS:
            raise ValueError("the machine's description has no such field")
        return pattern

    @field_validator("value")
    @classmethod
    def _said(cls, value: Words) -> Words:
        if not value:
            raise ValueError("an answer says something")
        return value

    @field_validator("at")
    @classmethod
    def _in_utc(cls, at: str) -> str:
        said = datetime.fromisoformat(at)
        if said.tzinfo is None:
            raise ValueError("a time needs its zone: 2031-05-01T12:00:00+00:00")
        return said.astimezone(UTC).isoformat()

    @model_validator(mode="after")
    def _same_items(self) -> "BookRule":
        for pattern in self.when:
            outer = pattern.rpartition("[].")[0]
            if pattern not in _PATTERNS:
                raise ValueError(f"the machine's description has no field {pattern!r}")
            if outer and not self.pattern.startswith(f"{outer}[]."):
                raise ValueError(f"{pattern!r} is not in the same item as {self.pattern!r}")
        row = likeness(self.pattern)
        if "instance_type" in (row.by or ()) and not {"instance_type", MACHINE} & self.when.keys():
            raise ValueError(
                f"{self.pattern!r} follows from the source's size: the rule must say which, by "
                "'instance_type' under 'when'"
            )
        own = row.by == () or any(self.when.get(pattern) in row.own for pattern in row.by or ())
        if own and MACHINE not in self.when:
            raise ValueError(
                f"{self.pattern!r} is one machine's own: the rule must say whose, "
                f"by {MACHINE!r} under 'when'"
            )
        return self

    @cached_property
    def id(self) -> str:
        """Sixteen hex digits over all of it: equal rules are one rule."""
        return _digest(self.model_dump(mode="json"))

    @cached_property
    def question(self) -> str:
        """Sixteen hex digits of what is asked; rules with the same one take each other's place."""
        return question_of(self.pattern, self.when, self.source, self.target)

    @cached_property
    def strength(self) -> tuple[bool, int, int, int, datetime, str]:
        """The most specific is the greatest, of equally specific ones the newest."""
        return (
            MACHINE in self.when,
            len(self.when),
            _narrowness(self.source),
            _narrowness(self.target),
            datetime.fromisoformat(self.at),
            self.id,
        )

    def fits(self, fields: Fields, leaf: Leaf, target: Place) -> bool:
        """It answers this leaf of this machine on its way to that target."""
        origin = fields.machine.origin
        return (
            self.pattern == leaf.pattern
            and _covers(self.source, origin.provider, origin.scope)
            and all(fields.beside(leaf, where) == said for where, said in self.when.items())
            and _covers(self.target, target.provider, target.scope)
        )


def question_of(pattern: str, when: dict[str, Words], source: str, target: str) -> str:
    """Sixteen hex digits for one question; see :attr:`BookRule.question`."""
    return _digest([pattern, when, source, target])


def place_of(place: Place) -> str:
    """A cloud as a rule's scope says it."""
    return f"{place.provider}:{place.scope}"


class Book:
    """Rules, the strongest first; the order they came in does not matter."""

    def __init__(self, rules: Iterable[BookRule] = ()) -> None:
        known = {rule.id: rule for rule in rules}
        self.rules = sorted(known.values(), key=lambda rule: rule.strength, reverse=True)
        self._by_pattern: dict[str, list[BookRule]] = {}
        for rule in self.rules:
            self._by_pattern.setdefault(rule.pattern, []).append(rule)

    def find(self, fields: Fields, path: str, target: Place) -> BookRule | None:
        """The rule that answers ``path``, whether anybody asks or not."""
        leaf = fields.leaves[path]
        fitting = (
            r for r in self._by_pattern.get(leaf.pattern, ()) if r.fits(fields, leaf, target)
        )
        return next(fitting, None)

    def answers_for(
        self, machine: Machine, translation: Translation, target: Place
    ) -> dict[str, BookRule]:
        """The rule for each open field that has one, by path; it never overrules a verdict."""
        fields = Fields(machine)
        found = {f.path: self.find(fields, f.path, target) for f in open_fields(translation)}
        return {path: rule for path, rule in found.items() if rule is not None}

    def replaced(self, rule: BookRule) -> bool:
        """A newer rule answers the same question."""
        same = (r for r in self._by_pattern[rule.pattern] if r.question == rule.question)
        return next(same) != rule

    def named(self, word: str) -> list[BookRule]:
        """The rule whose id begins so, and those that it replaced: they would come back.

        Raises BadInput when none does, or several do.
        """
        found = [r for r in self.rules if re.fullmatch("[0-9a-f]+", word) and r.id.startswith(word)]
        if len(found) != 1:
            said = "No rule's id begins" if not found else f"The ids of {len(found)} rules begin"
            raise BadInput(f"{said} with '{word}'.", "'coldferry book list' shows them.")
        rule = found[0]
        return [
            other
            for other in self._by_pattern[rule.pattern]
            if other.question == rule.question and other.strength <= rule.strength
        ]


def _covers(said: str, provider: str, scope: str) -> bool:
    return said in (ANY, provider, f"{provider}:{scope}")


def _narrowness(scope: str) -> int:
    return 0 if scope == ANY else 2 if ":" in scope else 1


def _digest(said: object) -> str:
    text = json.dumps(said, sort_keys=True, separators=(",", ":"), ensure_ascii=True)
    return hashlib.sha256(text.encode()).hexdigest()[:16]
