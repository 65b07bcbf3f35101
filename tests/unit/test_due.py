"""What a person does next."""

import pytest

from coldferry.due import RunState, due
from coldferry.migration import ENDED, State

M = "web-01-azure-0123abcd-a1"


@pytest.mark.parametrize(
    ("state", "run", "objects", "command"),
    [
        (State.COPYING, RunState.ALIVE, 3, ""),
        (State.COPYING, RunState.SILENT, 3, f"coldferry resume {M}"),
        (State.COPYING, RunState.ENDED, 3, f"coldferry resume {M}"),
        (State.COPYING, RunState.NONE, 3, f"coldferry resume {M}"),
        (State.FAILED, RunState.ENDED, 0, f"coldferry resume {M}"),
        (State.ALLOCATED, RunState.ENDED, 5, f"coldferry cutover {M}"),
        (State.ROLLED_BACK, RunState.ENDED, 0, ""),
        (State.ROLLED_BACK, RunState.ENDED, 2, f"coldferry rollback {M}"),
        (State.FINALISED, RunState.ENDED, 2, f"coldferry finalise {M}"),
        (State.FINALISED, RunState.ENDED, 0, ""),
        ("unknown", RunState.NONE, 2, "coldferry audit"),
    ],
)
def test_the_next_action_follows_from_state_and_run(state, run, objects, command) -> None:
    assert due(M, state, run, objects, "i-1").command == command


@pytest.mark.parametrize(("kept", "verb"), [(2, "finalise"), (1, "rollback"), (0, "rollback")])
def test_copies_that_a_rollback_kept_go_by_finalising(kept, verb) -> None:
    found = due(M, State.ROLLED_BACK, RunState.ENDED, 2, "i-1", kept)

    assert found.command == f"coldferry {verb} {M}"


@pytest.mark.parametrize("state", State)
@pytest.mark.parametrize("run", RunState)
def test_every_standing_has_a_command_or_a_reason(state, run) -> None:
    found = due(M, state, run, 1, "i-1")

    assert found.why.endswith(".")
    if state in ENDED:
        assert "resume" not in found.command or run is RunState.SILENT
