"""What a migration says of itself at its end: JSON for machines, Markdown for people."""

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from typing import Any

from coldferry import words
from coldferry.approval import Approval
from coldferry.errors import Finding
from coldferry.home import folder, private
from coldferry.migration import State
from coldferry.plain import code, prose, shown, size
from coldferry.ports import Proof
from coldferry.progress import announce_step
from coldferry.translation import DecidedBy, FieldTranslation, Verdict


@dataclass(frozen=True)
class MovedDevice:
    """One disk: full ids at both ends, sizes and counts in bytes, and its proof.

    ``data_bytes`` counts 4 KiB blocks that are not all zero; ``sent_bytes``
    the bodies of all write requests of this run, retries included.
    """

    source: str
    target: str
    size_bytes: int
    data_bytes: int
    sent_bytes: int
    manifest_root: str
    proof: Proof


@dataclass
class Stopwatch:
    """Seconds by step, in the order the steps began."""

    seconds: dict[str, float] = field(default_factory=dict)

    @contextmanager
    def __call__(self, step: str) -> Iterator[None]:
        """Count the time spent inside as ``step``'s."""
        begun = time.monotonic()
        announce_step(step)
        try:
            yield
        finally:
            spent = time.monotonic() - begun
            self.seconds[step] = round(self.seconds.get(step, 0.0) + spent, 3)


@dataclass(frozen=True)
class Report:
    """The end of a migration."""

    migration: str
    state: State
    source_vm: str
    target_vm: str
    devices: list[MovedDevice]
    approval: Approval
    findings: list[Finding]
    seconds: dict[str, float]

    def as_json(self) -> dict[str, Any]:
        """The contract of ``coldferry migrate --json``."""
        return {
            "migration": self.migration,
            "state": self.state.value,
            "source_vm": self.source_vm,
            "target_vm": self.target_vm,
            "devices": [asdict(device) for device in self.devices],
            "translation": [f.model_dump(mode="json") for f in self.approval.translation.fields],
            "findings": [asdict(finding) for finding in self.findings],
            "approved": {
                "by": self.approval.by,
                "at": self.approval.at,
                "reason": self.approval.reason,
                "plan_digest": self.approval.plan_digest,
            },
            "seconds": self.seconds,
        }

    def save(self) -> None:
        """Keep the JSON under the home, beside the manifests."""
        path = folder("reports") / f"{self.migration}.json"
        with open(path, "w", opener=private) as file:
            file.write(json.dumps(self.as_json(), indent=2))

    @property
    def _source_words(self) -> str:
        if any(finding.code == "source-started" for finding in self.findings):
            return "**The source runs again: see the findings.**"
        if self.approval.machine.stoppable is False:
            return "The source cannot be stopped, and runs on."
        return "The source was left stopped."

    def as_markdown(self) -> str:
        """The report as the Prefect UI shows it; every stranger's word is plain text."""
        approval = self.approval
        lines = [
            f"# {code(self.approval.machine.name)}: {self.state}",
            "",
            f"Migration {code(self.migration)}. The new machine was made stopped, behind a "
            f"deny-all group. {self._source_words} Its snapshots are kept.",
            "",
            f"New machine: {code(self.target_vm)}",
            "",
            f"Approved by {code(approval.by)} at {code(approval.at)}"
            + (f", because {code(approval.reason)}" if approval.reason else "")
            + f". Plan {code(approval.plan_digest)}.",
            "",
            "## Disks",
            "",
            "| disk | size | data | sent | equal |",
            "|---|---|---|---|---|",
            *(
                f"| {code(d.source)} | {size(d.size_bytes)} | {size(d.data_bytes)} "
                f"| {size(d.sent_bytes)} | {'yes' if d.proof.equal else 'NO'} |"
                for d in self.devices
            ),
            "",
            *(
                f"- {code(d.source)} is {code(d.target)} now, root {code(d.manifest_root)}"
                for d in self.devices
            ),
            "",
            *(
                f"Proof: {prose(d.proof.method)}, by {prose(d.proof.reader)}."
                for d in self.devices[:1]
            ),
            "",
            "## What differs",
            "",
            *(self._difference(f) for f in approval.translation.fields if _differs(f)),
            "",
            "## All fields",
            "",
            "| field | verdict | source | target | path |",
            "|---|---|---|---|---|",
            *(
                f"| {prose(words.title(approval.machine, f.path))} | {f.verdict} "
                f"| {code(_value(f, f.source), 80)} | {code(_value(f, f.target), 120)} "
                f"| {code(f.path)} |"
                for f in approval.translation.fields
            ),
        ]
        if self.findings:
            lines += ["", "## Findings", ""]
            lines += [_as_item(finding) for finding in self.findings]
        lines += ["", "## Seconds", "", "| step | s |", "|---|---|"]
        lines += [f"| {code(step)} | {spent} |" for step, spent in self.seconds.items()]
        return "\n".join(lines)

    def _difference(self, field: FieldTranslation) -> str:
        """One field in a line that wraps: from what to what, why, and who decided."""
        title = prose(words.title(self.approval.machine, field.path))
        target = (
            "is not carried" if field.target is None else f"becomes {_cell(field, field.target)}"
        )
        why = f": {prose(field.difference)}" if field.difference else ""
        return (
            f"- {title} ({code(field.path)}): {_cell(field, field.source)} {target}, "
            f"{field.verdict} by {_decided(field)}{why}"
        )


def _differs(field: FieldTranslation) -> bool:
    return field.verdict is not Verdict.EXACT or field.decided_by is not DecidedBy.RULE


def _cell(field: FieldTranslation, value: Any) -> str:
    return code(_value(field, value), 120)


def _value(field: FieldTranslation, value: Any) -> str:
    """Bytes as a person says them, all else as it is."""
    if field.path.endswith("_bytes") and isinstance(value, int):
        return size(value)
    return shown(value)


def _decided(field: FieldTranslation) -> str:
    """Who decided; of the book's word, which rule it is and who approved it first, and when."""
    if (first := field.precedent) is None:
        return str(field.decided_by)
    of = f" for {code(first.migration)}" if first.migration else ""
    return f"book: rule {code(first.rule)}, {code(first.by)} at {code(first.at)}{of}"


def _as_item(finding: Finding) -> str:
    """What was found, and what a person should do about it."""
    remedy = f" {prose(finding.do, 600)}" if finding.do else ""
    return f"- {code(finding.subject)}: {prose(finding.what, 600)}{remedy}"
