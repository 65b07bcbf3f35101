"""The plan of a wave: a line a machine, and what it comes to; for machines and for people."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import datetime
from typing import Any

from coldferry.errors import Finding
from coldferry.estimating import Estimate, Sum, as_json
from coldferry.fleet import SIGNS, Light, figures, totals
from coldferry.foretelling import usd
from coldferry.plain import code, counted, duration, prose, size
from coldferry.waves.outlook import Expected, Outlook
from coldferry.waves.progress import said
from coldferry.waves.standing import RowState
from coldferry.waves.wave import Row, Wave

COLUMNS = (
    "", "machine", "fields", "findings", "read", "time", "once", "a month", "downtime", "arrives",
    "what",
)  # fmt: skip
_MOST_FINDINGS = 20
"""Of one machine, on the page; all are in the JSON."""


@dataclass(frozen=True)
class RowPlan:
    """One row: ``missing`` are paths that somebody has to answer, ``why`` it cannot go.

    ``verdicts`` counts fields; ``estimate`` is None of what does not go.
    """

    row: Row
    state: RowState
    migration: str = ""
    why: str = ""
    missing: tuple[str, ...] = ()
    verdicts: Mapping[str, int] = field(default_factory=dict)
    findings: tuple[Finding, ...] = ()
    size_bytes: int = 0
    estimate: Estimate | None = None

    @property
    def light(self) -> Light:
        """Red cannot go, amber asks, green goes or is done already."""
        if self.state is RowState.REFUSED:
            return Light.RED
        return Light.AMBER if self.missing else Light.GREEN


@dataclass(frozen=True)
class WavePlan:
    """All rows of a wave, as of ``at``, and how they are expected to go."""

    wave: Wave
    rows: tuple[RowPlan, ...]
    outlook: Outlook
    at: datetime

    @property
    def counts(self) -> dict[str, int]:
        """How many there are of each light."""
        return {str(light): sum(one.light is light for one in self.rows) for light in Light}

    @property
    def estimates(self) -> list[Estimate]:
        """Of those that go."""
        return [one.estimate for one in self.rows if one.estimate is not None]

    def as_json(self) -> dict[str, Any]:
        """The contract of ``coldferry wave plan --json``."""
        return {
            "wave": self.wave.name,
            "at": self.at.isoformat(timespec="seconds"),
            "window": self.wave.window.model_dump(mode="json"),
            "counts": self.counts,
            "outlook": self.outlook.as_json(),
            "totals": {
                **totals(self.estimates),
                "downtime_s": round(sum(one.downtime_s.known for one in self.estimates), 3),
                "longest_downtime_s": _longest_s(self.estimates),
            },
            "rows": [self._row(one) for one in self.rows],
        }

    def _row(self, one: RowPlan) -> dict[str, Any]:
        return {
            "name": one.row.name,
            "vm": one.row.vm,
            "source": one.row.source,
            "target": one.row.target,
            "owner": one.row.owner,
            "group": one.row.group,
            "light": str(one.light),
            "state": one.state.value,
            "migration": one.migration,
            "size_bytes": one.size_bytes,
            "missing": list(one.missing),
            "why": one.why,
            "verdicts": dict(one.verdicts),
            "findings": [asdict(finding) for finding in one.findings],
            "estimate": as_json(one.estimate) if one.estimate is not None else None,
            "expected": _moments(self.outlook.rows.get(one.row.name)),
        }

    def summary(self) -> list[str]:
        """Sentences of the whole, in plain text."""
        lights = ", ".join(f"{number} {light}" for light, number in self.counts.items())
        told = [f"{counted(len(self.rows), 'machine')}: {lights}.", *self.outlook.sentences()]
        found = self.estimates
        if found:
            all_ = totals(found)
            most = "" if all_["exact"] else " at most or so"
            told.append(
                f"Read: {size(all_['read_bytes'])}{most}; sent: {size(all_['sent_bytes'])} at "
                f"most. The longest downtime is {duration(_longest_s(found))}."
            )
            told += [f"Paid {period}: {usd(Sum(**sum_))}." for period, sum_ in all_["usd"].items()]
        return told

    def cells(self, one: RowPlan) -> tuple[str, ...]:
        """A row under the COLUMNS, in plain text with strangers' words in it."""
        expected = self.outlook.rows.get(one.row.name)
        fields = ", ".join(f"{n} {verdict}" for verdict, n in one.verdicts.items())
        down = one.estimate.downtime_s if one.estimate is not None else None
        return (
            str(one.light),
            one.row.name,
            fields,
            _counted(one.findings),
            *figures(one.estimate),
            f"{'>= ' if down.unknown else ''}{duration(down.known)}" if down else "",
            said(expected.arrives_at) if expected else "",
            _what(one, expected),
        )

    def as_markdown(self) -> str:
        """A page; every stranger's word is plain text."""
        lines = [f"# Wave {code(self.wave.name)}: the plan", ""]
        lines += [f"- {prose(sentence, 1000)}" for sentence in self.summary()]
        lines += ["", f"| {' | '.join(COLUMNS)} |", "|---" * len(COLUMNS) + "|"]
        for one in self.rows:
            light, name, *cells = self.cells(one)
            told = [light, f"{code(name)} {code(one.row.vm, 80)}", *(prose(c, 400) for c in cells)]
            lines.append(f"| {' | '.join(told)} |")
        lines += ["", SIGNS]
        for one in self.rows:
            lines += _details(one)
        return "\n".join(lines)


def _details(one: RowPlan) -> list[str]:
    found = one.findings[:_MOST_FINDINGS]
    if not (found or one.missing):
        return []
    lines = ["", f"## {code(one.row.name)}", ""]
    if one.missing:
        asked = ", ".join(code(path) for path in one.missing[:_MOST_FINDINGS])
        lines.append(f"- To be answered: {asked}")
    lines += [
        f"- {f.severity}: {code(f.subject)}: {prose(f.what, 600)} {prose(f.do, 600)}".rstrip()
        for f in found
    ]
    if (more := len(one.findings) - len(found)) > 0:
        lines.append(f"- and {more} more")
    return lines


def _what(one: RowPlan, expected: Expected | None) -> str:
    if one.why:
        return one.why
    if one.missing:
        return f"{counted(len(one.missing), 'field')} to answer"
    if expected is not None and expected.late:
        return f"TOO LATE: {expected.late}"
    return one.state.value if one.estimate is None else ""


def _counted(findings: Sequence[Finding]) -> str:
    warnings = sum(one.severity == "warn" for one in findings)
    return counted(warnings, "warning") if warnings else ""


def _moments(expected: Expected | None) -> dict[str, Any] | None:
    if expected is None:
        return None
    return {
        "begins_at": expected.begins_at.isoformat(),
        "halted_at": expected.halted_at.isoformat(),
        "arrives_at": expected.arrives_at.isoformat(),
        "late": expected.late,
    }


def _longest_s(found: Sequence[Estimate]) -> float:
    return max((one.downtime_s.known for one in found), default=0.0)
