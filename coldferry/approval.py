"""A person's word, bound to what it was given for."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from coldferry.machine import Machine
from coldferry.plan import Plan
from coldferry.translation import Translation


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")


class Approval(BaseModel):
    """What was approved: by whom (as declared), when, and the digest of the plan."""

    model_config = ConfigDict(frozen=True)

    migration: str
    plan_digest: str
    machine: Machine
    translation: Translation
    answers: dict[str, Any]
    by: str
    reason: str = ""
    at: str = Field(default_factory=_now)

    @property
    def plan(self) -> Plan:
        """The plan as it was approved."""
        return Plan(migration=self.migration, machine=self.machine, translation=self.translation)


def approve(plan: Plan, answers: Mapping[str, Any], by: str, reason: str = "") -> Approval:
    """An approval of ``plan``, given now."""
    return Approval(
        migration=plan.migration,
        plan_digest=plan.digest,
        machine=plan.machine,
        translation=plan.translation,
        answers=dict(answers),
        by=by,
        reason=reason,
    )
