"""Fields with a few known words: carried when the source is sure, else a person's choice."""

from collections.abc import Mapping
from typing import Any

from coldferry.dialect import Accept, Decide
from coldferry.machine import UNKNOWN
from coldferry.rules import Outcome, Question, Unfit
from coldferry.translation import ACKNOWLEDGE, Answers
from coldferry.verdicts import equivalent, exact, missing


def said_or(machine_value: Any, answers: Answers, path: str) -> Any:
    """The source's value, or a person's where the source could not tell."""
    if machine_value != UNKNOWN:
        return machine_value
    answer = answers.get(path, UNKNOWN)
    return UNKNOWN if answer == ACKNOWLEDGE else answer


def choice(reason: str, options: Mapping[str, str], unknown: str) -> tuple[Decide, Accept]:
    """``decide`` and ``accept`` of such a field; ``options`` map each word to its meaning.

    ``unknown`` says why it must be known.
    """

    def decide(question: Question[Any]) -> Outcome:
        if question.value == UNKNOWN:
            return missing(unknown, options.items())
        return exact(reason, question.value)

    def accept(question: Question[Any], said: Any) -> Outcome:
        if question.value != UNKNOWN:
            raise Unfit("the source is sure of it, and it cannot be changed on the way")
        if said not in options:
            raise Unfit(f"'{said}' is none of {', '.join(options)}")
        return equivalent("Chosen by a person.", said, "The source could not tell.")

    return decide, accept


CHOICE = ("exact", "missing", "equivalent")
"""Every verdict of a choice."""
