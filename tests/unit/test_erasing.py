"""The record of what was erased has no gap, whatever was killed."""

from datetime import UTC, datetime

import pytest

from coldferry.erasing import UNTOLD, EraseRecord, erased
from coldferry.migration import Marks, State
from coldferry.moved import due_at
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
