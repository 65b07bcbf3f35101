"""Every gate that is a count, held by the rig with the real command line: no peer, no clock.

Bytes sent, blocks sent, requests, peak memory, what a killed copy sends again.
"""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks.__main__ import TRIALS
from benchmarks.stage import Stage
from tests.unit.compiled_fakes import need_fakes

pytestmark = pytest.mark.slow(takes_s=100)

ROOT = Path(__file__).parents[2]
SCALE = 1 / 8
# A disk that is killed at its half holds more than twice the window; sixteen fill it at full size.
SCALES = {"killed": 0.25, "many": 1.0}


def counted():
    """``(trial, row)`` of all rows that are no matter of time."""
    for trial in TRIALS:
        for measure in trial.measures(Stage(Path())):
            if measure.counted:
                yield trial.name, measure.what


@pytest.fixture(scope="module")
def rows(tmp_path_factory):
    folder = tmp_path_factory.mktemp("bench")
    need_fakes(folder / "programs")
    found = {}
    names = {name for name, _ in counted()}
    for scale in sorted({SCALE, *SCALES.values()}):
        chosen = sorted(name for name in names if SCALES.get(name, SCALE) == scale)
        only = [word for name in chosen for word in ("--only", name)]
        words = ["--counts", "--json", "--pairs", "1", "--scale", str(scale), *only]
        done = subprocess.run(
            [sys.executable, "-m", "benchmarks", "--folder", folder / "bench", *words],
            cwd=ROOT,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.stdout, done.stderr
        found |= {row["measure"]: row for row in json.loads(done.stdout)["rows"]}
    return found


@pytest.mark.parametrize(("trial", "what"), list(counted()))
def test_a_count_is_what_it_must_be(rows, trial, what):
    row = rows[what]

    assert row["trial"] == trial
    assert not row["missed"], row
