"""``coldferry up`` ends with everything that it started, whenever it is told to."""

import json
import os
import signal

import pytest

from tests.journeys.serving import Served

pytestmark = pytest.mark.slow


@pytest.fixture
def up(tmp_path):
    """A ``coldferry up`` of its own."""
    running = Served(tmp_path)
    try:
        yield running
    finally:
        running.down()


def test_a_second_one_harms_nothing_and_ctrl_c_leaves_no_process_not_even_a_flow_that_runs(up):
    up.up()
    before = up.processes()

    second = up.again()

    assert second.returncode == 4
    assert "runs already" in second.stderr
    assert set(before) <= set(up.processes())
    assert up.api("GET", "/health") is True

    run = up.submit(up.sandbox.state["machines"][0])
    up.wait(run, "Running")
    assert len(up.processes()) >= 5

    assert up.down(signal.SIGINT) == 0
    assert up.left == []


def test_it_can_be_ended_while_it_starts(up):
    up.start()
    up.wait_for("Starting")

    assert up.down(signal.SIGTERM) == 0
    assert up.left == []


@pytest.mark.parametrize(
    ("part", "words"), [("sandbox", "clouds ended"), ("prefect", "Prefect server ended")]
)
def test_when_a_part_of_it_dies_it_ends_with_a_sentence(up, part, words):
    up.up()
    record = {"sandbox": "sandbox/state.json", "prefect": "prefect/server.json"}[part]
    pid = json.loads((up.home / record).read_text())["pid"]

    os.kill(pid, signal.SIGKILL)
    up.wait_for(words)

    assert up.end() == 4
    assert up.left == []
