"""A migration's id is readable, derived, and never used twice."""

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


def test_an_attempt_s_number_has_a_bound():
    assert Marks.parse(f"web-azure-00c0ffee-a{'9' * 180} rolled-back i-1", None, "i-1") is None
