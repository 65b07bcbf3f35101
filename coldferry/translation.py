"""What a target makes of a description: one verdict for each leaf, as data.

Verdicts (what the target can do with the field):

* ``exact``: carried as it is;
* ``equivalent``: carried as something that serves the same end, with the
  difference in words;
* ``missing``: the target has no rule that is sure; a person must say;
* ``impossible``: no target of this kind can have it; the difference says what
  happens instead;
* ``dropped``: it could matter, and it is not carried.

Consequences (what a person must do): ``inform`` nothing, ``acknowledge`` say
that it is understood, ``block`` the migration cannot go on.
"""

import hashlib
import json
from collections.abc import Mapping
from enum import StrEnum
from typing import Any

from pydantic import BaseModel, ConfigDict

from coldferry.machine import Machine

ACKNOWLEDGE = "acknowledge"

Answers = Mapping[str, Any]


def as_said(word: Any) -> Any:
    """A person's word; the acknowledgement however a spreadsheet or a phone capitalised it."""
    agreed = isinstance(word, str) and word.strip().lower() == ACKNOWLEDGE
    return ACKNOWLEDGE if agreed else word


class Verdict(StrEnum):
    """What the target can do with a field."""

    EXACT = "exact"
    EQUIVALENT = "equivalent"
    MISSING = "missing"
    IMPOSSIBLE = "impossible"
    DROPPED = "dropped"


class Consequence(StrEnum):
    """What a person must do about a field."""

    INFORM = "inform"
    ACKNOWLEDGE = "acknowledge"
    BLOCK = "block"


class DecidedBy(StrEnum):
    """Where a value came from."""

    RULE = "rule"
    BOOK = "book"
    PERSON = "person"


class Candidate(BaseModel):
    """A value that the target would take, and what choosing it means."""

    model_config = ConfigDict(frozen=True)

    value: str
    meaning: str = ""


class Precedent(BaseModel):
    """The rule of the translation book behind a value, and who approved it first, when, for what.

    ``said`` is the answer as it was given then. ``migration`` is empty when
    the rule came from a sheet.
    """

    model_config = ConfigDict(frozen=True)

    rule: str
    said: Any
    by: str
    at: str
    migration: str = ""


class FieldTranslation(BaseModel):
    """The verdict on one leaf. ``target`` is what the new machine will have, or None.

    ``pattern``, ``example`` and ``proposal`` say how a person is asked: see ``Outcome``.
    """

    model_config = ConfigDict(frozen=True)

    path: str
    verdict: Verdict
    source: Any
    target: Any = None
    rule: str
    reason: str
    difference: str = ""
    consequence: Consequence = Consequence.INFORM
    decided_by: DecidedBy = DecidedBy.RULE
    candidates: tuple[Candidate, ...] = ()
    pattern: str = ""
    example: str = ""
    proposal: str = ""
    acknowledged: bool = False
    precedent: Precedent | None = None

    @property
    def open(self) -> bool:
        """A person still has to say something."""
        if self.verdict is Verdict.MISSING:
            return True
        return self.consequence is Consequence.ACKNOWLEDGE and not self.acknowledged


class Translation(BaseModel):
    """All verdicts on one machine, in the schema's order."""

    model_config = ConfigDict(frozen=True)

    fields: tuple[FieldTranslation, ...]

    def __getitem__(self, path: str) -> FieldTranslation:
        return next(field for field in self.fields if field.path == path)

    @property
    def missing(self) -> list[str]:
        """Paths that still need a person: gaps and unacknowledged fields."""
        return [field.path for field in open_fields(self)]

    @property
    def blocking(self) -> list[FieldTranslation]:
        """Fields that no answer can mend."""
        return [field for field in self.fields if field.consequence is Consequence.BLOCK]

    def target(self, path: str) -> Any:
        """The value the new machine will have at ``path``; KeyError when it is no leaf."""
        for field in self.fields:
            if field.path == path:
                return field.target
        raise KeyError(path)

    def values(self, pattern_prefix: str) -> dict[str, Any]:
        """Target values of all leaves whose path begins so."""
        return {f.path: f.target for f in self.fields if f.path.startswith(pattern_prefix)}


def open_fields(translation: Translation) -> list[FieldTranslation]:
    """What a person still has to say something about."""
    return [field for field in translation.fields if field.open]


def digest(machine: Machine, translation: Translation) -> str:
    """The plan's digest (hex SHA-256): moves when machine, verdict or value does.

    Candidates, prices and wording are left out, so that tomorrow's catalogue
    does not undo an approval that still says the same.
    """
    said = {
        "machine": machine.model_dump(mode="json"),
        "fields": [[f.path, f.verdict, f.target, f.consequence] for f in translation.fields],
    }
    text = json.dumps(said, sort_keys=True, separators=(",", ":"), ensure_ascii=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()
