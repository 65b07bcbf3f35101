"""A migration's id is readable, derived, and never used twice."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from coldferry.migration import ENDED, Marks, State, next_migration, slug


def test_the_first_attempt_is_the_first():
    assert next_migration("web-01", "azure", "00c0ffee", None) == (
        "web-01-azure-00c0ffee-a1",
        False,
    )


@pytest.mark.parametrize("state", sorted(ENDED))
def test_an_ended_migration_is_followed_by_the_next_attempt(state):
    marks = Marks("web-01-azure-00c0ffee-a4", state)

    assert next_migration("web-01", "azure", "00c0ffee", marks)[0].endswith("-a5")


@pytest.mark.parametrize("state", sorted(set(State) - ENDED))
def test_one_under_way_is_adopted(state):
    marks = Marks("web-01-azure-00c0ffee-a4", state)

    assert next_migration("web-01", "azure", "00c0ffee", marks) == (marks.migration, True)


def test_one_to_another_target_is_not_adopted():
    marks = Marks("web-01-azure-00c0ffee-a4", State.COPYING)

    assert next_migration("web-01", "azure", "deadbeef", marks) == (
        "web-01-azure-deadbeef-a5",
        False,
    )


@given(st.text())
def test_a_slug_is_safe_in_every_name(name):
    made = slug(name)

    assert made
    assert set(made) <= set("abcdefghijklmnopqrstuvwxyz0123456789-")
    assert not made.startswith("-")
    assert not made.endswith("-")


@given(st.text())
def test_a_stranger_s_tag_is_no_mark_or_a_whole_one(tag):
    marks = Marks.parse(tag, None, "i-1")

    assert marks is None or marks.tag("i-1") == tag


def test_a_mark_that_was_copied_to_another_machine_is_none():
    marks = Marks("web-01-azure-00c0ffee-a4", State.HALTED, "running")

    assert Marks.parse(marks.tag("i-1"), "running", "i-1") == marks
    assert Marks.parse(marks.tag("i-1"), "running", "i-2") is None


END = datetime(2031, 5, 4, 2, 0, tzinfo=timezone(timedelta(hours=2)))
WINDOWED = Marks("web-01-azure-00c0ffee-a4", State.COPYING, "running", abort_at=END)


def test_the_end_of_the_window_is_read_as_it_was_written():
    tag = WINDOWED.tag("i-1")

    assert tag == "web-01-azure-00c0ffee-a4 copying i-1 abort-at=2031-05-04T02:00:00+02:00"
    assert Marks.parse(tag, "running", "i-1") == WINDOWED


@pytest.mark.parametrize("said", ["", "tomorrow", "2031-05-04", "2031-05-04T02:00:00"])
def test_a_window_that_says_no_moment_with_its_zone_is_none(said):
    found = Marks.parse(f"{WINDOWED.migration} copying i-1 abort-at={said}", "running", "i-1")

    assert found is not None
    assert found.abort_at is None


@pytest.mark.parametrize("state", State)
def test_only_a_source_that_is_halted_and_has_not_arrived_is_overdue(state):
    under_way = {State.APPROVED, State.HALTED, State.COPYING, State.PROVEN, State.FAILED}
    marks = replace(WINDOWED, state=state)

    assert marks.overdue(END.astimezone(UTC)) is (state in under_way)
    assert not marks.overdue(END - timedelta(seconds=1))
    assert not replace(marks, power_before=None).overdue(END)
    assert not replace(marks, abort_at=None).overdue(END)


def test_an_attempt_s_number_has_a_bound():
    assert Marks.parse(f"web-azure-00c0ffee-a{'9' * 180} rolled-back i-1", None, "i-1") is None
