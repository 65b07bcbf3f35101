"""Who is halted and started before whom, for any order that a wave may have."""

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from coldferry.waves.ordering import (
    cycles,
    depth,
    may_halt,
    may_start,
    needed_by,
    needs,
    start_order,
    stop_order,
)
from tests.unit.wave_strategies import graphs

NAMES = ("a", "b", "c", "d", "e", "f")
tangles = st.dictionaries(
    st.sampled_from(NAMES), st.lists(st.sampled_from(NAMES), max_size=4).map(tuple)
)
SHOP = {"web": ("app",), "app": ("db", "queue"), "db": (), "queue": ("db",), "report": ()}


def test_starting_goes_along_the_order_and_stopping_against_it():
    assert list(start_order(SHOP)) == ["db", "queue", "app", "web", "report"]
    assert list(stop_order(SHOP)) == ["web", "app", "queue", "db", "report"]
    assert depth(SHOP) == 4


def test_only_what_nothing_else_needs_may_be_halted_first():
    assert may_halt(SHOP, ()) == ["web", "report"]
    assert may_halt(SHOP, ("web", "app")) == ["queue", "report"]
    assert may_start(SHOP, ()) == ["db", "report"]
    assert may_start(SHOP, ("db",)) == ["queue", "report"]


def test_what_is_needed_through_others_is_needed():
    assert needs(SHOP)["web"] == {"app", "db", "queue"}
    assert needed_by(SHOP)["db"] == {"queue", "app", "web"}


@given(graphs(), st.data())
def test_any_way_to_start_has_what_is_needed_first_and_ends_with_all(graph, data):
    started = []
    while ready := may_start(graph, started):
        row = data.draw(st.sampled_from(ready))
        assert all(other in started for other in graph[row])
        started.append(row)
    assert set(started) == set(graph)


@given(graphs(), st.data())
def test_any_way_to_stop_has_what_is_needed_last_and_ends_with_all(graph, data):
    halted = []
    while ready := may_halt(graph, halted):
        row = data.draw(st.sampled_from(ready))
        assert all(other in halted for other, after in graph.items() if row in after)
        halted.append(row)
    assert set(halted) == set(graph)


@given(graphs())
def test_the_two_orders_hold_all_rows_and_respect_every_need(graph):
    starts, stops = list(start_order(graph)), list(stop_order(graph))

    assert sorted(starts) == sorted(stops) == sorted(graph)
    for row, others in needs(graph).items():
        assert all(starts.index(other) < starts.index(row) for other in others)
        assert all(stops.index(other) > stops.index(row) for other in others)


@given(graphs())
def test_an_order_without_a_circle_is_never_called_one(graph):
    assert cycles(graph) == []


@given(tangles)
def test_every_circle_is_named_as_one_that_is_there(graph):
    found = cycles(graph)

    for path in found:
        assert path[0] == path[-1]
        assert all(later in graph[row] for row, later in pairwise(path))
    named = [row for path in found for row in path[1:]]
    assert len(named) == len(set(named))
    assert bool(found) == (len(start_order(graph)) < len(graph))


def test_two_circles_are_both_named():
    tangle = {"a": ("b",), "b": ("a",), "c": ("d",), "d": ("c",), "e": ("a", "c")}

    assert [set(path) for path in cycles(tangle)] == [{"a", "b"}, {"c", "d"}]
