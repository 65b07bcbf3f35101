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


@dataclass(frozen=True)
class Outcome:
    """A trial's rows, and the runs that they were read off."""

    trial: str
    rows: list[Result]
    ours: list[Sample]
    others: list[Sample]


def carry_out(
    trial: Trial,
    stage: Stage,
    pairs: int,
    *,
    counts_alone: bool = False,
    on_run: Callable[[str, Sample], None] = lambda _side, _sample: None,
) -> Outcome:
    """Run the sides in turn; one that cannot run fails the rows that need it, not the others.

    ``counts_alone`` leaves out the rows of time, and what only they need.
    """
    measures = [found for found in trial.measures(stage) if found.counted or not counts_alone]
    paired = any(measure.paired for measure in measures)
    outcome = Outcome(trial.name, [], [], [])
    why = ""
    if not measures:
        return outcome
    try:
        with trial.open(stage) as sides:
            for _ in range(pairs):
                outcome.ours.append(sides.ours())
                on_run("ours", outcome.ours[-1])
                try:
                    if sides.other and paired and not why:
                        outcome.others.append(sides.other())
                        on_run("other", outcome.others[-1])
                except BenchmarkError as error:
                    why = str(error)
    except BenchmarkError as error:
        outcome.rows.extend(Result(trial.name, found, (), str(error)) for found in measures)
        return outcome
    outcome.rows.extend(results(trial.name, measures, outcome.ours, outcome.others, why))
    return outcome
