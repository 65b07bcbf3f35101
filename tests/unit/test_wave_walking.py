"""Rows are walked a few at a time, and what one of them raises stops what was not begun."""

import threading

import pytest

from coldferry.errors import Failed
from coldferry.waves.together import Stage, Whereabouts, next_to_start
from tasks.waves.walking import each, walk
from tests.unit.wave_strategies import a_row, a_wave

NAMES = [f"m{number}" for number in range(6)]
ONE_GROUP = a_wave(*(a_row(name, group="shop") for name in NAMES))


def test_a_failure_starts_nothing_of_its_group_beyond_what_was_under_way():
    where = {name: Whereabouts(Stage.ARRIVED) for name in NAMES}
    begun, told = [], threading.Event()

    def ready(done, failed):
        if failed:
            told.set()
        passed = {name: Whereabouts(Stage.PASSED) for name in done}
        return next_to_start(ONE_GROUP, NAMES, {**where, **passed}, failed)

    def act(name):
        begun.append(name)
        if name == "m0":
            raise Failed("Its checks failed.")
        assert told.wait(60)  # m1 is under way until m0's failure was told

    done, failed = walk(ready, act, 2)

    assert sorted(begun) == ["m0", "m1"]
    assert (list(done), list(failed)) == (["m1"], ["m0"])


@pytest.mark.parametrize("raised", [KeyboardInterrupt, SystemExit, ZeroDivisionError])
def test_a_cancel_or_a_defect_begins_no_other(raised):
    begun = []

    def act(name):
        begun.append(name)
        raise raised

    with pytest.raises(raised):
        walk(lambda _done, _failed: NAMES, act, 1)

    assert begun == ["m0"]


def test_all_are_looked_at_though_some_fail_and_told_in_their_order():
    many = [f"m{number}" for number in range(20)]

    def act(name):
        if name in ("m3", "m11"):
            raise Failed("No.")
        return name

    done, failed = each(many, act)

    assert list(failed) == ["m3", "m11"]
    assert list(done) == [name for name in many if name not in failed]
