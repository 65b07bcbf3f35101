"""Fields with a few known words: carried when the source is sure, else a person's choice."""

from typing import Any

from coldferry.machine import UNKNOWN
from coldferry.translation import ACKNOWLEDGE, Answers


def said_or(machine_value: Any, answers: Answers, path: str) -> Any:
    """The source's value, or a person's where the source could not tell."""
    if machine_value != UNKNOWN:
        return machine_value
    answer = answers.get(path, UNKNOWN)
    return UNKNOWN if answer == ACKNOWLEDGE else answer
