"""A migration's name and where it stands.

The clouds are the record: the id and the state below are tags on the source
machine and on everything that is created, nothing else remembers them.
"""

import hashlib
import re
import unicodedata
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

ATTEMPT_TAG = "coldferry:attempt"
"""On the source machine: ``<migration id> <state> <machine>``; all that a rollback leaves.

Tags can be copied to another machine (a restored backup, a launch template):
the third word says whose they are. After a cutover a fourth says when that was.
"""

POWER_TAG = "coldferry:power-before"
"""On the source machine: its power state before the halt, while a migration is under way."""

MIGRATION_TAG = "coldferry:migration"
"""On every object that is created: the migration's id."""

TAG_PREFIX = "coldferry:"
"""Tags that begin so are ours and no part of a machine's description."""


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


@dataclass(frozen=True)
class Marks:
    """What the source machine's tags say of its latest migration.

    ``power_before`` is ``running`` or ``stopped``, None before the halt and
    after the end. ``moved_at`` is when it was cut over (ISO 8601, UTC), as the
    tag has it: whoever may write tags may write anything there.
    """

    migration: str
    state: State
    power_before: str | None = None
    moved_at: str | None = None

    @property
    def attempt(self) -> int:
        """The number at the id's end."""
        return int(self.migration.rpartition("-a")[2])

    def tag(self, vm: str) -> str:
        """The attempt tag's value on ``vm``, of whose id the last part is written down."""
        tag = f"{self.migration} {self.state} {_last(vm)}"
        return f"{tag} {self.moved_at}" if self.moved_at else tag

    @classmethod
    def parse(cls, tag: str, power_before: str | None, vm: str) -> "Marks | None":
        """The marks in a tag's value; None when a stranger wrote it, or it is another machine's."""
        migration, state, machine, moved_at = [*tag.split(" ", 3), "", "", ""][:4]
        if not is_migration(migration) or state not in set(State) or machine != _last(vm):
            return None
        return cls(migration, State(state), power_before, moved_at or None)


def is_migration(name: str) -> bool:
    """``name`` is a migration's id, not an inspection's or a doctor's, nor a stranger's word."""
    return re.fullmatch(r"[a-z0-9-]{1,60}-[0-9a-f]{8}-a[0-9]{1,4}", name) is not None


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
