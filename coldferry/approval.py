"""A person's word, bound to what it was given for."""

from collections.abc import Collection, Mapping
from datetime import UTC, datetime
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from coldferry.guest.evidence import Inspection
from coldferry.machine import Machine
from coldferry.plan import Plan
from coldferry.translation import Translation


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")


class Approval(BaseModel):
    """What was approved: by whom (as declared), when, and the digest of the plan.

    ``answers`` are all that the plan rests on; ``from_book`` names those that
    the translation book gave.
    """

    model_config = ConfigDict(frozen=True)

    migration: str
    plan_digest: str
    machine: Machine
    translation: Translation
    answers: dict[str, Any]
    from_book: tuple[str, ...] = ()
    inspection: Inspection | None = None
    """What the disks said of the guest then; None when nobody looked."""
    by: str
    reason: str = ""
    at: str = Field(default_factory=_now)

    @property
    def said(self) -> dict[str, Any]:
        """The answers that a person gave for this very migration."""
        return {path: said for path, said in self.answers.items() if path not in self.from_book}

    @property
    def plan(self) -> Plan:
        """The plan as it was approved."""
        return Plan(migration=self.migration, machine=self.machine, translation=self.translation)


def approve(
    plan: Plan,
    answers: Mapping[str, Any],
    by: str,
    reason: str = "",
    from_book: Collection[str] = (),
) -> Approval:
    """An approval of ``plan``, given now."""
    return Approval(
        migration=plan.migration,
        plan_digest=plan.digest,
        machine=plan.machine,
        translation=plan.translation,
        answers=dict(answers),
        from_book=tuple(from_book),
        by=by,
        reason=reason,
    )
