"""The record of what was erased has no gap, whatever was killed."""

from datetime import UTC, datetime

import pytest

from coldferry.erasing import UNTOLD, EraseRecord, erased
from coldferry.migration import Marks, State
from coldferry.moved import cut_over, due_at
from coldferry.ports import Owned

MIGRATION = "web-01-azure-00c0ffee-a1"
FIRST, SECOND = (Owned(MIGRATION, "snapshot", name) for name in ("snap-1", "snap-2"))


@pytest.fixture
def record(tmp_path, monkeypatch) -> EraseRecord:
    monkeypatch.setenv("COLDFERRY_HOME", str(tmp_path))
    return EraseRecord(MIGRATION)


def test_each_erasure_has_its_id_time_means_and_answer(record):
    record.begin([FIRST])
    record.add([erased(FIRST, "ec2:DeleteSnapshot", "200")])
    (row,) = record.close([])

    assert (row["id"], row["means"], row["answer"]) == ("snap-1", "ec2:DeleteSnapshot", "200")
    assert datetime.fromisoformat(row["at"]).tzinfo is UTC or row["at"].endswith("Z")


def test_what_a_killed_run_erased_is_in_the_record_of_the_next(record):
    record.begin([FIRST, SECOND])  # killed after its first call, before it was answered

    again = EraseRecord(MIGRATION)
    again.begin([SECOND])
    again.add([erased(SECOND, "ec2:DeleteSnapshot", "200")])
    rows = again.close([])

    assert [(row["id"], row["answer"]) for row in rows] == [("snap-1", UNTOLD), ("snap-2", "200")]


def test_what_is_still_there_is_not_said_to_be_gone(record):
    record.begin([FIRST])

    assert "answer" not in record.close([FIRST])[0]


def test_only_what_was_answered_counts_as_erased(record):
    record.begin([FIRST])
    assert not record.has("snapshot")

    record.add([erased(FIRST, "ec2:DeleteSnapshot", "200")])
    assert record.has("snapshot")
    assert not record.has("disk")


def test_a_later_run_keeps_what_an_earlier_one_was_told(record):
    record.begin([FIRST])
    record.add([erased(FIRST, "ec2:DeleteSnapshot", "200")])
    record.close([])

    again = EraseRecord(MIGRATION)
    again.begin([])
    again.add([])
    assert [row["answer"] for row in again.close([])] == ["200"]


def test_the_way_back_is_due_so_many_days_after_the_cutover():
    marks = Marks(MIGRATION, State.CUT_OVER, "running", "2026-03-01T08:00:00Z")

    assert due_at(marks, 14) == datetime(2026, 3, 15, 8, tzinfo=UTC)


@pytest.mark.parametrize("written", [None, "", "yesterday", "9999-99-99T00:00:00Z"])
def test_a_tag_that_says_no_moment_makes_no_due_date(written):
    assert due_at(Marks(MIGRATION, State.CUT_OVER, "running", written), 14) is None


def test_the_day_that_the_cutover_wrote_down_counts_unless_another_is_said():
    marks = cut_over(Marks(MIGRATION, State.ALLOCATED, "running"), 90, "2026-03-01T08:00:00Z")

    assert (marks.state, marks.moved_at) == (State.CUT_OVER, "2026-03-01T08:00:00Z")
    assert due_at(marks) == datetime(2026, 5, 30, 8, tzinfo=UTC)
    assert due_at(marks, 0) == datetime(2026, 3, 1, 8, tzinfo=UTC)
    assert Marks.parse(marks.tag("i-1"), "running", "i-1") == marks


@pytest.mark.parametrize(("days", "until"), [(7, "2026-03-15"), (30, "2026-03-31")])
def test_a_cutover_again_makes_the_day_a_later_one_or_leaves_it(days, until):
    first = cut_over(Marks(MIGRATION, State.ALLOCATED, "running"), 14, "2026-03-01T08:00:00Z")

    again = cut_over(first, days, "2026-03-05T08:00:00Z")

    assert again.moved_at == first.moved_at
    assert (again.keep_until or "").startswith(until)


def test_a_day_that_a_stranger_wrote_is_no_day():
    marks = Marks(MIGRATION, State.CUT_OVER, "running", "2026-03-01T08:00:00Z", "never")

    assert due_at(marks) == datetime(2026, 3, 15, 8, tzinfo=UTC)


def test_what_was_finalised_is_not_cut_over_again():
    marks = Marks(MIGRATION, State.FINALISED, None, "2026-03-01T08:00:00Z")

    assert cut_over(marks, 14, "2026-04-01T08:00:00Z") == marks
