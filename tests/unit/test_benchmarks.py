"""The rig as it is called: tables, exit codes, peers that are not there, copies that are wrong."""

import json
import subprocess
import sys
import time
from contextlib import nullcontext
from pathlib import Path

import pytest

from benchmarks.__main__ import TRIALS
from benchmarks.errors import Misfit, Missing
from benchmarks.running import Run, run
from benchmarks.stage import Stage
from benchmarks.table import Measure, Sample
from benchmarks.trials import Sides, Trial, carry_out
from benchmarks.trials_engine import imported
from tests.unit.compiled_fakes import need_fakes

ROOT = Path(__file__).parents[2]
SCALE = "0.004"


@pytest.fixture
def copier(tmp_path):
    """The fake copier as a program."""
    program = tmp_path / "coldferry"
    fake = Path(__file__).with_name("fake_copier.py")
    program.write_text(f"#!{sys.executable}\n{fake.read_text()}")
    program.chmod(0o755)
    return program


def bench(*words, **environment):
    return subprocess.run(
        [sys.executable, "-m", "benchmarks", *map(str, words)],
        cwd=ROOT,
        env={"PATH": "/usr/bin:/bin", **environment},
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )


def small(tmp_path, copier, *words, **environment):
    options = ("--folder", tmp_path / "bench", "--scale", SCALE, "--pairs", "1")
    return bench(*options, "--coldferry", copier, *words, **environment)


def needs_fakes(tmp_path):
    need_fakes(tmp_path / "bench" / "bin")
    (tmp_path / "bench" / "coldferry-benchmarks").touch()


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--only", "nothing"], "there is no trial named nothing; these are: w2, w1"),
        (["--pairs", "0"], "--pairs is a number from 1."),
        (["--pairs", "many"], "invalid int value: 'many'"),
        (["--scale", "2"], "--scale is above 0 and at most 1."),
        (["--scale", "nan"], "--scale is above 0 and at most 1."),
        (["--folder", "/etc/passwd"], "--folder: /etc/passwd is no folder."),
        (["--folder", str(ROOT)], "holds other things; name one that is new or empty."),
        (["--coldferry", "/nowhere"], "--coldferry: /nowhere is no program"),
        (["--faster"], "unrecognized arguments: --faster"),
    ],
)
def test_bad_words_get_a_sentence_and_exit_code_2(words, said):
    done = bench(*words)

    assert done.returncode == 2
    assert said in done.stderr
    assert not done.stdout


def test_the_trials_are_listed_and_have_names_of_their_own():
    done = bench("--list")

    assert done.returncode == 0
    assert [line.split()[0] for line in done.stdout.splitlines()] == [
        trial.name for trial in TRIALS
    ]
    assert len({trial.name for trial in TRIALS}) == len(TRIALS)


def test_every_row_has_a_name_of_its_own():
    stage = Stage(Path())

    names = [measure.what for trial in TRIALS for measure in trial.measures(stage)]

    assert len(set(names)) == len(names)


def test_what_is_no_matter_of_time_is_measured_alone_and_is_met(tmp_path, copier):
    done = small(tmp_path, copier, "--only", "vhd", "--only", "file", "--counts", "--json")

    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    rows = {row["measure"]: row for row in told["rows"]}
    assert rows["w2 file to file: bytes sent over data"]["values"] == [1.0]
    assert not rows["w2 file to file: bytes sent over data"]["missed"]
    assert not any("wall" in name for name in rows)
    assert told["runs"]["file"]["ours"][0].keys() >= {"wall_s", "cpu_s", "sent_bytes"}
    assert {"date", "machine", "load_before", "load_after", "versions"} <= told.keys()
    assert sorted(path.name for path in (tmp_path / "bench").iterdir()) == [
        "coldferry-benchmarks",
        "stderr",
        "stdout",
    ]


def test_a_peer_that_is_not_installed_fails_its_rows_and_not_the_others(tmp_path, copier):
    needs_fakes(tmp_path)

    done = small(tmp_path, copier, "--only", "w1")

    assert done.returncode == 1
    assert "wall against azcopy | <= 0.50 | none | MISSED: azcopy is not installed." in done.stdout
    assert "Run with --install." in done.stdout
    assert "w1: peak memory | <= 160 MiB |" in done.stdout
    assert "2 of 4 rows missed." in done.stdout or "3 of 4 rows missed." in done.stdout
    assert "| a dense disk to a page blob, beside azcopy | " in done.stdout
    assert " MiB | none |" in done.stdout


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ("fails", "'coldferry copy' ended with 1: The disk is on fire."),
        ("lies", "'coldferry copy' says that it sent"),
        ("loses", "bytes arrived."),
        ("silent", "'coldferry copy --json' printed no JSON object."),
    ],
)
def test_a_copy_that_is_wrong_is_no_measurement(tmp_path, copier, wrong, said):
    needs_fakes(tmp_path)

    done = small(tmp_path, copier, "--only", "w2", "--counts", FAKE_COPIER=wrong)

    assert done.returncode == 1
    assert f"MISSED: {said}" in done.stdout or said in done.stdout


