"""A wave's page: at any moment it says what happens, and no stranger's word is markup in it."""

import json
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from coldferry.waves.progress import RowState, Standing
from coldferry.waves.table import as_json, as_markdown
from coldferry.waves.wave import Window
from tests.unit.wave_strategies import HOUR, T0, Carried, a_row, a_wave, waves

PLANNED, WAITING, RUNNING, HALTED, DONE, REFUSED, FAILED, SKIPPED, PUT_BACK = RowState
NIGHT = Window(start=T0, latest_start=T0 + 3 * HOUR, abort_at=T0 + 6 * HOUR)
SHOP = (a_row("web", "app", owner="Shop"), a_row("app", "db", group="g"), a_row("db", group="g"))
MIGRATION = "web-there-0a1b2c3d-a1"


def page(wave, now=T0, **told):
    states = {n: s if isinstance(s, Standing) else Standing(s) for n, s in told.items()}
    return as_json(wave, states, now)


def says(wave, now=T0, **told):
    return page(wave, now, **told)["says"]


def following(wave, row, now=T0, **told):
    return next(one["next"] for one in page(wave, now, **told)["rows"] if one["name"] == row)


@pytest.mark.parametrize(
    ("hours", "expected"),
    [
        (-1, "1 of 3 machines arrived, 1 more halted. It begins at 2031-05-03 20:00+00:00: nothing "
             "is halted until then. What is not halted by 2031-05-03 23:00+00:00 stays where it "
             "is. What has not arrived by 2031-05-04 02:00+00:00 is started again at its source."),
        (1, "1 of 3 machines arrived, 1 more halted. What is not halted by 2031-05-03 23:00+00:00 "
            "stays where it is. What has not arrived by 2031-05-04 02:00+00:00 is started again "
            "at its source."),
        (4, "1 of 3 machines arrived, 1 more halted. Since 2031-05-03 23:00+00:00 no other "
            "machine is halted. What has not arrived by 2031-05-04 02:00+00:00 is started again "
            "at its source."),
        (6, "1 of 3 machines arrived, 1 more halted. The window ended at 2031-05-04 02:00+00:00: "
            "what had not arrived is put back."),
    ],
)  # fmt: skip
def test_the_page_says_what_the_window_means_now(hours, expected):
    wave = a_wave(*SHOP, window=NIGHT)

    assert says(wave, T0 + hours * HOUR, web=DONE, app=HALTED) == expected


def test_the_page_of_a_wave_that_is_over_says_what_is_left():
    wave = a_wave(*map(a_row, "abc"))
    stuck = Standing(FAILED, halted=True, stuck=True)

    assert says(wave, a=DONE, b=DONE, c=DONE) == "Over: 3 of 3 machines arrived."
    assert says(wave, a=DONE, b=Standing(FAILED, halted=True), c=stuck) == (
        "Over: 1 of 3 machines arrived, 2 failed. 1 source must be started by hand. "
        "Halted though its row is over: 1 source."
    )


def test_the_page_says_who_waits_for_a_person():
    assert "To be answered by a person: what app met." in says(a_wave(*SHOP), app=WAITING)


@pytest.mark.parametrize(("at_least", "word"), [(False, "at"), (True, "not before")])
def test_the_page_says_when_the_last_is_expected_and_whether_all_that_it_takes_is_known(
    at_least, word
):
    wave = a_wave(*map(a_row, "ab"))
    first = Standing(RUNNING, ends_at=T0 + HOUR)
    last = Standing(RUNNING, ends_at=T0 + 2 * HOUR, at_least=at_least)

    told = says(wave, a=first, b=last)

    assert f"The last machine is expected {word} 2031-05-03 22:00+00:00." in told


def test_each_row_says_what_it_waits_for():
    wave = a_wave(*SHOP, a_row("other"), machines_at_once=1, window=Window(start=T0))

    assert following(wave, "web", T0 - HOUR) == "begins at 2031-05-03 20:00+00:00"
    assert following(wave, "web") == "begins next"
    assert following(wave, "db") == "begins when web, app are halted"
    assert following(wave, "other", web=HALTED) == "begins when one of 1 place is free"
    assert following(wave, "web", web=WAITING) == "asked about when the others are done"


