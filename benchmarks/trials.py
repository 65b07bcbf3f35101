"""A trial: two commands that are run in turn, and the rows that are read off them."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass

from benchmarks.errors import BenchmarkError
from benchmarks.stage import Stage
from benchmarks.table import Measure, Result, Sample, results


@dataclass(frozen=True)
class Sides:
    """What is run in turn: ours, and what it is measured against, where there is such."""

    ours: Callable[[], Sample]
    other: Callable[[], Sample] | None = None


@dataclass(frozen=True)
class Trial:
    """``open`` makes workloads and starts fakes; leaving it ends them."""

    name: str
    what: str
    measures: Callable[[Stage], list[Measure]]
    open: Callable[[Stage], AbstractContextManager[Sides]]


def carry_out(
    trial: Trial, stage: Stage, pairs: int, *, counts_alone: bool = False
) -> list[Result]:
    """Run the sides in turn; one that cannot run fails the rows that need it, not the others.

    ``counts_alone`` leaves out the rows of time, and what only they need.
    """
    measures = [found for found in trial.measures(stage) if found.counted or not counts_alone]
    paired = any(measure.paired for measure in measures)
    ours: list[Sample] = []
    others: list[Sample] = []
    why = ""
    if not measures:
        return []
    try:
        with trial.open(stage) as sides:
            for _ in range(pairs):
                ours.append(sides.ours())
                try:
                    if sides.other and paired and not why:
                        others.append(sides.other())
                except BenchmarkError as error:
                    why = str(error)
    except BenchmarkError as error:
        return [Result(trial.name, measure, (), str(error)) for measure in measures]
    return results(trial.name, measures, ours, others, why)
