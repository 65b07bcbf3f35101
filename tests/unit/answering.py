"""Answers to what a translation leaves open, as a person gives them to the form."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from coldferry.errors import BadAnswer
from coldferry.translation import ACKNOWLEDGE, FieldTranslation, Translation, Verdict

Translate = Callable[[dict[str, Any]], Translation]


@dataclass
class Answered:
    """What came of it: the answers, one translation a round, and what each round answered."""

    answers: dict[str, Any] = field(default_factory=dict)
    translations: list[Translation] = field(default_factory=list)
    rounds: list[dict[str, Any]] = field(default_factory=list)


def answer_all(translate: Translate, most_rounds: int = 8) -> Answered:
    """Answer exactly what is open, round by round, until nothing is.

    A gap gets the first of what it offers, all else the word. An answer that is refused is
    asked for again, from what is on offer then, as the form does. Raises AssertionError when a
    gap offers nothing, or an answer that was taken is refused later.
    """
    found = Answered(translations=[translate({})])
    for _ in range(most_rounds):
        asked = [row for row in found.translations[-1].fields if row.open]
        if not asked:
            return found
        new = {row.path: _answer(row) for row in asked}
        while True:
            try:
                translation = translate(found.answers | new)
            except BadAnswer as bad:
                for path, problem in bad.problems.items():
                    assert path in new, f"{path} was fine before: {problem}"
                    del new[path]
            else:
                break
        found.answers |= new
        found.rounds.append(new)
        found.translations.append(translation)
    raise AssertionError(f"still open after {most_rounds} rounds: {asked}")


def _answer(row: FieldTranslation) -> str:
    if row.verdict is not Verdict.MISSING:
        return ACKNOWLEDGE
    assert row.candidates, f"{row.path} cannot be answered by what is offered: {row.reason}"
    return row.candidates[0].value
