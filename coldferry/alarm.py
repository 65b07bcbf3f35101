"""How a failure is told: as a page in the Prefect UI, and as the plain text of a notification.

What is told is the same in both, and in the same order: facts, then exact commands.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from coldferry.auditing import Entry
from coldferry.plain import code, counted, inert, prose

LONGEST = 1500


@dataclass(frozen=True)
class Words:
    """How a stranger's word, what must not be overlooked, and a sentence are written."""

    code: Callable[[object], str]
    strong: Callable[[str], str]
    prose: Callable[[object], str]


MARKDOWN = Words(code, lambda text: f"**{text}**", lambda text: prose(text, LONGEST))
TEXT = Words(inert, lambda text: text.upper(), lambda text: inert(text, LONGEST))

Fact = tuple[str, str, str]
"""Its name, the object that it is of or nothing, and what is so."""

Command = tuple[str, str]
"""An exact command, and what it does."""


class Alarm(Protocol):
    """A run that failed, and what a person needs first."""

    @property
    def heading(self) -> tuple[str, str]:
        """What failed, and its name: ``migration``, ``web-01-azure-7f3a9c21-a1``."""

    @property
    def commands(self) -> list[Command]:
        """Three, the likeliest first."""

    def facts(self, words: Words) -> list[Fact]:
        """All of them, in the order that they are read in."""

    def more(self) -> list[str]:
        """What only the page has, as lines of Markdown."""


def as_markdown(alarm: Alarm) -> str:
    """As the Prefect UI shows it; every stranger's word is plain text."""
    what, named = alarm.heading
    lines = [f"# Failed: {what} {code(named)}", ""]
    for name, of, said in alarm.facts(MARKDOWN):
        lines.append(f"- **{name}**{f' {code(of)}' if of else ''}: {said}")
    lines += ["", "## What to do now", ""]
    lines += [f"1. {code(command, 400)}: {prose(why)}" for command, why in alarm.commands]
    return "\n".join([*lines, *alarm.more()])


def as_text(alarm: Alarm) -> str:
    """As a notification says it: lines without markup."""
    lines = [
        f"{name}{f' {inert(of)}' if of else ''}: {what}" for name, of, what in alarm.facts(TEXT)
    ]
    lines += ["", "What to do now:"]
    lines += [f"{at}. {inert(c, 400)}  ({w})" for at, (c, w) in enumerate(alarm.commands, 1)]
    return "\n".join(lines)


def left_until(abort_at: datetime | None, now: datetime) -> int | None:
    """Whole minutes until a window ends; negative after it, None where it has no end."""
    return None if abort_at is None else int((abort_at - now).total_seconds() // 60)


def window(minutes: int | None, words: Words, what: str = "the source is") -> str:
    """The fact of the minutes that are left."""
    if minutes is None:
        return "none is known."
    if minutes <= 0:
        over = words.strong(f"it ended {counted(-minutes, 'minute')} ago")
        return f"{over}: {what} to be put back."
    return f"{counted(minutes, 'minute')} left until {what} to be put back."


def unasked(told: Sequence[str]) -> list[str]:
    """A part of the page: what could not be asked, and so is not known."""
    if not told:
        return []
    return ["", "## What could not be asked", "", *(f"- {prose(one, LONGEST)}" for one in told)]


def existing(exists: Sequence[Entry], told: Sequence[str], cost: str) -> str:
    """The fact of what exists, and what it costs."""
    if not exists:
        return "nothing of it is known." if told else "nothing, at neither end."
    return f"{counted(len(exists), 'object')}, {cost}."
