"""Who started a sandbox ends it; who found it running leaves it."""

import json
import os
import signal
import subprocess

import pytest

from tests.journeys.sandbox import COLDFERRY
from tests.journeys.serving import Served

pytestmark = pytest.mark.slow(takes_s=100)

_PATIENCE_S = 400


class Attached:
    """``coldferry sandbox up --json`` that stays in its terminal."""

    def __init__(self, environment: dict[str, str]) -> None:
        self._process = subprocess.Popen(
            [str(COLDFERRY), "sandbox", "up", "--json"],
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )

    def state(self) -> dict[str, object]:
        """The document that it prints once all answers."""
        stdout = self._process.stdout
        assert stdout is not None
        lines: list[bytes] = []
        while not lines or lines[-1] != b"}\n":
            lines.append(stdout.readline())
            assert lines[-1], "it ended before it said anything"
        found: dict[str, object] = json.loads(b"".join(lines))
        return found

    def ctrl_c(self) -> int:
        """Its exit code."""
        self._process.send_signal(signal.SIGINT)
        return self._process.wait(_PATIENCE_S)


@pytest.fixture
def home(tmp_path):
    """A home of its own, with nothing left in the end."""
    here = Served(tmp_path)
    try:
        yield here
    finally:
        for pid in here.processes():
            os.kill(pid, signal.SIGKILL)


def environment(home):
    foreign = ("AWS_", "AZURE_", "PREFECT_")
    inherited = {k: v for k, v in os.environ.items() if not k.startswith(foreign)}
    return inherited | {"COLDFERRY_HOME": str(home.home)}


def test_the_second_who_looks_at_a_sandbox_leaves_it_to_the_first(home):
    first = Attached(environment(home))
    state = first.state()
    running = set(home.processes())
    second = Attached(environment(home))

    assert second.state() == state
    assert second.ctrl_c() == 0
    assert set(home.processes()) == running

    assert first.ctrl_c() == 0
    assert home.processes() == []


def test_a_sandbox_that_took_the_place_of_one_s_own_is_left_alone(home):
    first = Attached(environment(home))
    before = first.state()
    home.sandbox.cli("sandbox", "down")
    home.sandbox.up()
    assert home.sandbox.state != before

    assert first.ctrl_c() == 0
    assert home.sandbox.cli("sandbox", "down").document == {"was_up": True}


def test_what_ran_before_up_runs_after_it(home):
    home.sandbox.up()
    running = set(home.processes())
    home.up()

    assert home.down(signal.SIGINT) == 0
    assert set(home.left) == running
