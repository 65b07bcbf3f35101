"""What comes next in a wave, whatever its order, its window and its machines' luck."""

from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from coldferry.migration import Marks, State
from coldferry.waves.ordering import needed_by, needs
from coldferry.waves.progress import (
    AskAgain,
    Begin,
    CallOff,
    End,
    PutBack,
    RowState,
    Skip,
    Standing,
    again,
    next_steps,
    standing_of,
)
from coldferry.waves.standing import ACTIVE
from coldferry.waves.wave import Window
from tests.unit.wave_strategies import HOUR, T0, Carried, a_row, a_wave, waves

PLANNED, WAITING, RUNNING, HALTED, DONE, REFUSED, FAILED, SKIPPED, PUT_BACK = RowState
OPEN = Window()
NIGHT = Window(start=T0, latest_start=T0 + 3 * HOUR, abort_at=T0 + 6 * HOUR)
SHOP = (a_row("web", "app"), a_row("app", "db"), a_row("db"))


def states(**told):
    return {name: one if isinstance(one, Standing) else Standing(one) for name, one in told.items()}


def down(state):
    return Standing(state, halted=True)


def steps(wave, now=T0, **told):
    return next_steps(wave, states(**told), now)


@settings(max_examples=60)
@given(waves(), st.data())
def test_a_machine_is_halted_only_once_all_that_need_it_are_down_or_over(wave, data):
    after = needed_by(wave.after)

    def watch(carried, what, row):
        if what == "halt":
            assert not [name for name in after[row] if carried.states[name].pending]

    Carried(wave, data.draw).to_the_end(watch)


@settings(max_examples=60)
@given(waves(), st.data())
def test_sources_are_put_back_in_the_order_of_starting(wave, data):
    before = needs(wave.after)

    def watch(carried, what, row):
        if what == "return":
            left = [carried.states[name] for name in before[row]]
            assert not [one for one in left if one.down and not one.stuck]

    Carried(wave, data.draw).to_the_end(watch)


@settings(max_examples=60)
@given(waves(), st.data())
def test_it_always_ends_with_every_row_over_and_no_source_left_halted_past_the_window(wave, data):
    carried = Carried(wave, data.draw).to_the_end()

    assert all(one.over for one in carried.states.values())
    if wave.window.abort_at:
        assert not [one for one in carried.states.values() if one.down]
    complete = all(one.state is DONE for one in carried.states.values())
    assert carried.end.complete == complete


@settings(max_examples=60)
@given(waves(), st.data())
def test_nothing_is_halted_outside_the_window_and_never_too_many_at_once(wave, data):
    window = wave.window

    def watch(carried, what, row):
        del row
        active = sum(one.state in ACTIVE for one in carried.states.values())
        assert active <= wave.machines_at_once
        if what == "halt":
            assert window.start is None or carried.now >= window.start
            assert window.latest_start is None or carried.now < window.latest_start
            assert window.abort_at is None or carried.now < window.abort_at
        if what == "ask":
            assert active == 0

    Carried(wave, data.draw).to_the_end(watch)


@settings(max_examples=60)
@given(waves(window=st.just(OPEN)), st.data())
def test_a_failure_stops_its_group_and_what_starts_after_it_and_nothing_else(wave, data):
    carried = Carried(wave, data.draw).to_the_end()

    stopped = set(carried.faults)
    while True:  # the closure, worked out the slow way
        more = {
            row.name
            for row in wave.rows
            for other in map(wave.by_name.get, stopped)
            if other.name in row.after or (row.group and row.group == other.group)
        }
        if more <= stopped:
            break
        stopped |= more
    assert {n for n, one in carried.states.items() if one.state is not DONE} <= stopped


