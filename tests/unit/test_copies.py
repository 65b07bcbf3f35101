"""What is kept of a copy survives what can happen to it, and is nobody else's."""

import json

import pytest

from coldferry.copies import opened
from coldferry.endpoints import Endpoint, Kind, parse_target
from coldferry.errors import Conflict

SOURCE = Endpoint(Kind.FILE, "/a/disk.raw")
TARGET = parse_target("env:T", {"T": "https://h/c/b?sv=1&sig=hush"})


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch):
    monkeypatch.setenv("COLDFERRY_HOME", str(tmp_path / "home"))
    return tmp_path / "home"


def test_a_rerun_finds_the_attempt_and_what_it_noted():
    with opened(SOURCE, TARGET) as state:
        assert not state.begun
        state.begin("file 1 at 2", replaces="an old one")
        state.attempt.notes["snapshot"] = "snap-1"
        state.save()
        attempt = state.attempt
    with opened(SOURCE, TARGET) as again:
        assert (again.attempt, again.source_identity) == (attempt, "file 1 at 2")
        again.finish({"manifest_root": "r"})
    with opened(SOURCE, TARGET) as finished:
        assert finished.finished == {"manifest_root": "r"}


def test_a_new_attempt_knows_nothing_of_the_last_one():
    with opened(SOURCE, TARGET) as state:
        state.begin("one")
        state.manifest.write_bytes(b"records")
        state.finish({})
        before = state.attempt.key
        state.begin("two")
        assert (state.finished, state.manifest.exists()) == (None, False)
        assert state.attempt.key != before


def test_two_runs_never_have_it_together():
    with (
        opened(SOURCE, TARGET),
        pytest.raises(Conflict, match="Another run"),
        opened(SOURCE, TARGET),
    ):
        pass
    with opened(SOURCE, TARGET):
        pass


def test_another_pair_is_another_copy():
    with opened(SOURCE, TARGET) as state, opened(SOURCE, Endpoint(Kind.FILE, "/b")) as other:
        assert state.manifest != other.manifest


def test_a_signature_is_not_kept_and_a_new_one_is_the_same_copy(home):
    renewed = parse_target("env:T", {"T": "https://h/c/b?sv=2&sig=quiet"})
    with opened(SOURCE, TARGET) as state:
        state.begin("one")
    with opened(SOURCE, renewed) as again:
        assert again.begun
    kept = b"".join(path.read_bytes() for path in home.rglob("*") if path.is_file())
    assert b"hush" not in kept
    assert b"sig" not in kept


@pytest.mark.parametrize("content", ["", "{", "[]", '{"version": 9}', '{"version": 1}'])
def test_a_torn_state_counts_for_nothing(home, content):
    with opened(SOURCE, TARGET) as state:
        state.begin("one")
    (path,) = home.rglob("state.json")
    path.write_text(content)
    with opened(SOURCE, TARGET) as again:
        assert not again.begun
        again.begin("two")
    assert json.loads(path.read_text())["source_identity"] == "two"
