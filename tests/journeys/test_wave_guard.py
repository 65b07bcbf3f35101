"""A wave guards its halted sources, whatever else does not answer."""

import re

import pytest

from coldferry.errors import Denied, Transient, Unreachable, WillNotStop
from coldferry.home import alone
from coldferry.migration import Marks, State
from coldferry.ports import PowerState
from coldferry.waves.progress import RowState
from coldferry.waves.wave import Window
from tasks.waves.children import Ending
from tests.conformance.worlds import add_machine
from tests.journeys.absent_children import NEW, ROW, VM, Night
from tests.unit.wave_strategies import HOUR, T0, a_row, a_wave


@pytest.fixture
def night():
    """A wave of one machine, whose window ends at its third hour."""
    return Night()


def test_a_window_is_held_while_prefect_s_api_is_away(night):
    night.at[1] = lambda: setattr(night.children, "away", True)

    ended = night.drive()

    assert ended.state is RowState.PUT_BACK
    assert night.source.power(VM) is PowerState.RUNNING
    assert night.source.marks(VM).power_before is None


def test_a_machine_that_could_not_be_begun_is_begun_once_the_api_answers(night):
    night.children.away = True
    night.at[1] = lambda: setattr(night.children, "away", False)
    night.at[3] = lambda: night.children.end(Ending.ARRIVED)

    assert night.drive().state is RowState.DONE


def test_a_source_whose_cloud_refuses_to_start_it_is_tried_again_until_it_starts(night):
    busy = [Transient("There is no capacity now.") for _ in range(2)]
    night.source.refusals = [*busy, Denied("You may not start it.")]

    ended = night.drive()

    assert ended.state is RowState.PUT_BACK
    assert not ended.stuck
    assert night.source.power(VM) is PowerState.RUNNING
    stuck = [one for one in night.shown if one.stuck]
    assert [one.state for one in stuck] == [RowState.FAILED] * 3
    assert "no capacity now" in stuck[0].why
    assert "may not start it. Tried again at" in stuck[2].why


def test_the_pause_between_two_tries_grows_and_has_a_bound(night):
    night.source.refusals = [Transient("There is no capacity now.") for _ in range(8)]
    told = []
    night.show = lambda states: _noted(told, states["web"].retry_at, night)

    night.drive()

    assert told == [30, 60, 120, 240, 480, 600, 600, 600]


async def _noted(told, at, night):
    if at is not None:
        told.append((at - night.now).total_seconds())


def test_a_source_is_not_started_under_a_run_that_is_alive_on_this_machine(night):
    night.children.deaf = True
    held = alone(night.migration)
    held.__enter__()
    night.at[7] = lambda: (night.at.clear(), held.__exit__(None, None, None))

    ended = night.drive()

    assert ended.state is RowState.PUT_BACK
    tried = [one for one in night.shown if one.stuck]
    assert tried
    assert "Another run on this machine is carrying out" in tried[0].why
    assert night.source.world.machines[VM].starts == 1


def test_a_run_that_never_ends_does_not_keep_its_source_halted_for_ever(night):
    night.children.deaf = True
    with alone(night.migration):
        ended = night.drive()

    assert ended.state is RowState.PUT_BACK
    assert night.source.power(VM) is PowerState.RUNNING
    assert sum(one.stuck for one in night.shown) == 5


def test_a_run_that_was_resumed_by_hand_is_ended_before_its_source_is_started(night):
    night.at[1] = lambda: night.children.end(Ending.FAILED)
    night.at[3] = lambda: night.children.end(None)  # at the very end of the window

    ended = night.drive()

    assert ended.state is RowState.PUT_BACK
    assert night.children.cancelled == ["run-1"]


def test_a_run_that_was_resumed_by_hand_and_arrives_is_an_arrival(night):
    night.at[1] = lambda: night.children.end(Ending.FAILED)
    night.at[2] = lambda: night.children.end(Ending.ARRIVED)

    ended = night.drive()

    assert ended.state is RowState.DONE
    assert night.source.power(VM) is PowerState.STOPPED


def half_made(night):
    """Its run was ended after the new machine booted, and before it was stopped."""
    add_machine(night.target, NEW, 1)
    night.target.world.machines[NEW].migration = night.migration


def test_a_new_machine_that_was_left_running_is_stopped_before_its_source_is_started(night):
    night.at[1] = lambda: half_made(night)
    night.source.as_it_starts = lambda: powers.append(night.target.power(NEW))
    powers = []

    assert night.drive().state is RowState.PUT_BACK
    assert powers == [PowerState.STOPPED]
    assert night.source.power(VM) is PowerState.RUNNING


