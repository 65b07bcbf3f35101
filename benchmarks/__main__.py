"""``uv run python -m benchmarks``: the table of what copying costs, measured in pairs.

Ours and the other run in turn as whole processes against fakes on loopback that
are faster than both; a row is the median of the pairs. Exit codes: 0 all rows
reached their goals, 1 a row missed its goal or could not be measured, 2 the
words of the call are off.
"""

import argparse
import fcntl
import json
import os
import shutil
import signal
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from benchmarks import (
    machine,
    peers,
    trials_ebs,
    trials_engine,
    trials_files,
    trials_page_blob,
)
from benchmarks.errors import BenchmarkError
from benchmarks.stage import Stage
from benchmarks.table import Sample, as_json, markdown, medians, sample_as_json
from benchmarks.trials import Outcome, Trial, carry_out
from benchmarks.workloads import MIB

TRIALS: tuple[Trial, ...] = (
    *trials_page_blob.TRIALS,
    *trials_engine.TRIALS,
    *trials_ebs.TRIALS,
    *trials_files.TRIALS,
)
_WHAT = {trial.name: trial.what for trial in TRIALS}
FOLDER = Path(__file__).parent.parent / ".cache" / "benchmarks"
PAIRS = 5
_MARK = "coldferry-benchmarks"
"""A file that says whose the folder is: what is in it is removed at the end."""
_NEEDED_GIB = 16


def main(words: Sequence[str] | None = None) -> int:
    """Measure and print; answer the exit code."""
    asked = _asked(words)
    if asked.list:
        for trial in TRIALS:
            print(f"{trial.name:<14}{trial.what}")
        return 0
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # what was started is ended then
    try:
        with _held(asked.folder):
            return _run(asked)
    except BenchmarkError as error:
        print(error, file=sys.stderr)
        return 1


