"""What a cutover says of itself at its end."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from coldferry.checks import CheckResult
from coldferry.cutover import Ready
from coldferry.errors import ChecksFailed
from coldferry.migration import Marks
from coldferry.moved import due_at
from coldferry.plain import code, counted, prose
from coldferry.ports import Arrived


@dataclass(frozen=True)
class Switched:
    """A migration whose new machine was started for production."""

    ready: Ready
    marks: Marks
    arrived: Arrived
    decided: Mapping[str, str]
    checks: tuple[CheckResult, ...]

    @property
    def finalise_by(self) -> str:
        """The day from which the way back may be given up, "" when it is not known."""
        due = due_at(self.marks)
        return "" if due is None else f"{due:%Y-%m-%d}"

    @property
    def failure(self) -> ChecksFailed | None:
        """What is raised when a check failed: the machine was left started."""
        failed = [one for one in self.checks if not one.passed]
        if not failed:
            return None
        migration = self.ready.migration
        named = " ".join(f"{one.check}: {one.what}" for one in failed)
        return ChecksFailed(
            f"{migration} is cut over and its new machine was left started, but {len(failed)} of "
            f"{len(self.checks)} checks failed: {named}",
            "Mend it and give the same command again, or go back with 'coldferry rollback "
            f"{migration}', which asks what becomes of what the new machine wrote.",
        )

    def as_json(self) -> dict[str, Any]:
        """The contract of ``coldferry cutover --json``."""
        return {
            "migration": self.ready.migration,
            "state": self.marks.state.value,
            "source_vm": self.ready.vm,
            "target_vm": self.arrived.vm,
            "target_power": self.arrived.power.value,
            "interfaces": [
                {"name": name, "security_group": group}
                for name, group in zip(self.arrived.interfaces, self.arrived.groups, strict=True)
            ],
            "checks": [asdict(one) for one in self.checks],
            "findings": [asdict(one) for one in self.ready.remarks],
            "cut_over_at": self.marks.moved_at,
            "finalise_by": self.finalise_by,
            "keep_until": self.marks.keep_until,
            "decided": dict(self.decided),
        }

    def as_markdown(self) -> str:
        """As the Prefect UI shows it; every stranger's word is plain text."""
        arrived, by = self.arrived, self.decided
        passed = sum(one.passed for one in self.checks)
        checked = f"{passed} of {counted(len(self.checks), 'check')} passed"
        lines = [
            f"# {code(self.ready.migration)}: {self.marks.state}",
            "",
            f"The new machine {code(arrived.vm)} is {arrived.power}; "
            f"{checked if self.checks else 'no check was asked for'}. "
            f"The source {code(self.ready.vm)} stays halted.",
            "",
            f"Decided by {code(by['by'])} at {code(by['at'])}"
            + (f", because {code(by['reason'])}." if by["reason"] else "."),
            "",
            f"The way back: {code(f'coldferry rollback {self.ready.migration}')}. Finalise from "
            f"{self.finalise_by or 'a day of your choice'} on: "
            f"{code(f'coldferry finalise {self.ready.migration}')}.",
            "",
            "| interface | security group |",
            "|---|---|",
            *(
                f"| {code(name)} | {code(group) if group else 'none'} |"
                for name, group in zip(arrived.interfaces, arrived.groups, strict=True)
            ),
        ]
        if self.checks:
            lines += ["", "| check | passed | what | s |", "|---|---|---|---|"]
            lines += [
                f"| {code(one.check)} | {'yes' if one.passed else 'NO'} | {prose(one.what)} "
                f"| {one.seconds} |"
                for one in self.checks
            ]
        if self.ready.remarks:
            lines += ["", "## Findings", ""]
            lines += [
                f"- {code(one.subject)}: {prose(one.what, 600)}" for one in self.ready.remarks
            ]
        return "\n".join(lines)