def test_a_file_copy_that_loses_data_is_no_measurement(tmp_path, copier):
    done = small(tmp_path, copier, "--only", "file", "--counts", FAKE_COPIER="loses")

    assert "MISSED: The copy differs from its source near byte" in done.stdout


def test_sides_run_in_turn_and_one_that_fails_later_fails_its_rows(tmp_path):
    stage, order = Stage(tmp_path), []

    def side(name, fails_at):
        def step():
            order.append(name)
            if len(order) == fails_at:
                raise Misfit("It broke.", "Mend it.")
            return Sample(Run(1, 1, 1, 0, "", ""))

        return step

    sides = Sides(side("ours", 0), side("theirs", 4))
    both = Measure("both", lambda _a, _b: 1.0, 1.0)
    alone = Measure("alone", lambda _a, _b: 1.0, 1.0, paired=False)
    trial = Trial("t", "t", lambda _: [both, alone], lambda _: nullcontext(sides))

    found = carry_out(trial, stage, 3).rows

    assert order == ["ours", "theirs", "ours", "theirs", "ours"]
    assert [row.verdict for row in found] == ["MISSED: It broke. Mend it.", "met"]


def test_cpu_and_memory_count_children_and_nobody_s_account_goes_along(tmp_path, monkeypatch):
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    work = (
        "import os, subprocess, sys; print(os.environ.get('AWS_SECRET_ACCESS_KEY'));"
        "code = 'x = bytearray(400 << 20)\\nwhile __import__(\"time\").process_time() < .3: pass';"
        "subprocess.run([sys.executable, '-c', code])"
    )

    done = run([sys.executable, "-c", work], {}, tmp_path)

    assert done.out == "None\n"
    assert done.cpu_s >= 0.3
    assert done.peak_bytes >= 400 << 20
    assert done.wall_s >= 0.3


def test_a_python_keeps_what_it_compiled_whatever_the_shell_says(tmp_path, monkeypatch):
    monkeypatch.setenv("PYTHONDONTWRITEBYTECODE", "1")
    done = run([sys.executable, "-c", "import sys; print(sys.dont_write_bytecode)"], {}, tmp_path)
    assert done.out == "False\n"


def test_a_command_that_cannot_be_started_says_so(tmp_path):
    with pytest.raises(Missing, match="/nowhere/azcopy cannot be started"):
        run(["/nowhere/azcopy"], {}, tmp_path)


def test_the_rig_itself_stays_small():
    """The kernel counts what a command's parent peaked at as the command's own peak.

    The shell in between forks: what this process peaked at goes no further.
    """
    code = (
        "import benchmarks.__main__, resource;"
        "print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)"
    )
    words = ["/bin/sh", "-c", '"$0" -c "$1"; true', sys.executable, code]
    done = subprocess.run(words, cwd=ROOT, capture_output=True, text=True, check=True)

    assert int(done.stdout) < 64 * 1024


def test_a_second_benchmark_in_the_same_folder_waits_for_nobody(tmp_path, copier):
    first = subprocess.Popen(
        [sys.executable, "-m", "benchmarks", "--folder", tmp_path / "bench", "--only", "file",
         "--scale", SCALE, "--pairs", "1000", "--coldferry", copier],
        cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    try:
        assert first.stderr.readline().startswith("file:")
        second = small(tmp_path, copier, "--only", "file")
        assert second.returncode == 1
        assert "Another benchmark runs in" in second.stderr
    finally:
        first.terminate()
        assert first.wait(30) == 143
        first.stderr.close()
    time.sleep(0.1)
    assert not (tmp_path / "bench" / "data").exists()


def test_modules_are_read_off_an_import_trace():
    trace = (
        "import time: self [us] | cumulative | imported package\n"
        "import time:       100 |        100 |   azure.storage.blob\n"
        "import time:       100 |        300 | console.main\n"
        "Something else | 1 | os\n"
    )

    assert imported(trace) == {"azure.storage.blob", "console.main"}


def test_the_peers_lock_file_pins_one_azcopy():
    lock = json.loads((ROOT / "benchmarks" / "npm" / "package-lock.json").read_text())

    package = lock["packages"]["node_modules/@azure-tools/azcopy-linux"]
    assert package["version"].startswith("10.32.")
    assert package["integrity"].startswith("sha512-")