@settings(max_examples=60)
@given(waves(window=st.just(OPEN)), st.data())
def test_a_rerun_begins_only_what_did_not_arrive_and_completes_it(wave, data):
    first = Carried(wave, data.draw).to_the_end()
    left = {name for name, one in first.states.items() if one.state is not DONE}

    second = Carried(wave, data.draw, again(first.states), luck=False).to_the_end()

    assert sorted(second.begun) == sorted(left)
    assert second.end.complete
    assert all(second.states[name].tries > first.states[name].tries for name in left)


def test_what_needs_others_is_begun_first():
    wave = a_wave(*SHOP)

    assert steps(wave) == [Begin("web", 1)]
    assert steps(wave, web=RUNNING) == []
    assert steps(wave, web=HALTED) == [Begin("app", 1)]
    assert steps(wave, web=HALTED, app=HALTED) == [Begin("db", 1)]


def test_no_more_are_begun_than_may_move_at_once():
    wave = a_wave(*map(a_row, "abcde"), machines_at_once=2)

    assert steps(wave) == [Begin("a", 1), Begin("b", 1)]
    assert steps(wave, a=DONE, b=HALTED) == [Begin("c", 1)]


def test_nothing_is_begun_before_the_window_opens():
    wave = a_wave(a_row("a"), window=Window(start=T0 + HOUR))

    assert steps(wave, T0) == []
    assert steps(wave, T0 + HOUR) == [Begin("a", 1)]


def test_what_is_not_halted_by_the_latest_start_is_not_begun():
    wave = a_wave(*map(a_row, "abcd"), window=NIGHT)
    why = "too late: it was not halted by 2031-05-03 23:00+00:00"

    told = steps(wave, NIGHT.latest_start, a=HALTED, b=RUNNING, c=WAITING)

    assert told == [CallOff("b", why), Skip("c", why), Skip("d", why)]


def test_what_a_former_run_halted_is_begun_though_it_is_late():
    wave = a_wave(a_row("a"), window=NIGHT)

    assert steps(wave, NIGHT.latest_start, a=down(PLANNED)) == [Begin("a", 1)]


def test_at_the_window_s_end_what_is_halted_is_put_back_and_what_arrived_stays():
    wave = a_wave(*map(a_row, "abcd"), window=NIGHT)

    told = steps(wave, NIGHT.abort_at, a=HALTED, b=DONE, c=down(FAILED), d=PUT_BACK)

    why = "it had not arrived by 2031-05-04 02:00+00:00"
    assert told == [PutBack("a", why), PutBack("c", why)]


def test_a_source_that_cannot_be_started_again_does_not_hold_the_others_back():
    wave = a_wave(*SHOP, window=NIGHT)
    stuck = Standing(FAILED, halted=True, stuck=True, retry_at=NIGHT.abort_at + HOUR)

    told = steps(wave, NIGHT.abort_at, db=stuck, app=HALTED, web=HALTED)

    assert [step.row for step in told] == ["app"]


def test_a_source_that_cannot_be_started_is_tried_again_after_its_pause_and_keeps_the_wave():
    wave = a_wave(a_row("a"), window=NIGHT)
    later = NIGHT.abort_at + HOUR
    stuck = Standing(FAILED, halted=True, stuck=True, retry_at=later)

    assert steps(wave, NIGHT.abort_at, a=stuck) == []
    assert [type(step) for step in steps(wave, later, a=stuck)] == [PutBack]
    assert [type(step) for step in steps(wave, later, a=replace(stuck, retry_at=None))] == [PutBack]


def test_the_wave_stays_while_a_halted_source_is_still_to_be_put_back():
    kept = a_wave(a_row("a"), window=NIGHT)

    assert steps(kept, T0, a=down(FAILED)) == []
    assert steps(kept, T0, a=REFUSED) == [End(False, "0 of 1 machine arrived, 1 refused")]
    assert steps(a_wave(a_row("a")), T0, a=down(FAILED)) == [
        End(False, "0 of 1 machine arrived, 1 failed")
    ]