@contextmanager
def _held(folder: Path) -> Iterator[None]:
    """The folder is ours for as long as it takes; a second benchmark would disturb the first."""
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / _MARK).open("w") as mark:
        try:
            fcntl.flock(mark, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise BenchmarkError(
                f"Another benchmark runs in {folder}.", "Wait for its end."
            ) from None
        yield


def _run(asked: argparse.Namespace) -> int:
    if asked.install:
        done = peers.install(asked.folder) or ["Everything is installed already."]
        print("\n".join(done), file=sys.stderr)
    return _measure(asked)


def _asked(words: Sequence[str] | None) -> argparse.Namespace:
    """The parsed words; argparse ends the process with a sentence and 2 when they are off."""
    parser = argparse.ArgumentParser("python -m benchmarks", description=_about())
    parser.add_argument("--only", action="append", metavar="NAME", help="a trial; may be repeated")
    parser.add_argument("--json", action="store_true", help="one document instead of a table")
    parser.add_argument("--list", action="store_true", help="list the trials")
    parser.add_argument("--pairs", type=int, default=PAIRS, metavar="N", help=f"default {PAIRS}")
    parser.add_argument("--keep", action="store_true", help="keep the workloads for another run")
    parser.add_argument("--folder", type=Path, default=FOLDER, metavar="DIR", help="where to work")
    parser.add_argument(
        "--install", action="store_true", help="install what is missing first (Debian, as root)"
    )
    parser.add_argument(
        "--scale", type=float, default=1.0, metavar="X", help="shrink the workloads: no figures"
    )
    parser.add_argument(
        "--counts", action="store_true", help="only what is the same on a busy machine"
    )
    parser.add_argument(
        "--coldferry",
        type=Path,
        default=peers.COLDFERRY,
        metavar="PATH",
        help="another build of the command line to measure",
    )
    asked = parser.parse_args(words)
    names = [trial.name for trial in TRIALS]
    unknown = sorted(set(asked.only or names) - set(names))
    if unknown:
        parser.error(
            f"there is no trial named {', '.join(unknown)}; these are: {', '.join(names)}."
        )
    if asked.pairs < 1:
        parser.error("--pairs is a number from 1.")
    if not 0 < asked.scale <= 1:
        parser.error("--scale is above 0 and at most 1.")
    if asked.folder.exists() and not asked.folder.is_dir():
        parser.error(f"--folder: {asked.folder} is no folder.")
    if (
        asked.folder.is_dir()
        and not (asked.folder / _MARK).is_file()
        and any(asked.folder.iterdir())
    ):
        parser.error(f"--folder: {asked.folder} holds other things; name one that is new or empty.")
    if not os.access(asked.coldferry, os.X_OK):
        parser.error(f"--coldferry: {asked.coldferry} is no program; 'make install' leaves one.")
    asked.folder = asked.folder.absolute()
    return asked


def _about() -> str:
    return str(__doc__).partition("\n")[0].partition(": ")[2]


def _measure(asked: argparse.Namespace) -> int:
    chosen = [trial for trial in TRIALS if trial.name in (asked.only or [trial.name])]
    stage = Stage(asked.folder, asked.scale, asked.coldferry.absolute())
    if asked.scale == 1 and shutil.disk_usage(stage.folder).free < _NEEDED_GIB << 30:
        less = f"{stage.folder} has less than {_NEEDED_GIB} GiB left: rows may fail for it."
        print(f"{less} Name another place with --folder.", file=sys.stderr)
    before = machine.load()
    outcomes: list[Outcome] = []
    try:
        for trial in chosen:
            print(f"{trial.name}: {trial.what}", file=sys.stderr)
            outcomes.append(
                carry_out(trial, stage, asked.pairs, counts_alone=asked.counts, on_run=_show)
            )
    finally:
        for name in ("home", "copies", "store", *(() if asked.keep else ("data",))):
            shutil.rmtree(stage.folder / name, ignore_errors=True)
    told = _told(asked, (before, machine.load()))
    rows = [row for outcome in outcomes for row in outcome.rows]
    missed = sum(row.missed for row in rows)
    if asked.json:
        runs = {
            outcome.trial: {
                "ours": [sample_as_json(sample) for sample in outcome.ours],
                "other": [sample_as_json(sample) for sample in outcome.others],
            }
            for outcome in outcomes
        }
        table = [as_json(row) for row in rows]
        print(json.dumps({**told, "rows": table, "missed": missed, "runs": runs}, indent=2))
    else:
        print(_table(told, outcomes, missed))
    return 1 if missed else 0


def _show(side: str, sample: Sample) -> None:
    run = sample.run
    figures = f"{run.wall_s:.2f} s, {run.cpu_s:.2f} s CPU, {run.peak_bytes / MIB:.0f} MiB"
    print(f"  {side:<6}{figures}", file=sys.stderr)


def _told(asked: argparse.Namespace, loads: tuple[float, float]) -> dict[str, object]:
    return {
        "date": machine.today(),
        "machine": machine.described(),
        "load_before": round(loads[0], 1),
        "load_after": round(loads[1], 1),
        "versions": peers.versions(asked.folder),
        "pairs": asked.pairs,
        "scale": asked.scale,
    }


def _table(told: dict[str, object], outcomes: Sequence[Outcome], missed: int) -> str:
    found = [row for outcome in outcomes for row in outcome.rows]
    versions = told["versions"]
    assert isinstance(versions, dict)
    lines = [
        f"On {told['date']}, {told['machine']}, load {told['load_before']} before and "
        f"{told['load_after']} after, {told['pairs']} pairs.",
        ", ".join(f"{name} {version}" for name, version in versions.items()) + ".",
    ]
    if told["scale"] != 1:
        lines.append(f"The workloads are at scale {told['scale']}: these are no figures to quote.")
    end = f"{missed} of {len(found)} rows missed." if missed else f"All {len(found)} rows are met."
    lines += ["", markdown(found), "", "| median of wall, CPU, peak memory | ours | other |"]
    lines += ["|---|---|---|"]
    for outcome, what in ((outcome, _WHAT[outcome.trial]) for outcome in outcomes if outcome.rows):
        lines.append(f"| {what} | {medians(outcome.ours, outcome.others)} |")
    return "\n".join([*lines, "", end])


if __name__ == "__main__":
    sys.exit(main())
