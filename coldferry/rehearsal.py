"""A rehearsal: the whole way of a migration from a machine that runs on, and nothing left of it.

What it builds bears an id of its own, so that it is never taken for the migration's.
"""

from dataclasses import asdict, dataclass
from typing import Any

from coldferry.errors import Finding
from coldferry.migration import rehearsal_of
from coldferry.plain import code, counted, prose
from coldferry.plan import Plan
from coldferry.report import MovedDevice, Stopwatch, keep_document
from coldferry.report_file import save


def as_rehearsal(plan: Plan) -> Plan:
    """The same plan under the rehearsal's id."""
    return plan.model_copy(update={"migration": rehearsal_of(plan.migration)})


def torn(plan: Plan) -> Finding:
    """What a person must know of disks that were frozen while their machine wrote to them."""
    return Finding(
        "inform", "frozen-while-running", plan.machine.name,
        "The disks were frozen while the machine ran: what was started is as after a power cut.",
        "A guest that comes up after one comes up here, too; a migration halts it first.",
    )  # fmt: skip


@dataclass(frozen=True)
class Rehearsal:
    """What a rehearsal came to. ``removed`` counts what was made for it at both ends."""

    migration: str
    source_vm: str
    target_vm: str
    devices: list[MovedDevice]
    findings: list[Finding]
    timed: Stopwatch
    removed: int
    left: list[dict[str, str]]

    def as_json(self) -> dict[str, Any]:
        """The contract of ``coldferry rehearse --json``."""
        return {
            "rehearsal": rehearsal_of(self.migration),
            "migration": self.migration,
            "source_vm": self.source_vm,
            "target_vm": self.target_vm,
            "devices": [asdict(device) for device in self.devices],
            "findings": [asdict(finding) for finding in self.findings],
            "seconds": self.timed.seconds,
            "removed": self.removed,
            "left": self.left,
        }

    def as_markdown(self) -> str:
        """The page of the run's artifact."""
        equal = all(device.proof.equal for device in self.devices)
        spent = ", ".join(f"{step} {seconds:.1f}" for step, seconds in self.timed.seconds.items())
        return "\n".join([
            f"# {code(self.source_vm)}: rehearsed",
            "",
            f"- **Disks**: {counted(len(self.devices), 'disk')}, "
            f"{'each read back and equal' if equal else 'NOT PROVEN'}",
            *(f"- {prose(one.what)} {prose(one.do)}".rstrip() for one in self.findings),
            f"- **Left**: {'nothing' if not self.left else counted(len(self.left), 'object')}; "
            f"{counted(self.removed, 'object')} removed again. The source was not stopped.",
            f"- **Seconds**: {spent}",
        ])  # fmt: skip

    def save(self) -> None:
        """Keep both under the home, beside the migrations' reports."""
        keep_document(rehearsal_of(self.migration), self.as_json())
        save(rehearsal_of(self.migration), self.as_markdown())
