"""The plan of a wave: what each machine takes, and what all of it comes to."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import datetime
from typing import Any

from coldferry.errors import Finding
from coldferry.estimating import PERIODS, Estimate, Period, as_json
from coldferry.fleet import Light, totals
from coldferry.waves.outlook import Expected, Outlook
from coldferry.waves.standing import RowState
from coldferry.waves.wave import Row, Wave


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
class Item:
    """One thing that is paid for, and for how many machines; ``usd`` None is not known."""

    what: str
    period: Period
    times: int
    usd: float | None


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

    @property
    def costs(self) -> list[Item]:
        """What is paid for, each once, over all machines that need it."""
        found: dict[tuple[Period, str], list[float | None]] = {}
        for cost in (cost for one in self.estimates for cost in one.costs):
            found.setdefault((cost.period, cost.what), []).append(cost.usd)
        items = [Item(what, period, len(of), _total(of)) for (period, what), of in found.items()]
        return sorted(items, key=lambda one: PERIODS.index(one.period))

    @property
    def longest_downtime_s(self) -> float:
        """Of one machine, as far as it is known."""
        return max((one.downtime_s.known for one in self.estimates), default=0.0)

    def as_json(self) -> dict[str, Any]:
        """The contract of ``coldferry wave plan --json``."""
        calls = Counter[str]()
        for one in self.estimates:
            calls.update(one.calls)
        return {
            "wave": self.wave.name,
            "at": self.at.isoformat(timespec="seconds"),
            "window": self.wave.window.model_dump(mode="json"),
            "counts": self.counts,
            "outlook": self.outlook.as_json(),
            "totals": {
                **totals(self.estimates),
                "downtime_s": round(sum(one.downtime_s.known for one in self.estimates), 3),
                "longest_downtime_s": self.longest_downtime_s,
                "calls": dict(sorted(calls.items())),
                "costs": [asdict(one) for one in self.costs],
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


def _total(usd: Sequence[float | None]) -> float | None:
    """Not known where one's price is not."""
    known = [one for one in usd if one is not None]
    return round(sum(known), 6) if len(known) == len(usd) else None


def _moments(expected: Expected | None) -> dict[str, Any] | None:
    if expected is None:
        return None
    return {
        "begins_at": expected.begins_at.isoformat(),
        "halted_at": expected.halted_at.isoformat(),
        "arrives_at": expected.arrives_at.isoformat(),
        "late": expected.late,
    }
