"""Which rows are cut over or rolled back together, and which is next, for any order."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from coldferry.errors import BadInput, Failed
from coldferry.migration import Marks, State
from coldferry.waves.handover import command, document
from coldferry.waves.together import (
    Stage,
    Whereabouts,
    asked_for,
    concerned,
    next_to_return,
    next_to_start,
    next_to_stop,
    objections,
    objections_to_going_back,
    refuse_strangers,
    units,
    whereabouts,
)
from tests.unit.wave_strategies import a_row, a_wave, waves

PAIR = "0a1b2c3d"
MIGRATION = f"web-azure-{PAIR}-a1"

SHOP = a_wave(
    a_row("web", "app", group="shop"),
    a_row("app", "db", group="shop"),
    a_row("db"),
    a_row("report", "db"),
)


def at(**stages):
    """Where rows are, by the name of their stage."""
    return {name: Whereabouts(Stage[stage], f"{name}-m") for name, stage in stages.items()}


def everywhere(wave, stage=Stage.ARRIVED):
    return {name: Whereabouts(stage) for name in wave.by_name}


@st.composite
def asked_waves(draw):
    """A wave, and some of what it is handed over in."""
    wave = draw(waves())
    groups = draw(st.lists(st.sampled_from(sorted(units(wave))), unique=True, max_size=3))
    return wave, asked_for(wave, groups)


def walked(ready, draw, fails=lambda name: False):
    """Rows as they are begun, in any order that ``ready`` allows, several at a time."""
    begun, done, failed, going = [], [], set(), []
    while True:
        fresh = [name for name in ready(done, failed) if name not in begun]
        for name in fresh:
            begun.append(name)
            going.append(name)
            yield name, list(done), set(failed)
        if not going:
            return
        name = draw(st.sampled_from(going))
        going.remove(name)
        failed.add(name) if fails(name) else done.append(name)


def ready_to_start(wave, asked):
    where = everywhere(wave, Stage.BEGUN) | {name: Whereabouts(Stage.ARRIVED) for name in asked}

    def ready(done, failed):
        passed = {name: Whereabouts(Stage.PASSED) for name in done}
        return next_to_start(wave, asked, {**where, **passed}, failed)

    return ready


@settings(max_examples=40)
@given(asked_waves(), st.data())
def test_no_machine_is_started_before_what_it_needs_passed_and_none_twice(case, data):
    wave, asked = case
    started = []
    for name, passed, _ in walked(ready_to_start(wave, asked), data.draw):
        assert name in asked
        assert {one for one in wave.after[name] if one in asked} <= set(passed)
        started.append(name)
    assert sorted(started) == sorted(asked)


@settings(max_examples=40)
@given(asked_waves(), st.data())
def test_one_that_fails_starts_nothing_of_its_group_and_nothing_after_it(case, data):
    wave, asked = case
    spoiled = data.draw(st.sampled_from(asked))
    group = wave.by_name[spoiled].group
    for name, _, failed in walked(
        ready_to_start(wave, asked), data.draw, lambda name: name == spoiled
    ):
        if failed:
            assert spoiled not in wave.after[name]
            assert not group or wave.by_name[name].group != group


@settings(max_examples=40)
@given(asked_waves(), st.data())
def test_the_way_back_stops_against_the_order_and_starts_along_it(case, data):
    wave, asked = case
    stops = walked(lambda done, _: next_to_stop(wave, asked, done), data.draw)
    for name, stopped, _ in stops:
        assert {one for one in asked if name in wave.after[one]} <= set(stopped)
    returned = []
    back = walked(lambda done, failed: next_to_return(wave, asked, done, failed), data.draw)
    for name, there, _ in back:
        assert {one for one in wave.after[name] if one in asked} <= set(there)
        returned.append(name)
    assert sorted(returned) == sorted(asked)


def test_a_group_is_asked_for_as_a_whole_and_a_row_without_one_by_its_name():
    assert asked_for(SHOP, ["shop"]) == ("app", "web")
    assert asked_for(SHOP, ["db", "shop"]) == ("db", "app", "web")
    assert asked_for(SHOP, []) == ("db", "app", "web", "report")
    for wrong in ("web", "nobody"):
        with pytest.raises(BadInput, match=f"no group {wrong}"):
            asked_for(SHOP, [wrong])


def test_what_has_not_arrived_is_named_with_why():
    where = at(app="ARRIVED", db="BEGUN") | {
        "web": Whereabouts(Stage.FAILED, MIGRATION, f"{MIGRATION} is failed.")
    }
    (found,) = objections(SHOP, ("app", "web"), where)

    assert (found.code, found.subject) == ("not-arrived", "web")
    assert f"web has not arrived. {MIGRATION} is failed." == found.what


def test_what_is_needed_from_outside_must_be_cut_over_or_done_without():
    asked = ("app", "web")
    where = at(app="ARRIVED", web="ARRIVED", db="ARRIVED")

    found = list(objections(SHOP, asked, where))
    assert {(one.code, one.subject) for one in found} == {
        ("need-not-cut-over", "app"), ("need-not-cut-over", "web"),
    }  # fmt: skip
    assert "--without db" in found[0].do
    assert list(objections(SHOP, asked, where, ["db"])) == []
    for there in ("BEGUN", "FINALISED"):
        assert list(objections(SHOP, asked, {**where, **at(db=there)})) == []


def test_what_runs_at_the_target_keeps_there_what_it_needs():
    where = at(db="BEGUN", app="BEGUN", web="ARRIVED", report="AWAY")
    (found,) = objections_to_going_back(SHOP, ("db",), where)

    assert (found.code, found.subject) == ("needed-at-target", "db")
    assert list(objections_to_going_back(SHOP, ("db",), where, ["app"])) == []
    assert list(objections_to_going_back(SHOP, ("app", "web"), where)) == []


def test_a_machine_whose_source_is_gone_keeps_what_it_needs_and_has_no_way_back_itself():
    where = at(db="BEGUN", app="GONE", web="AWAY", report="AWAY")

    (outside,) = objections_to_going_back(SHOP, ("db",), where)
    assert (outside.code, outside.subject) == ("needed-by-gone", "db")
    assert "app starts after db, and may run at the target." in outside.what
    assert "--without app" in outside.do
    assert list(objections_to_going_back(SHOP, ("db",), where, ["app"])) == []

    (asked,) = objections_to_going_back(SHOP, ("app", "web"), where)
    assert (asked.code, asked.subject) == ("source-gone", "app")

    cut_over = list(objections(SHOP, ("app", "web"), where))
    assert ("not-arrived", "app") in [(one.code, one.subject) for one in cut_over]


def test_what_is_on_its_way_or_finalised_cannot_be_taken_back():
    found = objections_to_going_back(SHOP, ("app", "web"), at(app="UNDER_WAY", web="FINALISED"))
    assert [one.code for one in found] == ["under-way", "finalised"]


def test_rows_matter_that_are_needed_or_on_the_way_back_that_need():
    assert concerned(SHOP, ("app",)) == ["db", "app"]
    assert concerned(SHOP, ("app",), back=True) == ["app", "web"]


def test_only_rows_outside_can_be_done_without():
    refuse_strangers(SHOP, ("app", "web"), ["db"])
    for wrong in ("app", "nobody"):
        with pytest.raises(BadInput, match="no other row"):
            refuse_strangers(SHOP, ("app", "web"), [wrong])


@pytest.mark.parametrize(
    ("state", "power", "stage"),
    [
        (State.PLANNED, None, Stage.AWAY),
        (State.APPROVED, "running", Stage.UNDER_WAY),
        (State.COPYING, "running", Stage.UNDER_WAY),
        (State.FAILED, "running", Stage.FAILED),
        (State.FAILED, None, Stage.FAILED),
        (State.ALLOCATED, "running", Stage.ARRIVED),
        (State.CUT_OVER, "running", Stage.BEGUN),
        (State.FINALISED, None, Stage.FINALISED),
        (State.ROLLED_BACK, None, Stage.BACK),
        (State.REJECTED, None, Stage.BACK),
    ],
)
def test_where_a_row_is_follows_from_its_source_s_tags(state, power, stage):
    assert whereabouts(Marks(MIGRATION, state, power), PAIR).stage is stage
    assert whereabouts(Marks(MIGRATION, state, power), "ffffffff").stage is Stage.AWAY


def test_the_commands_name_the_groups_that_they_are_for():
    assert command(SHOP, "cutover", ["web"]) == "coldferry wave cutover FILE --group shop"
    assert command(SHOP, "rollback", list(SHOP.by_name)) == "coldferry wave rollback FILE"


def test_a_failed_check_names_what_waits_and_both_ways_on():
    where = at(db="BEGUN", app="BEGUN", web="ARRIVED")
    told = document(
        SHOP, ("db", "app", "web"), where, "cutover", {"db": {"state": "cut-over"}},
        {"app": Failed("No answer.")}, unchanged=dict.fromkeys(SHOP.by_name, "not-started"),
    )  # fmt: skip

    assert [row["state"] for row in told["rows"]] == ["cut-over", "failed", "not-started"]
    assert told["rows"][2]["why"] == "app did not succeed, and it is in the same group, shop."
    assert "Not: app, web." in told["says"]
    assert "'coldferry wave cutover FILE --group db --group shop'" in told["do"]
    assert "'coldferry wave rollback FILE --group shop'" in told["do"]
