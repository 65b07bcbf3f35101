"""Copies go no faster than they may, also when that changes on the way."""

import json
import threading
import time

import pytest

from coldferry.copying import Bounds, LimitsFile, Throttle, copy_disk
from coldferry.copying.throttle import wait_for_all
from coldferry.errors import BadInput
from coldferry.manifest import Copy, Manifest
from coldferry.ports import Limits
from tests.unit.fake_disks import MIB, FakeReader, FakeWriter

LIMITS = Limits(512, MIB, 4)


def nothing() -> None:
    """Nobody asks whether it moves."""


def _copy_s(tmp_path, mib, **fields) -> float:
    writer = FakeWriter(mib * MIB, LIMITS)
    began_s = time.monotonic()
    with Manifest(tmp_path / "m", Copy("f", "fake@1", mib * MIB)) as manifest:
        copy_disk(FakeReader(b"x" * mib * MIB, None, LIMITS), writer, manifest, **fields)
    assert bytes(writer.held) == b"x" * mib * MIB
    return time.monotonic() - began_s


@pytest.mark.parametrize(
    "bounds", [Bounds(bytes_per_s=8 * MIB), Bounds(requests_per_s=8)], ids=["bytes", "requests"]
)
@pytest.mark.parametrize("end", ["reads", "writes"])
def test_neither_end_goes_faster_than_it_may(tmp_path, end, bounds):
    """Twelve requests of 1 MiB, of which a quarter of a second's worth and one more are free."""
    assert _copy_s(tmp_path, 12, **{end: [Throttle(bounds)]}) >= (12 - 2 - 1) / 8


def test_of_several_throttles_the_tightest_counts(tmp_path):
    throttles = [Throttle(), Throttle(Bounds(bytes_per_s=1e12)), Throttle(Bounds(8 * MIB))]

    assert _copy_s(tmp_path, 8, writes=throttles) >= (8 - 2 - 1) / 8


def test_a_limit_is_lifted_while_everybody_waits(tmp_path):
    throttle = Throttle(Bounds(bytes_per_s=1024))

    def lift():
        throttle.bounds = Bounds()

    timer = threading.Timer(0.5, lift)
    timer.start()
    try:
        assert _copy_s(tmp_path, 8, writes=[throttle]) < 10
    finally:
        timer.cancel()


def test_waiting_is_no_stall(tmp_path):
    """Two seconds for one request, of which each fifth says that it moves."""
    throttle = Throttle(Bounds(bytes_per_s=2 * MIB))

    assert _copy_s(tmp_path, 4, writes=[throttle], stall_s=0.5) > 0.5


def test_a_request_larger_than_a_second_s_worth_goes_and_is_paid_for_later():
    throttle = Throttle(Bounds(bytes_per_s=1000))

    assert throttle.take(300) == 0
    assert 0.2 < throttle.take(1) <= 0.3


def test_an_idle_hour_is_not_saved_up():
    throttle = Throttle(Bounds(requests_per_s=20))
    began_s = time.monotonic()
    for _ in range(12):
        wait_for_all([throttle], 0, nothing)

    assert time.monotonic() - began_s > (12 - 5 - 1) / 20


def test_a_file_limits_clouds_and_migrations_by_name(tmp_path):
    path = tmp_path / "limits.json"
    path.write_text(
        json.dumps(
            {
                "clouds": {"there": {"bytes_per_s": 5e6, "requests_per_s": 7}},
                "migrations": {"web-01": {"bytes_per_s": 1000}},
            }
        )
    )
    limits = LimitsFile(path)

    assert limits.cloud("there").bounds == Bounds(5e6, 7)
    assert limits.migration("web-01").bounds == Bounds(1000)
    assert limits.migration("there").bounds == Bounds()
    assert limits.cloud("there") is limits.cloud("there")


def test_a_file_that_comes_changes_or_goes_is_taken_over_within_seconds(tmp_path):
    path = tmp_path / "limits.json"
    limits = LimitsFile(path)
    throttle = limits.cloud("there")
    said = [
        ('{"clouds": {"there": {"bytes_per_s": 2}}}', Bounds(2), False),
        ('{"clouds": {"there": {"bytes_per_s": "fast"}}}', Bounds(2), True),
        ('{"clouds": {"there": {"bytes_per_s": 3}}}', Bounds(3), False),
        (None, Bounds(), False),
    ]
    for text, bounds, faulty in said:
        if text is None:
            path.unlink()
        else:
            path.write_text(text)
        time.sleep(1.05)
        throttle.take(0)

        assert throttle.bounds == bounds
        assert ("bytes_per_s is no number" in limits.fault) is faulty


@pytest.mark.parametrize(
    "text",
    [
        "{",
        "[]",
        '{"cloud": {}}',
        '{"clouds": []}',
        '{"clouds": {"there": {"bytes": 1}}}',
        '{"clouds": {"there": {"bytes_per_s": 0}}}',
        '{"clouds": {"there": {"bytes_per_s": true}}}',
        '{"clouds": {"there": {"requests_per_s": Infinity}}}',
    ],
)
def test_a_faulty_file_is_refused_before_anything_goes_without_a_limit(tmp_path, text):
    (tmp_path / "limits.json").write_text(text)

    with pytest.raises(BadInput, match=r"limits\.json"):
        LimitsFile(tmp_path / "limits.json")
