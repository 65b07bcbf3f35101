"""Asking a target with the translation book in hand.

The book answers only what is open, one value at a time, because one answer
may settle another field or raise the next question. The target checks each
value as it checks a person's: one that it takes no longer is left out, and
the field stays open with a word why.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from coldferry.abilities import Priced
from coldferry.book import Book, BookRule
from coldferry.errors import BadAnswer, Finding
from coldferry.machine import Machine
from coldferry.migration import Place
from coldferry.plain import plain
from coldferry.ports import Translator
from coldferry.translation import ACKNOWLEDGE, Answers, DecidedBy, Precedent, Translation

EMPTY = Book()

Translate = Callable[[Answers], Translation]


@dataclass(frozen=True)
class Consulted:
    """What the target and the book make of a machine.

    ``answers`` are those that were given and the book's, ``rules`` the book's by
    path, ``stale`` says by path why a value of the book does not serve.
    """

    translation: Translation
    answers: dict[str, Any]
    rules: dict[str, BookRule] = field(default_factory=dict)
    stale: dict[str, str] = field(default_factory=dict)
    usd_per_hour: float | None = None

    @property
    def remarks(self) -> list[Finding]:
        """The stale answers as findings."""
        return [
            Finding(
                "warn", "stale-precedent", path, f"{path}: {why}",
                "Answer it anew: the newer answer takes the place of the book's.",
            )
            for path, why in self.stale.items()
        ]  # fmt: skip


def consult(
    cloud: Translator, machine: Machine, given: Answers, book: Book = EMPTY, catalogue: Any = None
) -> Consulted:
    """Translate ``machine`` with the answers given and, where they leave it open, the book's.

    ``catalogue`` spares reading it again for many machines. Raises BadAnswer
    for what was given, never for what the book says.
    """
    offered = cloud.catalogue() if catalogue is None else catalogue
    filled = fill(book, machine, cloud, given, lambda told: cloud.translate(machine, offered, told))
    size = filled.translation.target("instance_type")
    price = offered.usd_per_hour(size) if isinstance(offered, Priced) and size else None
    return Consulted(filled.translation, filled.answers, filled.rules, filled.stale, price)


def fill(
    book: Book, machine: Machine, target: Place, given: Answers, translate: Translate
) -> Consulted:
    """The book's answers beside those given; pure, but for what ``translate`` does.

    A translation against a thousand sizes takes 20 ms or more, and many
    machines are asked about at once: acknowledgements are tried together.
    """
    translation = translate(given)
    answers, stale = dict(given), dict[str, str]()
    rules: dict[str, BookRule] = {}
    while True:
        found = book.answers_for(machine, translation, target)
        left = [path for path in found if path not in answers and path not in stale]
        if not left:
            # What another answer settled needs no word about a value that did not serve.
            stale = {path: why for path, why in stale.items() if translation[path].open}
            return Consulted(_attributed(translation, rules), answers, rules, stale)
        together = _together(left, found)
        try:
            translation = translate(answers | {path: found[path].value for path in together})
        except BadAnswer as bad:
            for path in [path for path in together if path in bad.problems] or together:
                why = bad.problems.get(path) or next(iter(bad.problems.values()))
                rule = found[path]
                stale[path] = f"the translation book says '{shown(rule)}' (rule {rule.id}): {why}"
        else:
            answers |= {path: found[path].value for path in together}
            rules |= {path: found[path] for path in together}


def _together(left: list[str], found: dict[str, BookRule]) -> list[str]:
    """The first value alone; once there is none, all acknowledgements: they settle nothing else."""
    values = [path for path in left if found[path].value != ACKNOWLEDGE]
    return values[:1] or left


def shown(rule: BookRule) -> str:
    """A rule's value in one line."""
    return plain(_listed(rule.value))


def _listed(said: str | Sequence[str]) -> str:
    return said if isinstance(said, str) else ", ".join(said)


def _attributed(translation: Translation, rules: dict[str, BookRule]) -> Translation:
    """The translation, saying of each value of the book's where it came from."""
    return Translation(
        fields=tuple(
            one.model_copy(
                update={
                    "decided_by": DecidedBy.BOOK,
                    "reason": one.reason.replace("Chosen by a person", "Chosen by a person before"),
                    "precedent": precedent(rules[one.path]),
                }
            )
            if one.path in rules
            else one
            for one in translation.fields
        )
    )


def precedent(rule: BookRule) -> Precedent:
    """What a report says of a rule."""
    said = rule.value if isinstance(rule.value, str) else list(rule.value)
    return Precedent(rule=rule.id, said=said, by=rule.by, at=rule.at, migration=rule.migration)
