"""Command lines as documents and reports write them, held against the real parser."""

import re
import shlex
from functools import cache
from typing import Any

import typer

from console.commands import app


@cache
def _root() -> Any:
    return typer.main.get_command(app)


def command_of(words: list[str]) -> tuple[str, Any, list[str]]:
    """A line's verb, its command, and the words after it. Raises KeyError for a verb that is none.

    ``words`` are those after ``coldferry``.
    """
    found, verb, rest = _root(), [], [*words]
    while hasattr(found, "commands"):
        verb.append(rest.pop(0))
        found = found.commands[verb[-1]]
    return " ".join(verb), found, rest


def options_of(line: str) -> set[tuple[str, str]]:
    """``(verb, option)`` for each option of a line, in its long form; ``(verb, "")`` for it."""
    words = split(line)
    verb, _, rest = command_of(words)
    options = {word.partition("=")[0] for word in rest if re.match(r"--[a-z]", word)}
    return {(verb, ""), *((verb, option) for option in options)}


def parses(line: str) -> bool:
    """The real parser takes it: every option is there, every value fits, nothing is left over."""
    try:
        _, found, rest = command_of(split(line))
        found.make_context("coldferry", rest)
    except (KeyError, IndexError, typer.Exit, typer.TyperException):
        return False
    return True


def split(line: str) -> list[str]:
    """The words after ``coldferry``, as a shell has them: without redirections and what follows."""
    words = shlex.split(line, comments=True)
    assert words[0] == "coldferry", line
    end = next((i for i, w in enumerate(words) if w in ("|", ">", "&&", "&", ";", "<")), len(words))
    return words[1:end]
