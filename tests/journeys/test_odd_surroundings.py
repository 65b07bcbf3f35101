"""The command line where its surroundings are not as usual."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.journeys.sandbox import COLDFERRY

pytestmark = pytest.mark.slow


def environment(home, **more):
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("PREFECT_", "COLDFERRY_"))}
    return kept | {"COLDFERRY_HOME": str(home), **more}


@pytest.fixture
def ended(tmp_path):
    """A home whose Prefect server is ended, whatever happens."""
    yield tmp_path
    for home in (tmp_path, tmp_path / "relative"):
        if (home / "prefect" / "server.json").exists():
            words = [COLDFERRY, "sandbox", "down"]
            subprocess.run(words, env=environment(home), capture_output=True, check=False)


# 0.05 s is before the first import of ours; no program can say anything by then.
@pytest.mark.parametrize("after_s", [0.15, 0.4, 0.8])
def test_ctrl_c_while_it_is_being_loaded_is_a_sentence(tmp_path, after_s):
    running = subprocess.Popen(
        [sys.executable, "-c", MAIN, "describe", "coldferry-cloud/x", "i-1", "--json"],
        env=environment(tmp_path),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert running.stdout is not None and running.stdout.readline() == "loading\n"
    time.sleep(after_s)
    running.send_signal(signal.SIGINT)
    out, aside = running.communicate(timeout=120)

    assert running.returncode in (2, 6), aside
    assert json.loads(out)["error"]["code"] in ("cancelled", "unknown-block")
    assert "Traceback" not in aside
    words = [COLDFERRY, "sandbox", "down"]
    subprocess.run(words, env=environment(tmp_path), capture_output=True, check=False)


MAIN = """
import sys
print("loading", flush=True)
sys.argv[0] = "coldferry"
from console.main import main
main()
"""


def test_what_cannot_be_printed_is_a_sentence(ended):
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(
            [COLDFERRY, "book", "list", "--json"],
            env=environment(ended),
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
        )

    assert done.returncode == 5
    assert "No space left on device" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_relative_home_is_one_in_the_folder_that_the_command_is_given_in(ended):
    done = subprocess.run(
        [COLDFERRY, "book", "list", "--json"],
        env=environment("relative"),
        cwd=ended,
        capture_output=True,
        text=True,
        check=False,
    )

    assert json.loads(done.stdout) == {"rules": []}
    assert (ended / "relative" / "prefect" / "server.json").exists()
