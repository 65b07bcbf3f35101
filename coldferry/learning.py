"""From what a person approved to rules of the translation book."""

from contextlib import suppress

from pydantic import ValidationError

from coldferry.alike import Fields, Words, words
from coldferry.approval import Approval
from coldferry.book import Book, BookRule, place_of
from coldferry.leaves import pattern_of
from coldferry.migration import Place
from coldferry.placement import DISK
from coldferry.translation import DecidedBy


def learn(approval: Approval, target: Place, known: Book) -> list[BookRule]:
    """The rules in an approval that ``known`` does not hold already; none from what it gave.

    Only a person's word counts, and only where it made a difference. Two
    answers of one approval that contradict each other teach nothing: what they
    have in common is then no reason for either. Neither does an answer that is
    too long for a rule, nor a disk's placement: what is left behind is said each time.
    """
    fields = Fields(approval.machine)
    learned: dict[str, list[tuple[str, BookRule]]] = {}
    for path, said in approval.said.items():
        placed = pattern_of(path) == DISK
        if placed or approval.translation[path].decided_by is not DecidedBy.PERSON:
            continue
        with suppress(ValidationError):
            rule = rule_from(
                fields, path, words(said), target, approval.by, approval.at, approval.migration
            )
            learned.setdefault(rule.question, []).append((path, rule))
    agreed = [same[0] for same in learned.values() if len({rule.value for _, rule in same}) == 1]
    return [rule for path, rule in agreed if not _says(known.find(fields, path, target), rule)]


def rule_from(
    fields: Fields, path: str, value: Words, target: Place, by: str, at: str, migration: str = ""
) -> BookRule:
    """The rule that a value for one field of one machine amounts to.

    It holds for machines of the same account and region on their way to the
    same target, that are alike in what the answer rests on.
    """
    return BookRule(
        pattern=fields.leaves[path].pattern,
        value=value,
        when=fields.alike(path),
        source=place_of(fields.machine.origin),
        target=place_of(target),
        by=by[:256],
        at=at,
        migration=migration,
    )


def _says(known: BookRule | None, rule: BookRule) -> bool:
    return known is not None and known.value == rule.value
