"""One document to stdout, all else to stderr; errors as sentences, never as tracebacks."""

import functools
import json
import os
import re
import sys
import time
import traceback
from collections.abc import Callable
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, TypeVar

import typer
from rich.console import Console

from coldferry.errors import (
    BadInput,
    Cancelled,
    ColdferryError,
    Failed,
    TranslationsMissing,
    Unreachable,
    after_halt,
    problem,
)
from coldferry.home import folder, home_name, private
from coldferry.plain import plain

# Into a file or a pipe a table may be as wide as its words are.
screen = Console(
    highlight=False, markup=False, emoji=False, soft_wrap=True,
    width=None if sys.stdout.isatty() else 200,
)  # fmt: skip
aside = Console(stderr=True, highlight=False, markup=False, emoji=False, soft_wrap=True)

_SECRET = re.compile(
    r"(?i)((?:\b|_)sig|[\w-]*(?:signature|token|secret|passw(?:or)?d|credential|authorization|"
    r"(?:access|account|api|private)[_-]?key|auth_string|x-amz-)[\w-]*)"
    r"(\\?[\"']?\s*[=:]\s*)(?:b?\\?([\"']).*?\3|(?:(?:bearer|basic)\s+)?[^&\s\"',)]+)"
)
_QUOTED = re.compile(r"\binput_value=.*?(?=, input_type=|$)", re.MULTILINE)
"""What pydantic shows of a value that it does not take: it may be a secret in a wrong place."""
_BEARER = re.compile(r"(?i)\b(bearer|basic)\s+[\w.~+/=-]{8,}")
_USERINFO = re.compile(r"(?<=://)[^/\s@\"']+(?=@)")


_LONGEST = 1 << 14
"""Of a sentence: all that is wrong is named at once, so it may be long."""


@dataclass(frozen=True)
class Outcome:
    """What a command came to: the JSON document, how a person sees it, and the exit code."""

    document: Any
    show: Callable[[Console], None]
    exit_code: int = 0


F = TypeVar("F", bound=Callable[..., Any])


def command(function: Callable[..., Outcome | None]) -> Callable[..., int]:
    """Print what ``function`` answers or raises; ``json`` among its options chooses how."""

    @functools.wraps(function)
    def run(*args: Any, **options: Any) -> int:
        as_json = bool(options.get("json"))
        try:
            outcome = function(*args, **options)
        except typer.TyperException:
            raise
        except (Exception, KeyboardInterrupt) as error:  # noqa: BLE001 - the last net
            return ended(error, as_json=as_json)
        if outcome is None:
            return 0
        return told(outcome, as_json=as_json)

    return run


def told(outcome: Outcome, *, as_json: bool) -> int:
    """Print what a command came to; the exit code."""
    try:
        if as_json:
            print(json.dumps(outcome.document, indent=2, default=str))
        else:
            outcome.show(screen)
        sys.stdout.flush()
    except OSError as error:
        # Nothing more goes there, nor when the process ends.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        if not isinstance(error, BrokenPipeError):  # nobody reads on; what was asked for is done
            return unprinted(error)
    return outcome.exit_code


def unprinted(error: OSError) -> int:
    """Say that what was done cannot be told."""
    told = Failed(
        f"What it came to cannot be printed: {error.strerror}.",
        "It is done all the same. Look at where the output goes, then give the command again.",
        resumable=True,
    )
    return fail(told, as_json=False)


def ended(error: Exception | KeyboardInterrupt, *, as_json: bool) -> int:
    """Say what a command ended with, a defect of ours too; the exit code."""
    if isinstance(error, ColdferryError):
        return fail(error, as_json=as_json)
    if isinstance(error, KeyboardInterrupt):
        return fail(
            Cancelled(
                "Cancelled from the keyboard.",
                "What was begun is kept: the same command again goes on from there.",
                resumable=True,
            ),
            as_json=as_json,
        )
    if isinstance(error, OSError) or _is_transport(error):
        return fail(_of_this_machine(error), as_json=as_json)
    return _fail_defect(error, as_json=as_json)


def fail(error: ColdferryError, *, as_json: bool) -> int:
    """Say what happened and what to do; answer the error's exit code.

    The sentences may quote an answer, a name or a cloud: they are made plain.
    """
    said = _plain(asdict(problem(error)))
    if as_json:
        document: dict[str, Any] = {"error": said}
        if isinstance(error, TranslationsMissing):
            document["missing"] = error.missing
        print(json.dumps(document, indent=2))
    else:
        aside.print(said["what"])
        if said["do"]:
            aside.print(said["do"])
        if error.exit_code == Cancelled.exit_code - 1:
            again = "The same command again goes on from here." if error.resumable else ""
            aside.print(again or "Running it again will not help.")
    return error.exit_code


def _plain(said: Any) -> Any:
    if isinstance(said, dict):
        return {name: _plain(value) for name, value in said.items()}
    if isinstance(said, list):
        return [_plain(value) for value in said]
    return plain(said, _LONGEST) if isinstance(said, str) else said


def redact(text: str) -> str:
    """``text`` without what looks like a secret's value."""
    text = _QUOTED.sub("input_value=[redacted]", text)
    text = _BEARER.sub(r"\1 [redacted]", text)
    text = _USERINFO.sub("[redacted]", text)
    return _SECRET.sub(r"\1\2[redacted]", text)


def _is_transport(error: Exception) -> bool:
    """Prefect's client did not get through. Where nothing loaded httpx, nothing raised this."""
    httpx = sys.modules.get("httpx")
    return httpx is not None and isinstance(error, httpx.TransportError)


def _of_this_machine(error: Exception) -> ColdferryError:
    if not isinstance(error, OSError):
        return after_halt(
            Unreachable(
                "The Prefect API stopped answering.",
                "Look at its server; then run the same command again: it goes on from there.",
            )
        )
    where = f" at {error.filename}" if error.filename else ""
    return Failed(
        f"This machine failed{where}: {error.strerror or type(error).__name__}.",
        f"Mend it ({home_name()} must be writable and have room), then run the same command again.",
    )


def _fail_defect(defect: Exception, *, as_json: bool) -> int:
    path = _report(defect)
    error = ColdferryError(
        f"This is a defect of coldferry, not of what you gave it ({type(defect).__name__}).",
        f"Please report it with {path}. Nothing of it is lost: the same command may be run again.",
        resumable=True,
    )
    error.cause_code = "defect"
    fail(error, as_json=as_json)
    return 1


def _report(defect: Exception) -> Path:
    path = home_name() / "defects" / f"{time.strftime('%Y%m%dT%H%M%S')}.txt"
    text = redact("".join(traceback.format_exception(defect)))
    # A full disk, or a home that cannot be used, must not hide what happened.
    with (
        suppress(OSError, BadInput),
        open(folder("defects") / path.name, "w", opener=private) as file,
    ):
        file.write(text)
    return path