@pytest.mark.parametrize(
    ("method", "error", "told"),
    [
        ("stop", WillNotStop("It refuses."), f"{NEW} runs at the target and could not be stopped"),
        ("arrived", Unreachable("No answer."), "whether its new machine runs .* is not known"),
    ],
)
def test_a_source_stays_halted_and_is_named_while_its_new_machine_may_run(
    night, method, error, told
):
    night.at[1] = lambda: half_made(night)
    night.target.refusals[method] = [error, error]
    seen = []
    night.show = lambda states: _seen(seen, night, states["web"])

    ended = night.drive()

    stuck = [(one.why, power) for one, power in seen if one.stuck]
    assert len(stuck) == 2
    assert all(re.search(told, why) for why, _ in stuck)
    assert {power for _, power in stuck} == {PowerState.STOPPED}
    assert ended.state is RowState.PUT_BACK
    assert night.source.power(VM) is PowerState.RUNNING
    assert night.target.power(NEW) is PowerState.STOPPED


async def _seen(seen, night, one):
    seen.append((one, night.source.power(VM)))


@pytest.mark.parametrize("ending", [Ending.FAILED, Ending.CRASHED, Ending.CANCELLED])
def test_a_machine_that_arrived_is_done_whatever_became_of_its_run_after_that(night, ending):
    def arrive():
        night.source.mark(VM, Marks(night.migration, State.ALLOCATED, "running"))
        night.children.end(ending)

    night.at[1] = arrive

    ended = night.drive()

    assert (ended.state, ended.why, ended.tries) == (RowState.DONE, "", 1)
    assert night.source.power(VM) is PowerState.STOPPED


def test_a_source_that_an_abort_started_after_its_run_ended_is_not_waited_for(night):
    night.wave = a_wave(a_row(ROW), window=Window(abort_at=T0 + 9 * HOUR))
    night.at[1] = lambda: night.children.end(Ending.CANCELLED)

    def start_again():
        night.source.start(VM)
        night.source.mark(VM, Marks(night.migration, State.ROLLED_BACK))

    night.at[3] = start_again

    ended = night.drive()

    assert [one.down for one in night.shown[-3:]] == [True, True, False]
    assert (ended.state, ended.down, ended.why) == (RowState.FAILED, False, "its run was cancelled")
    assert night.hour < 9
    assert night.source.world.machines[VM].starts == 1


def test_a_machine_that_is_found_arrived_after_its_run_failed_is_an_arrival(night):
    night.at[1] = lambda: night.children.end(Ending.FAILED)
    night.at[2] = lambda: night.source.mark(VM, Marks(night.migration, State.ALLOCATED, "running"))

    assert night.drive().state is RowState.DONE


@pytest.fixture
def late(night):
    """Its row is called off at the first hour, and its run halts its source all the same.

    The run holds the migration until it ends at the fourth hour. The window has no end.
    """
    night.wave = a_wave(a_row(ROW), window=Window(latest_start=T0 + HOUR))
    night.children.deaf, night.children.halts = True, False
    held = alone(night.migration)
    night.at[1] = held.__enter__
    night.at[2] = night.children.halt
    night.at[4] = lambda: (held.__exit__(None, None, None), night.children.end(Ending.CANCELLED))
    return night


def test_a_row_that_was_called_off_and_halted_all_the_same_is_put_back_whatever_the_window(late):
    ended = late.drive()

    assert RowState.HALTED in [one.state for one in late.shown]
    assert (ended.state, ended.down) == (RowState.SKIPPED, False)
    assert "too late" in ended.why
    assert late.children.cancelled
    assert late.source.power(VM) is PowerState.RUNNING
    assert late.source.marks(VM).power_before is None


def test_a_called_off_source_that_does_not_start_is_tried_again_before_the_wave_ends(late):
    late.source.refusals = [Transient("There is no capacity now.")] * 3

    ended = late.drive()

    assert ended.state is RowState.SKIPPED
    assert late.source.power(VM) is PowerState.RUNNING
    assert "no capacity now" in late.shown[-2].why
    assert "Tried again at" in late.shown[-2].why


def test_a_called_off_source_that_never_starts_is_told_as_halted_and_ends_the_wave(late):
    late.source.refusals = [Denied("You may not start it.")] * 99

    ended = late.drive()

    assert (ended.state, ended.down) == (RowState.FAILED, True)
    assert "it could not be started again: You may not start it." in ended.why
    assert "Tried again at" not in ended.why
    assert len(late.source.refusals) == 93


def test_a_run_that_was_called_off_and_arrives_all_the_same_is_an_arrival(late):
    late.at[3] = lambda: late.children.end(Ending.ARRIVED)

    assert late.drive().state is RowState.DONE
    assert late.source.power(VM) is PowerState.STOPPED


def test_a_wave_does_not_end_before_a_run_in_its_process_that_was_called_off(late):
    late.children.end_with_us = True
    late.at[1] = lambda: None  # its run holds nothing yet: it is put back before it is halted
    late.at[4] = lambda: late.children.end(Ending.CANCELLED)

    ended = late.drive()

    assert [one.state for one in late.shown[1:4]] == [
        RowState.SKIPPED, RowState.SKIPPED, RowState.HALTED,
    ]  # fmt: skip
    assert ended.state is RowState.SKIPPED
    assert late.source.power(VM) is PowerState.RUNNING
