"""A migration's name and where it stands.

The clouds are the record: the id and the state below are tags on the source
machine and on everything that is created, nothing else remembers them.
"""

import hashlib
import re
import unicodedata
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Protocol

ATTEMPT_TAG = "coldferry:attempt"
"""On the source machine: ``<migration id> <state> <machine>``; all that a rollback leaves.

Tags can be copied to another machine (a restored backup, a launch template):
the third word says whose they are. After a cutover a fourth says when that was, and a fifth
until when its way back is kept; before, while it has a window, a fourth says when that ends
(``abort-at=``).
"""

POWER_TAG = "coldferry:power-before"
"""On the source machine: its power state before the halt, while a migration is under way."""

MIGRATION_TAG = "coldferry:migration"
"""On every object that is created: the migration's id."""

TAG_PREFIX = "coldferry:"
"""Tags that begin so are ours and no part of a machine's description."""


_INSPECTION, _EARLY, _REHEARSAL = "-inspect", "-early", "-rehearse"


class State(StrEnum):
    """How far a migration is."""

    PLANNED = "planned"
    WAITING = "waiting"
    APPROVED = "approved"
    HALTED = "halted"
    COPYING = "copying"
    PROVEN = "proven"
    ALLOCATED = "allocated"
    CUT_OVER = "cut-over"
    FINALISED = "finalised"
    REJECTED = "rejected"
    ROLLED_BACK = "rolled-back"
    FAILED = "failed"


ENDED = frozenset({State.FINALISED, State.REJECTED, State.ROLLED_BACK})
"""An ended migration is never adopted: the next one is the next attempt."""

HELD = frozenset({State.HALTED, State.COPYING, State.PROVEN, State.ALLOCATED, State.CUT_OVER})
"""The source was halted by us and has not been given back."""


HELD_AT_TARGET = frozenset({State.ALLOCATED, State.CUT_OVER})
"""The new machine was finished, proven and left stopped."""


MOVED = frozenset({State.CUT_OVER, State.FINALISED})
"""The new machine has taken over: the source is not to run beside it."""

RETURNABLE = frozenset({State.APPROVED, State.HALTED, State.COPYING, State.PROVEN, State.FAILED})
"""The source may be halted, and nothing stands in its place yet."""

_ABORT_AT = "abort-at="


@dataclass(frozen=True)
class Marks:
    """What the source machine's tags say of its latest migration.

    ``power_before`` is ``running`` or ``stopped``, None before the halt and
    after the end. ``moved_at`` is when it was cut over and ``keep_until`` until when the way back
    is kept (ISO 8601, UTC), as the tag has it: whoever may write tags may write anything there.
    ``abort_at`` is when its window ends: a source that is halted then is to be started again.
    """

    migration: str
    state: State
    power_before: str | None = None
    moved_at: str | None = None
    keep_until: str | None = None
    abort_at: datetime | None = None

    @property
    def attempt(self) -> int:
        """The number at the id's end."""
        return int(self.migration.rpartition("-a")[2])

    def tag(self, vm: str) -> str:
        """The attempt tag's value on ``vm``, of whose id the last part is written down."""
        more = [self.moved_at or "", self.keep_until or ""]
        if self.abort_at and not self.moved_at:
            more = [f"{_ABORT_AT}{self.abort_at.isoformat()}"]
        return " ".join((self.migration, self.state, _last(vm), *more)).rstrip(" ")

    def overdue(self, now: datetime) -> bool:
        """Its window has ended, and its source is halted, or may be, and has not arrived."""
        ended = self.abort_at is not None and now >= self.abort_at
        return ended and self.power_before is not None and self.state in RETURNABLE

    @classmethod
    def parse(cls, tag: str, power_before: str | None, vm: str) -> "Marks | None":
        """The marks in a tag's value; None when a stranger wrote it, or it is another machine's."""
        words = [*tag.split(" ", 4), "", "", "", ""]
        migration, state, machine, moved_at, keep_until = words[:5]
        if not is_migration(migration) or state not in set(State) or machine != _last(vm):
            return None
        if moved_at.startswith(_ABORT_AT) and (end := _moment(moved_at.removeprefix(_ABORT_AT))):
            return cls(migration, State(state), power_before, abort_at=end)
        return cls(migration, State(state), power_before, moved_at or None, keep_until or None)


def inspection_of(migration: str) -> str:
    """The id that a migration's temporary frozen state bears."""
    return f"{migration}{_INSPECTION}"


def early_of(migration: str) -> str:
    """The id that the frozen state of the running machine bears, that is copied before the halt.

    What is frozen after the halt bears the migration's own: neither is taken for the other.
    """
    return f"{migration}{_EARLY}"


def frozen_words(migration: str) -> tuple[str, ...]:
    """All ids that frozen disks of a migration bear."""
    return migration, early_of(migration), inspection_of(migration), rehearsal_of(migration)


def rehearsal_of(migration: str) -> str:
    """The id that a migration's rehearsal bears at both ends."""
    return f"{migration}{_REHEARSAL}"


def migration_of(word: str) -> str:
    """The migration that a frozen disk with this id is of."""
    return word.removesuffix(_INSPECTION).removesuffix(_EARLY).removesuffix(_REHEARSAL)


def is_migration(name: str) -> bool:
    """``name`` is a migration's id, not an inspection's or a doctor's, nor a stranger's word."""
    return re.fullmatch(r"[a-z0-9-]{1,60}-[0-9a-f]{8}-a[0-9]{1,4}", name) is not None


def _moment(said: str) -> datetime | None:
    """One with its zone; None for anything else that somebody wrote into the tag."""
    try:
        moment = datetime.fromisoformat(said)
    except ValueError:
        return None
    return moment if moment.tzinfo else None


def _last(vm: str) -> str:
    return vm.rpartition("/")[2]


def slug(name: str, limit: int = 32) -> str:
    """``name`` as lower-case ASCII words joined by hyphens; ``machine`` when nothing is left."""
    ascii_name = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode()
    words = re.sub(r"[^a-z0-9]+", "-", ascii_name.lower()).strip("-")
    return words[:limit].strip("-") or "machine"


class Place(Protocol):
    """A cloud, as far as an id needs it: provider and account with region."""

    provider: str

    @property
    def scope(self) -> str:
        """Account with region."""


def pair_of(source: Place, vm: str, target: Place) -> str:
    """Eight hex digits for one machine on its way to one target.

    A full id and the name that it ends with are one machine's, in one scope.
    """
    ends = f"{source.provider}:{source.scope}:{_last(vm)}\n{target.provider}:{target.scope}"
    return hashlib.sha256(ends.encode()).hexdigest()[:8]


def next_migration(
    name: str, target_provider: str, pair: str, marks: Marks | None
) -> tuple[str, bool]:
    """The id that a migration would use now, and whether it adopts one under way.

    Attempts count over all targets of a machine, so that an id says at once
    which came last.
    """
    stem = f"{slug(name)}-{target_provider}-{pair}"
    if marks is not None and marks.state not in ENDED and f"-{pair}-a" in marks.migration:
        return marks.migration, True
    attempt = marks.attempt + 1 if marks is not None else 1
    return f"{stem}-a{attempt}", False
