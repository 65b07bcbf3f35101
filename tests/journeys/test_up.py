"""``coldferry up`` ends with everything that it started, whenever it is told to."""

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


def test_ctrl_c_leaves_no_process_not_even_a_flow_that_runs(up):
    up.up()
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
