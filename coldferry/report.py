"""What a migration says of itself at its end; for people see :mod:`coldferry.report_page`."""

import json
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from typing import Any

from coldferry.approval import Approval
from coldferry.downtime import Downtime
from coldferry.errors import Finding
from coldferry.estimating import Estimate, as_json
from coldferry.foretelling import Outcome, beside
from coldferry.home import folder, private
from coldferry.migration import State
from coldferry.placement_report import Latencies
from coldferry.placement_report import as_json as placements
from coldferry.ports import Proof
from coldferry.progress import announce_step


@dataclass(frozen=True)
class MovedDevice:
    """One disk: full ids at both ends, sizes and counts in bytes, and its proof.

    ``data_bytes`` counts 4 KiB blocks that are not all zero; ``sent_bytes``
    the bodies of all write requests of this run, retries included; ``read_bytes``
    what this run read of the source, None where it is not counted. ``early_…`` is
    what came before, while the machine ran.
    """

    source: str
    target: str
    size_bytes: int
    data_bytes: int
    sent_bytes: int
    manifest_root: str
    proof: Proof
    read_bytes: int | None = None
    early_sent_bytes: int = 0
    early_read_bytes: int = 0


@dataclass
class Stopwatch:
    """Seconds by step, in the order the steps began, and when each did (UTC, ISO 8601)."""

    seconds: dict[str, float] = field(default_factory=dict)
    began: dict[str, str] = field(default_factory=dict)
    latest: str = ""
    """The step that began last: where it ends by an error, the one that failed."""

    @contextmanager
    def __call__(self, step: str) -> Iterator[None]:
        """Count the time spent inside as ``step``'s."""
        begun = time.monotonic()
        self.began.setdefault(step, datetime.now(UTC).isoformat(timespec="seconds"))
        self.latest = step
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
    timed: Stopwatch
    downtime: Downtime
    latencies: Latencies = field(default_factory=dict)
    estimate: Estimate | None = None
    calls: dict[str, int] = field(default_factory=dict)
    """Requests that this process made meanwhile, by operation class."""

    @property
    def outcomes(self) -> list[Outcome]:
        """What was estimated beside what it was; empty when nothing was estimated."""
        if self.estimate is None:
            return []
        read = [device.read_bytes for device in self.devices]
        early = sum(device.early_read_bytes for device in self.devices)
        return beside(
            self.estimate,
            read_bytes=None if None in read else early + sum(one or 0 for one in read),
            sent_bytes=sum(one.sent_bytes + one.early_sent_bytes for one in self.devices),
            calls=self.calls,
            seconds=self.timed.seconds,
            downtime_s=self.downtime.seconds,
        )

    def as_json(self) -> dict[str, Any]:
        """The contract of ``coldferry migrate --json``."""
        return {
            "migration": self.migration,
            "state": self.state.value,
            "source_vm": self.source_vm,
            "target_vm": self.target_vm,
            "devices": [asdict(device) for device in self.devices],
            **placements(self.approval.plan, self.approval.inspection, self.latencies),
            "translation": [f.model_dump(mode="json") for f in self.approval.translation.fields],
            "findings": [asdict(finding) for finding in self.findings],
            "approved": {
                "by": self.approval.by,
                "at": self.approval.at,
                "reason": self.approval.reason,
                "plan_digest": self.approval.plan_digest,
            },
            "downtime": self.downtime.as_json(),
            "began": self.timed.began,
            "seconds": self.timed.seconds,
            "estimate": as_json(self.estimate) if self.estimate else None,
            "outcomes": [asdict(one) | {"difference": one.difference} for one in self.outcomes],
        }

    def save(self) -> None:
        """Keep the JSON under the home, beside the manifests."""
        keep_document(self.migration, self.as_json())


def keep_document(name: str, document: Mapping[str, Any]) -> None:
    """Keep a JSON document of that name among the home's reports."""
    path = folder("reports") / f"{name}.json"
    with open(path, "w", opener=private) as file:
        file.write(json.dumps(document, indent=2))
