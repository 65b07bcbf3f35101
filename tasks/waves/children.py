"""A wave's migrations as it sees them: begun, looked at, cancelled; wherever they run."""

import re
from collections.abc import Collection
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Protocol

import httpx

from coldferry import errors
from coldferry.due import ABORT_AT_TAG, WAVE_TAG
from coldferry.errors import ColdferryError
from coldferry.waves.wave import Row, Wave

ROW_TAG = "coldferry-row:"
ATTEMPT_TAG = "coldferry-attempt:"

API_AWAY = (httpx.HTTPError, RuntimeError, OSError)
"""What a call of Prefect's API raises when it does not answer, or answers with an error; a client
that cannot look at its version raises RuntimeError."""

ENDS_WITHIN_S = 120.0
"""How long a child that was cancelled may take: its source is halted, and its worker may be
dead."""


class Ending(StrEnum):
    """What became of a child."""

    ARRIVED = "arrived"
    WAITING = "waiting"
    """The plan was not the approved one any more; nothing was touched."""
    REFUSED = "refused"
    FAILED = "failed"
    CRASHED = "crashed"
    CANCELLED = "cancelled"


@dataclass(frozen=True)
class Order:
    """What a child is to do: the row's machine, by the plan with that digest and no other."""

    row: Row
    migration: str
    digest: str
    answers: dict[str, Any]


@dataclass(frozen=True)
class Child:
    """A child as it was seen: ``ending`` None while it is not over; ``at_work`` since it began."""

    id: str
    row: str
    attempt: int
    at_work: bool = False
    ending: Ending | None = None
    why: str = ""


class Children(Protocol):
    """Where children run. All of it may be called again."""

    every_s: float
    """How often to look at them, in seconds."""

    ends_within_s: float
    """How long to wait for one that was cancelled, in seconds."""

    end_with_us: bool
    """They are threads of this process, which ends only once they have."""

    async def known(self) -> list[Child]:
        """The newest child of each row that any run of this wave began."""

    async def begin(self, order: Order, attempt: int) -> Child:
        """Begin a child; the same attempt again is the same child, whatever became of it."""

    async def look(self, ids: Collection[str]) -> list[Child]:
        """The children with those ids as they are now."""

    async def cancel(self, child: str) -> None:
        """Ask it to end; it is over once ``look`` says so."""


def tags_of(wave: Wave, row: Row, attempt: int) -> list[str]:
    """What a child's run is found by, and until when its source may be halted."""
    end = wave.window.abort_at
    guarded = [f"{ABORT_AT_TAG}{end.isoformat()}"] if end is not None else []
    found_by = [f"{WAVE_TAG}{wave.name}", f"{ROW_TAG}{row.name}", f"{ATTEMPT_TAG}{attempt}"]
    return [*found_by, *guarded]


def refuses(error: Exception) -> bool:
    """Prefect's API said no, and will say so again."""
    if not isinstance(error, httpx.HTTPStatusError):
        return False
    status = error.response.status_code
    later = (httpx.codes.REQUEST_TIMEOUT, httpx.codes.TOO_EARLY, httpx.codes.TOO_MANY_REQUESTS)
    return httpx.codes.is_client_error(status) and status not in later


def ending_of(error: type[ColdferryError]) -> Ending:
    """By the class of the error that a child ended with."""
    if issubclass(error, errors.NotAsApproved | errors.TranslationsMissing):
        return Ending.WAITING
    if issubclass(error, errors.Ended):
        return Ending.CANCELLED
    if issubclass(error, errors.BadInput | errors.Refused | errors.ProviderError):
        return Ending.REFUSED
    return Ending.FAILED


def ending_told(message: str) -> tuple[Ending, str]:
    """The same by a failed run's message, which is all that Prefect keeps of its exception.

    ``Flow run encountered an exception: CLASS: sentence``; a class that is not in
    ``coldferry.errors`` is a defect of ours.
    """
    found = re.search(r"(?:^|: )([A-Z]\w+): (.*)", message, re.DOTALL)
    kind = getattr(errors, found[1], None) if found else None
    if found and isinstance(kind, type) and issubclass(kind, ColdferryError):
        return ending_of(kind), found[2].strip()
    return Ending.FAILED, message
