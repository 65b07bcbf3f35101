"""Laws of a wave's schedule, for any machines, any order and any number of places."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from coldferry.waves.foreseeing import Phase, foresee, load_of
from coldferry.waves.ordering import needed_by, stop_order
from tests.unit.wave_estimates import QUOTA, a_load, an_estimate
from tests.unit.wave_strategies import graphs

CLOSE = 1e-6
seconds = st.integers(0, 500).map(float)
places = st.integers(1, 5)
nothing = st.just(0.0)


@st.composite
def fleets(draw, shared=nothing, order=None):
    """Loads in the order of stopping, and who is to be halted before whom."""
    graph = draw(graphs() if order is None else order)
    loads = [a_load(name, draw(seconds), draw(seconds), draw(shared)) for name in stop_order(graph)]
    return loads, needed_by(graph)


sharing = fleets(shared=st.integers(0, 300_000).map(float))
unordered = fleets(order=graphs().map(lambda graph: dict.fromkeys(graph, ())))


def end(ways):
    return max(one.arrives_s for one in ways.values())


def least(loads, at_once, behind):
    """No schedule is shorter: all work through the places, and the longest chain."""
    chain = {}
    for load in loads:
        ahead = max((chain[one] for one in behind[load.name] if one in chain), default=0.0)
        chain[load.name] = ahead + sum(phase.own_s for phase in load.before)
    longest = max(chain[one.name] + sum(phase.own_s for phase in one.after) for one in loads)
    return max(longest, sum(one.alone_s for one in loads) / at_once)


@given(sharing, places)
def test_a_machine_is_begun_when_all_that_start_after_it_are_halted(fleet, at_once):
    loads, behind = fleet
    ways = foresee(loads, at_once, behind)

    assert set(ways) == {load.name for load in loads}
    for name, way in ways.items():
        assert way.begins_s <= way.halted_s <= way.arrives_s
        assert all(ways[other].halted_s <= way.begins_s + CLOSE for other in behind[name])


@given(sharing, places)
def test_no_more_are_under_way_than_there_are_places(fleet, at_once):
    ways = foresee(fleet[0], at_once, fleet[1]).values()

    for one in ways:
        under_way = [o for o in ways if o.begins_s <= one.begins_s < o.arrives_s - CLOSE]
        assert len(under_way) <= at_once


@given(sharing, places)
def test_no_machine_is_quicker_than_alone_and_all_never_slower_than_in_a_row(fleet, at_once):
    loads, behind = fleet
    ways = foresee(loads, at_once, behind)

    for load in loads:
        way = ways[load.name]
        assert way.arrives_s - way.begins_s >= load.alone_s - CLOSE
    # What is shared is shared evenly, so some machine always goes on at its full part.
    assert end(ways) <= sum(load.alone_s for load in loads) + CLOSE


@given(fleets(), places)
def test_a_schedule_keeps_graham_s_bound(fleet, at_once):
    """Neither more places nor quicker machines make it worse than the bound of what was before.

    A stronger law does not hold: with an order, a machine that becomes quicker may take the
    place that a longer one would have had, and the wave ends later.
    """
    loads, behind = fleet
    floor = least(loads, at_once, behind)

    ends = end(foresee(loads, at_once, behind))

    assert floor - CLOSE <= ends <= (2 - 1 / at_once) * floor + CLOSE


@given(unordered, places)
def test_without_an_order_more_places_make_no_machine_later(fleet, at_once):
    few, many = (foresee(*fleet_at(fleet, number)) for number in (at_once, at_once + 1))

    assert all(many[name].arrives_s <= few[name].arrives_s + CLOSE for name in few)


@given(unordered, places, st.integers(0, 7), st.floats(0, 1))
def test_without_an_order_a_quicker_machine_makes_no_other_later(fleet, at_once, which, part):
    loads = fleet[0]
    quicker = list(loads)
    one = loads[which % len(loads)]
    after = tuple(Phase(phase.own_s * part) for phase in one.after)
    quicker[which % len(loads)] = replace(one, after=after)

    before, now = (foresee(some, at_once, {}) for some in (loads, quicker))

    assert all(now[name].arrives_s <= before[name].arrives_s + CLOSE for name in before)


def fleet_at(fleet, at_once):
    return fleet[0], at_once, fleet[1]


@given(st.lists(st.integers(0, 10**9), min_size=1, max_size=6), places, st.integers(1, 10**6))
def test_without_an_order_more_bandwidth_makes_no_machine_later(sent, at_once, share):
    def ways(bytes_per_s):
        found = [load_of(str(n), an_estimate(sent=one), bytes_per_s) for n, one in enumerate(sent)]
        return foresee(found, at_once, {})

    little, more, all_ = ways(share), ways(share * 1.5), ways(None)

    for name in little:
        assert all_[name].arrives_s <= more[name].arrives_s + CLOSE
        assert more[name].arrives_s <= little[name].arrives_s + CLOSE


def test_with_an_order_a_place_more_may_end_it_later():
    """Graham's anomaly, by example: what keeps the law above from being said of all waves."""
    times = (3, 2, 2, 2, 4, 4, 4, 4, 9)
    loads = [a_load(f"m{n}", after, 0) for n, after in enumerate(times)]
    behind = {"m8": ["m0"], **{f"m{n}": ["m3"] for n in (4, 5, 6, 7)}}

    assert end(foresee(loads, 3, behind)) == 12
    assert end(foresee(loads, 4, behind)) == 15


def test_what_is_shared_goes_round_among_those_that_ask_at_the_same_time():
    # Each alone takes 100 s of the quota; the second begins to ask 50 s later.
    loads = [a_load("a", 0, 0, reads=100_000), a_load("b", 50, 0, reads=100_000)]

    ways = foresee(loads, 2, {})

    # From 50 s on both have half: a's other half takes 100 s, b's other half 50 s alone.
    assert (ways["a"].arrives_s, ways["b"].arrives_s) == (pytest.approx(150), pytest.approx(200))


def test_what_is_begun_keeps_its_place_and_what_is_halted_only_goes_on():
    begun = replace(a_load("a", 10, 100), begun=True, halted=True)
    ways = foresee([a_load("b", 10, 50), begun], 1, {"b": ["a"]})

    assert (ways["a"].begins_s, ways["a"].halted_s, ways["a"].arrives_s) == (0, 0, 100)
    assert (ways["b"].begins_s, ways["b"].arrives_s) == (100, 160)


def test_nothing_is_begun_before_the_window_opens():
    begun = replace(a_load("a", 0, 30), begun=True)
    ways = foresee([begun, a_load("b", 5, 5)], 2, {}, opens_s=100)

    assert (ways["a"].arrives_s, ways["b"].begins_s, ways["b"].arrives_s) == (30, 100, 110)


def test_a_machine_s_way_is_its_estimate_s():
    load = load_of("a", an_estimate(60, halt_s=None, sent=1000, reads=30_000), 10)

    assert [phase.own_s for phase in load.before] == [10, 0]
    assert [phase.own_s for phase in load.after] == [100, 20]  # 1000 bytes at 10 a second
    assert load.after[load.copy_at].shared == {(QUOTA, 1000): 30_000}
    assert load.unknown == ("halt",)