@pytest.mark.parametrize(
    ("state", "word"),
    [(REFUSED, "was refused"), (FAILED, "failed"), (PUT_BACK, "was put back")],
)
def test_who_is_skipped_is_told_because_of_whom(state, word):
    wave = a_wave(a_row("db"), a_row("app", "db"), a_row("twin", group="g"), a_row("b", group="g"))

    told = steps(wave, db=state, b=state)

    assert told[:2] == [
        Skip("app", f"db {word}, and it starts after it"),
        Skip("twin", f"b {word}, and it is in the same group, g"),
    ]


def test_the_cause_is_what_failed_and_not_what_was_skipped_for_it():
    wave = a_wave(a_row("b", "a"), a_row("a"), a_row("c", "b"))

    (told, *_) = steps(wave, b=SKIPPED, a=REFUSED)

    assert told == Skip("c", "a was refused, and it starts after it")


def test_a_failure_calls_off_who_is_not_halted_yet_and_leaves_who_is():
    wave = a_wave(*(a_row(name, group="g") for name in "abc"))

    told = steps(wave, a=down(FAILED), b=RUNNING, c=HALTED)

    assert told == [CallOff("b", "a failed, and it is in the same group, g")]


def test_what_was_met_is_asked_once_the_others_are_done():
    wave = a_wave(*map(a_row, "abc"), window=NIGHT)

    assert steps(wave, a=WAITING, b=HALTED, c=DONE) == []
    assert steps(wave, a=WAITING, b=WAITING, c=DONE) == [
        AskAgain(("a", "b"), until=NIGHT.latest_start)
    ]


def test_a_machine_that_waits_for_answers_keeps_what_it_needs_running():
    wave = a_wave(*SHOP)

    assert steps(wave, web=WAITING) == [AskAgain(("web",), until=None)]


def test_the_same_moment_in_another_zone_is_the_same_moment():
    wave = a_wave(a_row("a"), window=Window(start="2031-05-03T22:00+02:00"))

    assert steps(wave, T0) == [Begin("a", 1)]
    assert steps(wave, T0 - timedelta(seconds=1)) == []


PAIR = "0a1b2c3d"
MINE = f"web-there-{PAIR}-a2"


@pytest.mark.parametrize(
    ("marks", "expected"),
    [
        (None, Standing()),
        (Marks("web-there-ffffffff-a1", State.ALLOCATED), Standing()),
        (Marks(MINE, State.ALLOCATED, "running"), Standing(DONE, migration=MINE)),
        (Marks(MINE, State.CUT_OVER, "running"), Standing(DONE, migration=MINE)),
        (Marks(MINE, State.FINALISED), Standing(DONE, migration=MINE)),
        (Marks(MINE, State.FAILED, "running"), Standing(halted=True, migration=MINE)),
        (Marks(MINE, State.COPYING, "stopped"), Standing(halted=True, migration=MINE)),
        (Marks(MINE, State.FAILED), Standing(migration=MINE)),
        (Marks(MINE, State.ROLLED_BACK), Standing(migration=MINE)),
    ],
)
def test_where_a_row_stands_follows_from_its_source_s_tags(marks, expected):
    assert standing_of(marks, PAIR) == expected


def test_a_rerun_keeps_arrivals_and_runs_under_way():
    told = states(
        a=Standing(DONE, migration="m"),
        b=Standing(HALTED, tries=1),
        c=Standing(FAILED, "why", True),
    )

    assert again(told) == told | {"c": Standing(halted=True)}


def test_a_stop_that_was_ordered_and_never_written_down_is_told():
    migration = "web-01-azure-0123abcd-a1"
    marks = Marks(migration, State.APPROVED, "running")

    standing = standing_of(marks, "0123abcd")

    assert (standing.halted, standing.stopping) == (False, True)
    assert not standing_of(replace(marks, state=State.HALTED), "0123abcd").stopping
    assert not standing_of(replace(marks, power_before=None), "0123abcd").stopping
