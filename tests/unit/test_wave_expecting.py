"""When a row of a wave that is under way is expected: by its estimate, and as its copy goes."""

from datetime import timedelta

import pytest

from coldferry.waves.expecting import Copied, Seen, expect, steady
from coldferry.waves.progress import RowState, Standing
from coldferry.waves.wave import Window
from tests.unit.wave_estimates import an_estimate
from tests.unit.wave_strategies import HOUR, T0, a_row, a_wave

PLANNED, WAITING, RUNNING, HALTED, DONE, REFUSED, FAILED, SKIPPED, PUT_BACK = RowState
ALONE = a_wave(a_row("a"))
ESTIMATE = {"a": an_estimate(100, sent=0)}


def after(seconds):
    return T0 + timedelta(seconds=seconds)


def expected(state, seen=None, now=T0, wave=ALONE, estimates=ESTIMATE, **more):
    states = {"a": Standing(state, **more)}
    told = expect(wave, estimates, states, {"a": seen} if seen else {}, now)
    ends = told["a"].ends_at
    return None if ends is None else (ends - now).total_seconds()


def test_a_row_that_is_not_begun_takes_its_whole_estimate():
    assert expected(PLANNED) == 10 + 5 + 100 + 20


def test_a_row_under_way_takes_what_is_left_of_its_estimate():
    begun = Seen(since=T0)

    assert expected(RUNNING, begun, after(4)) == 6 + 5 + 100 + 20
    assert expected(RUNNING, begun, after(500)) == 100 + 20  # it should be halted by now
    assert expected(HALTED, begun, after(0)) == 100 + 20


@pytest.mark.parametrize(
    ("first", "last", "now", "left"),
    [
        (Copied(T0, 0.5), Copied(T0, 0.5), 0, 50 + 20),  # half of the estimate is left
        (Copied(T0, 0.1), Copied(after(10), 0.2), 10, 80 + 20),  # a tenth in ten seconds
        (Copied(T0, 0.1), Copied(after(10), 0.2), 30, 60 + 20),  # and heard of 20 s ago
        (Copied(T0, 0.1), Copied(after(10), 1.0), 15, 15),  # all copied: what comes after
    ],
)
def test_a_copy_goes_on_as_fast_as_it_was_seen_to_go(first, last, now, left):
    seen = Seen(T0, first, last)

    assert expected(HALTED, seen, after(now)) == pytest.approx(left)


def test_what_is_over_or_waits_for_a_person_is_not_expected():
    for state in (DONE, REFUSED, FAILED, SKIPPED, PUT_BACK, WAITING):
        assert expected(state) is None


def test_what_is_halted_only_after_a_row_that_waits_is_not_expected():
    wave = a_wave(a_row("web", "db"), a_row("db"), a_row("other"))
    states = {"web": Standing(WAITING), "db": Standing(), "other": Standing()}
    told = expect(wave, dict.fromkeys(states, an_estimate()), states, {}, T0)

    assert [told[name].ends_at is None for name in states] == [True, True, False]


def test_without_an_estimate_nothing_is_expected():
    assert expected(PLANNED, estimates={}) is None


def test_an_estimate_with_unknown_parts_is_said_to_be_the_least():
    states = {"a": Standing()}
    told = expect(ALONE, {"a": an_estimate(halt_s=None)}, states, {}, T0)

    assert told["a"].at_least


def test_rows_that_have_no_place_yet_come_later():
    wave = a_wave(*map(a_row, "ab"), machines_at_once=1)
    states = {"a": Standing(HALTED), "b": Standing()}
    told = expect(wave, dict.fromkeys(states, ESTIMATE["a"]), states, {}, T0)

    assert told["b"].ends_at == after(120 + 135)


def test_what_is_under_way_does_not_wait_for_the_window_to_open():
    wave = a_wave(*map(a_row, "ab"), window=Window(start=T0 + HOUR))
    states = {"a": Standing(HALTED), "b": Standing()}
    told = expect(wave, dict.fromkeys(states, ESTIMATE["a"]), states, {}, T0)

    assert (told["a"].ends_at, told["b"].ends_at) == (after(120), after(3600 + 135))


def test_an_expectation_that_hardly_moves_stays_as_it_was():
    before = {"a": Standing(HALTED, ends_at=T0)}
    near = {"a": Standing(HALTED, ends_at=after(30))}
    far = {"a": Standing(HALTED, ends_at=after(90))}

    assert steady(before, near)["a"].ends_at == T0
    assert steady(before, far)["a"].ends_at == after(90)
