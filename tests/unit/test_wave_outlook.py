"""Does a wave fit its window, which rows do not, and what holds it up."""

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from coldferry.rations import Ration, weigh
from coldferry.waves.outlook import look_ahead
from coldferry.waves.wave import Window
from tests.unit.wave_estimates import an_estimate
from tests.unit.wave_strategies import T0, a_row, a_wave

WHOLE_S = 10 + 5 + 60 + 20
"""Of a machine as :func:`an_estimate` has it."""


def of(wave, **estimates):
    return {row.name: estimates.get(row.name, an_estimate()) for row in wave.rows}


def ending(seconds, **more):
    return Window(abort_at=T0 + timedelta(seconds=seconds), **more)


def test_a_wave_fits_that_arrives_in_time():
    wave = a_wave(*map(a_row, "ab"), window=ending(WHOLE_S))
    found = look_ahead(wave, of(wave), T0)

    assert (found.fits, found.late) == (True, [])
    assert found.ends_at == T0 + timedelta(seconds=WHOLE_S)
    assert "It fits." in found.sentences()


def test_the_rows_that_come_too_late_are_named_and_by_how_much():
    wave = a_wave(*map(a_row, "ab"), machines_at_once=1, window=ending(WHOLE_S + 35))
    found = look_ahead(wave, of(wave), T0)

    assert (found.fits, found.late) == (False, ["b"])
    assert found.rows["b"].late == "arrives 1 min after abort_at"
    assert "IT DOES NOT FIT: 1 machine too late." in found.sentences()


def test_a_row_that_is_not_halted_by_latest_start_is_too_late():
    latest = Window(latest_start=T0 + timedelta(seconds=60))
    wave = a_wave(*map(a_row, "ab"), machines_at_once=1, window=latest)

    assert look_ahead(wave, of(wave), T0).late == ["b"]
    # One that is halted already is not begun too late, however late it is.
    assert look_ahead(wave, of(wave), T0, halted={"b"}).late == []


def test_a_wave_is_foreseen_from_its_start_on():
    start = T0 + timedelta(hours=1)
    wave = a_wave(a_row("a"), window=Window(start=start))

    assert look_ahead(wave, of(wave), T0).rows["a"].begins_at == start
    assert look_ahead(wave, of(wave), start + timedelta(hours=1)).rows["a"].begins_at > start


def test_what_is_not_known_makes_no_yes_and_a_no_is_a_no():
    wave = a_wave(a_row("a"), window=ending(WHOLE_S))
    unknown = look_ahead(wave, of(wave, a=an_estimate(halt_s=None)), T0)
    late = look_ahead(wave, of(wave, a=an_estimate(900, halt_s=None)), T0)
    untold = look_ahead(
        wave, of(wave), T0, weigh([Ration(place="p", what="disks", needed=1, left=None)])
    )

    assert (unknown.fits, unknown.unknown) == (None, ("how long 'halt' takes",))
    assert late.fits is False
    assert (untold.fits, untold.unknown) == (None, ("what is left of disks",))
    assert "at the earliest" in unknown.sentences()[0]


def test_a_quota_that_all_machines_together_overstep_is_the_bottleneck():
    wave = a_wave(*map(a_row, "abc"))
    needs = [Ration(place="west", what="vCPUs", needed=8, left=20)] * 3
    elsewhere = [Ration(place="east", what="vCPUs", needed=8, left=8)]
    found = look_ahead(wave, of(wave), T0, weigh(needs + elsewhere))

    assert (found.fits, found.short) == (False, ("vCPUs: 24 needed, 20 left",))
    assert found.bottleneck == "vCPUs: 24 needed, 20 left"


@pytest.mark.parametrize(
    ("more", "estimate", "bottleneck"),
    [
        ({"machines_at_once": 1}, {}, "machines_at_once, 1"),
        ({"bytes_per_s": 40}, {}, "bandwidth, 10 B/s for each machine"),
        ({}, {"reads": 400_000}, "EBS request quota, which all share"),
        ({}, {}, "one machine, a, disk limit of disk0"),
    ],
)
def test_what_holds_a_wave_up_most_is_named(more, estimate, bottleneck):
    wave = a_wave(*map(a_row, "abcd"), **more)
    found = look_ahead(wave, dict.fromkeys("abcd", an_estimate(**estimate)), T0)

    assert found.bottleneck.startswith(bottleneck)


def test_the_order_is_named_where_it_holds_a_wave_up():
    chain = (a_row("a", "b"), a_row("b", "c"), a_row("c"))
    wave = a_wave(*chain)
    slow_to_halt = an_estimate(1, halt_s=3000)

    assert look_ahead(wave, of(wave, **dict.fromkeys("abc", slow_to_halt)), T0).bottleneck == (
        "the order: 1 h 40 min less without that bound"
    )


def test_a_wave_of_which_nothing_goes_is_over_at_once():
    wave = a_wave(a_row("a"), window=ending(1))
    found = look_ahead(wave, {}, T0)

    assert (found.fits, found.ends_at) == (True, None)
    assert found.sentences() == ["No machine of it would be begun."]


@given(st.lists(st.tuples(st.integers(0, 9), st.none() | st.integers(0, 50)), max_size=6),
       st.integers(0, 9))  # fmt: skip
def test_a_larger_quota_never_stops_fitting(needs, more):
    few = weigh(Ration(place="p", what="x", needed=n, left=left) for n, left in needs)
    many = weigh(
        Ration(place="p", what="x", needed=n, left=None if left is None else left + more)
        for n, left in needs
    )

    assert not many.short or few.short


@given(st.lists(st.integers(1, 5000), min_size=1, max_size=5), st.integers(1, 9000),
       st.integers(0, 9000))  # fmt: skip
def test_a_longer_window_never_stops_fitting(copies, window_s, more_s):
    names = "abcde"[: len(copies)]
    estimates = {name: an_estimate(copy) for name, copy in zip(names, copies, strict=True)}

    def fits(seconds):
        wave = a_wave(*map(a_row, names), machines_at_once=2, window=ending(seconds))
        return look_ahead(wave, estimates, T0).fits

    assert fits(window_s + more_s) or not fits(window_s)
