"""What a person is asked about a plan: one inquiry for each gap, in the team's words.

Acknowledgements that say the same are one inquiry, whose answer counts for
each of their fields; answers are kept by path all the same.
"""

from collections.abc import Container, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from coldferry import words
from coldferry.machine import Machine
from coldferry.translation import (
    ACKNOWLEDGE,
    Candidate,
    Consequence,
    FieldTranslation,
    Translation,
    Verdict,
)

PAGE_SIZE = 12
"""More inquiries than this are too long for one sitting, and too high for one form."""


@dataclass(frozen=True)
class Inquiry:
    """One choice or one typed value.

    ``fields`` are those that the answer is for; ``choices`` are values with
    their meaning. Where ``pattern`` is set, or there are no choices, a value
    is typed, and choices are suggestions. ``proposal`` is empty or a value
    that is offered as the answer; an acknowledgement has none.
    """

    fields: tuple[FieldTranslation, ...]
    title: str
    group: str
    choices: tuple[Candidate, ...]

    @property
    def field(self) -> FieldTranslation:
        """The first field; what the others say is the same."""
        return self.fields[0]

    @property
    def paths(self) -> tuple[str, ...]:
        """Where the answer goes."""
        return tuple(field.path for field in self.fields)

    @property
    def acknowledges(self) -> bool:
        """Whether it is about a loss to agree to, not about a value to supply."""
        return _acknowledges(self.field)

    @property
    def typed(self) -> bool:
        """Whether any value that fits the pattern may be given."""
        return bool(self.field.pattern) or not self.choices

    @property
    def proposal(self) -> str:
        """What is offered as the answer."""
        return "" if self.acknowledges else self.field.proposal

    @property
    def why(self) -> str:
        """Why it is asked, with strangers' words in it."""
        return " ".join(part for part in (self.field.reason, self.field.difference) if part)


def inquiries(
    machine: Machine, translation: Translation, also: Container[str] = ()
) -> list[Inquiry]:
    """What is open, and what ``also`` names by path, by group and in the description's order."""
    alike: dict[Any, list[FieldTranslation]] = {}
    for field in translation.fields:
        if field.open or field.path in also:
            alike.setdefault(_sameness(field), []).append(field)
    asked = [_inquiry(machine, tuple(fields)) for fields in alike.values()]
    return sorted(asked, key=lambda inquiry: words.GROUPS.index(inquiry.group))


def answers_of(asked: Iterable[Inquiry], said: Mapping[str, str]) -> dict[str, str]:
    """Answers by path, from answers by each one's first path; empty ones are none."""
    return {
        path: said[inquiry.field.path]
        for inquiry in asked
        if said.get(inquiry.field.path)
        for path in inquiry.paths
    }


@dataclass(frozen=True)
class Page:
    """What is asked at once. The last page takes the decision; ``number`` counts from 1."""

    inquiries: tuple[Inquiry, ...]
    number: int
    of: int

    @property
    def last(self) -> bool:
        """Whether nothing is asked after it."""
        return self.number == self.of

    @property
    def paths(self) -> set[str]:
        """Every path that it asks about."""
        return {path for inquiry in self.inquiries for path in inquiry.paths}


def first_page(open_: Sequence[Inquiry], number: int = 1) -> Page:
    """The next page of what is open; ``number - 1`` pages were answered before it."""
    rest = len(open_[PAGE_SIZE:])
    return Page(tuple(open_[:PAGE_SIZE]), number, number + -(-rest // PAGE_SIZE))


def page_again(page: Page, now: Sequence[Inquiry], pressing: Container[str]) -> Page:
    """The page anew, after answers that were not accepted or that raised more questions.

    ``now`` is all that could be on it. When not all fits, what has a path in
    ``pressing`` goes first, and what the last page's answers raised.
    """

    def rank(inquiry: Inquiry) -> int:
        if any(path in pressing for path in inquiry.paths):
            return 0
        if any(path in page.paths for path in inquiry.paths):
            return 2
        return 1 if page.last else 3  # what was open before waits for its own page

    chosen = sorted(now, key=rank)[:PAGE_SIZE]
    left = sum(inquiry.field.open for inquiry in now if inquiry not in chosen)
    kept = tuple(inquiry for inquiry in now if inquiry in chosen)
    return Page(kept, page.number, page.number + -(-left // PAGE_SIZE))


def _inquiry(machine: Machine, fields: tuple[FieldTranslation, ...]) -> Inquiry:
    first = fields[0]
    choices = first.candidates
    if _acknowledges(first):
        choices = (Candidate(value=ACKNOWLEDGE), *choices)
    title = words.title(machine, *(field.path for field in fields))
    return Inquiry(fields, title, words.group(first.path), choices)


def _acknowledges(field: FieldTranslation) -> bool:
    return field.verdict is not Verdict.MISSING and field.consequence is Consequence.ACKNOWLEDGE


def _sameness(field: FieldTranslation) -> Any:
    if not _acknowledges(field) or field.candidates:
        return field.path
    return (field.rule, field.reason, field.difference)