def test_a_row_under_way_says_when_it_will_be_ended():
    wave = a_wave(a_row("a"), window=NIGHT)

    assert following(wave, "a", a=Standing(RUNNING, doing="inspect")) == (
        "inspect; its source runs; called off unless it is halted by 2031-05-03 23:00+00:00"
    )
    assert following(wave, "a", a=Standing(HALTED, doing="copying")) == (
        "copying; its source is halted; put back unless it arrives by 2031-05-04 02:00+00:00"
    )


def test_what_arrived_is_cut_over_with_its_group_and_what_it_needs():
    wave = a_wave(*SHOP)
    arrived = Standing(DONE, migration=MIGRATION)

    assert following(wave, "web", web=arrived) == "to be cut over once app, db arrived"
    assert following(wave, "db", db=DONE, app=RUNNING) == "to be cut over once app arrived"
    assert following(wave, "web", web=arrived, app=DONE, db=FAILED) == (
        f"not to be cut over without db, or coldferry rollback {MIGRATION}"
    )
    assert following(wave, "web", web=arrived, app=DONE, db=DONE) == (
        f"to be cut over, or coldferry rollback {MIGRATION}"
    )


@pytest.mark.parametrize(
    ("one", "expected"),
    [
        (Standing(REFUSED, "No quota."), "No quota. Its source was not halted; the same wave "
         "again begins it."),
        (Standing(PUT_BACK), "Its source runs again; the same wave again goes on with it."),
        (Standing(FAILED, halted=True, migration=MIGRATION), "ITS SOURCE IS HALTED until "
         "2031-05-04 02:00+00:00, when it is put back: the same wave again goes on with it, or "
         f"coldferry rollback {MIGRATION}."),
        (Standing(FAILED, "Denied.", halted=True, stuck=True), "START ITS SOURCE BY HAND: it "
         "could not be started again. Denied."),
    ],
)  # fmt: skip
def test_what_ended_without_arriving_says_how_its_source_is_and_what_to_do(one, expected):
    assert following(a_wave(a_row("a"), window=NIGHT), "a", a=one) == expected


def test_a_row_is_expected_in_the_window_or_after_it():
    wave = a_wave(*map(a_row, "abc"), window=NIGHT)
    end = NIGHT.abort_at
    told = {
        "a": Standing(HALTED, ends_at=end - timedelta(minutes=50)),
        "b": Standing(HALTED, ends_at=end + 3 * HOUR),
    }

    text = as_markdown(wave, told, T0)

    assert "2031-05-04 01:10+00:00, 50 min before the window's end" in text
    assert "**halted** |" in text
    assert "2031-05-04 05:00+00:00, 3 h 00 min AFTER the window's end" in text
    assert [row["fits"] for row in as_json(wave, told, T0)["rows"]] == [True, False, None]


def test_strangers_words_are_text_on_the_page():
    nasty = "<b>x</b> [a](http://evil) | `y` www.evil.example"
    wave = a_wave(a_row("a", owner=nasty))
    told = {"a": Standing(REFUSED, why=nasty, doing=nasty)}

    html = MarkdownIt("gfm-like").render(as_markdown(wave, told, T0))

    assert "<b>" not in html
    assert "<a" not in html
    assert html.count("<td") == 7


@given(waves(), st.data())
def test_at_every_moment_the_page_says_something_of_the_wave_and_each_row(wave, data):
    def watch(carried, what, row):
        del what, row
        told = as_json(wave, carried.states, carried.now)
        assert json.loads(json.dumps(told)) == told
        assert told["says"]
        assert all(one["next"] for one in told["rows"])
        lines = as_markdown(wave, carried.states, carried.now).splitlines()
        assert len([line for line in lines if line.startswith("|")]) == len(wave.rows) + 2

    watch(Carried(wave, data.draw).to_the_end(watch), "", "")
