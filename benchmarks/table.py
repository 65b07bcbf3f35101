"""From runs to a table: what a row is, the arithmetic of pairs, and whether a goal is met."""

import statistics
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from benchmarks.running import Run
from benchmarks.workloads import MIB


@dataclass(frozen=True)
class Sample:
    """One run, and what was counted of it: by a fake, or in the command's own JSON."""

    run: Run
    counts: dict[str, float] = field(default_factory=dict)

    def value(self, key: str) -> float:
        """``wall_s``, ``cpu_s``, ``peak_bytes``, or a count."""
        if key in self.counts:
            return self.counts[key]
        return float(getattr(self.run, key))


def sample_as_json(sample: Sample) -> dict[str, float]:
    """A run as a value for JSON."""
    run = sample.run
    return {"wall_s": run.wall_s, "cpu_s": run.cpu_s, "peak_bytes": run.peak_bytes, **sample.counts}


class Rule(StrEnum):
    """How a median stands to its goal."""

    AT_MOST = "<="
    AT_LEAST = ">="
    EXACTLY = "="


Figure = Callable[[Sample, Sample | None], float]


@dataclass(frozen=True)
class Measure:
    """One row: a figure of each pair, and what its median must reach.

    ``goal`` None is a figure that is only reported. ``paired`` needs the other
    side: without it the row fails. ``counted`` is not of time, so that it is the
    same on a busy machine.
    """

    what: str
    figure: Figure
    goal: float | None
    unit: str = ""
    rule: Rule = Rule.AT_MOST
    paired: bool = True
    counted: bool = False


@dataclass(frozen=True)
class Result:
    """A row that was measured; ``why`` says why it was not, and then it is missed."""

    trial: str
    measure: Measure
    values: tuple[float, ...] = ()
    why: str = ""

    @property
    def median(self) -> float:
        """Of all pairs."""
        return statistics.median(self.values)

    @property
    def missed(self) -> bool:
        """No value, or one that does not reach the goal."""
        if self.why or not self.values:
            return True
        goal, found = self.measure.goal, self.median
        if goal is None:
            return False
        match self.measure.rule:
            case Rule.AT_MOST:
                return found > goal
            case Rule.AT_LEAST:
                return found < goal
            case Rule.EXACTLY:
                return any(value != goal for value in self.values)

    @property
    def verdict(self) -> str:
        """In one word; a row that was not measured says why."""
        if self.why:
            return f"MISSED: {self.why}"
        if self.missed:
            return "MISSED"
        return "reported" if self.measure.goal is None else "met"

    @property
    def figures(self) -> str:
        """``median (least to most) unit``."""
        if not self.values:
            return "none"
        unit = f" {self.measure.unit}" if self.measure.unit else ""
        spread = f"{_short(min(self.values))} to {_short(max(self.values))}"
        return f"{_short(self.median)}{unit} ({spread})"

    @property
    def goal(self) -> str:
        """``rule number unit``."""
        if self.measure.goal is None:
            return ""
        unit = f" {self.measure.unit}" if self.measure.unit else ""
        return f"{self.measure.rule.value} {_short(self.measure.goal)}{unit}"


def results(
    trial: str,
    measures: Sequence[Measure],
    ours: Sequence[Sample],
    others: Sequence[Sample],
    why: str = "",
) -> list[Result]:
    """A result for each measure, pair by pair; ``why`` there are fewer others than ours."""
    return [_result(trial, measure, ours, others, why) for measure in measures]


def _result(
    trial: str, measure: Measure, ours: Sequence[Sample], others: Sequence[Sample], why: str
) -> Result:
    if measure.paired and len(others) < len(ours):
        return Result(trial, measure, (), why or "There was nothing to compare with.")
    if measure.paired:
        pairs = zip(ours, others, strict=True)
        return Result(trial, measure, tuple(measure.figure(a, b) for a, b in pairs))
    return Result(trial, measure, tuple(measure.figure(a, None) for a in ours))


def ratio(key: str) -> Figure:
    """Ours over the other's."""

    def figure(a: Sample, b: Sample | None) -> float:
        assert b is not None
        return a.value(key) / b.value(key)

    return figure


def less(key: str, per: float = 1.0) -> Figure:
    """Ours without the other's, in units of ``per``."""

    def figure(a: Sample, b: Sample | None) -> float:
        assert b is not None
        return (a.value(key) - b.value(key)) / per

    return figure


def own(key: str, per: float = 1.0) -> Figure:
    """Ours by itself, in units of ``per``."""
    return lambda a, _: a.value(key) / per


def other(key: str, per: float = 1.0) -> Figure:
    """The other's by itself, in units of ``per``."""

    def figure(_: Sample, b: Sample | None) -> float:
        assert b is not None
        return b.value(key) / per

    return figure


def rate(amount: float) -> Figure:
    """``amount`` a second of our wall time."""
    return lambda a, _: amount / a.run.wall_s


def markdown(found: Sequence[Result]) -> str:
    """The table that the page on performance carries."""
    lines = ["| measure | goal | median (least to most) | |", "|---|---|---|---|"]
    lines += [
        f"| {row.measure.what} | {row.goal} | {row.figures} | {row.verdict} |" for row in found
    ]
    return "\n".join(lines)


def medians(ours: Sequence[Sample], others: Sequence[Sample]) -> str:
    """``ours | other`` as cells: wall, CPU and peak memory, the median of each by itself."""
    return " | ".join(_medians(side) for side in (ours, others))


def _medians(side: Sequence[Sample]) -> str:
    if not side:
        return "none"
    runs = [sample.run for sample in side]
    wall_s, cpu_s, peak_bytes = (
        statistics.median(values)
        for values in zip(*((r.wall_s, r.cpu_s, r.peak_bytes) for r in runs), strict=True)
    )
    return f"{wall_s:.2f} s, {cpu_s:.2f} s, {peak_bytes / MIB:.0f} MiB"


def as_json(row: Result) -> dict[str, object]:
    """One row as a value for JSON."""
    return {
        "trial": row.trial,
        "measure": row.measure.what,
        "goal": row.measure.goal,
        "rule": row.measure.rule.value,
        "unit": row.measure.unit,
        "values": list(row.values),
        "median": row.median if row.values else None,
        "missed": row.missed,
        "why": row.why,
    }


def _short(value: float) -> str:
    if value == int(value) and abs(value) < 1e15:
        return f"{int(value):,}"
    return f"{value:.2f}" if abs(value) < 100 else f"{value:,.0f}"
