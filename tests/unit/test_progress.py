"""How fast a copy goes, when it will be done, and how it is ended."""

import time

import pytest

from coldferry.copying import copy_disk
from coldferry.errors import Cancelled
from coldferry.manifest import Copy, Manifest
from coldferry.ports import Limits
from coldferry.progress import Rate
from tests.unit.fake_disks import MIB, FakeReader, FakeWriter


def test_a_rate_is_what_came_in_the_last_seconds():
    rate = Rate(window_s=10)
    for second in range(60):
        rate.note(second, second * 100 if second < 30 else 3000 + (second - 30) * 10)

    assert rate.bytes_per_s == pytest.approx(10)
    assert rate.eta_s(3000 + 29 * 10 + 500) == pytest.approx(50)


def test_what_an_earlier_run_brought_is_no_rate():
    rate = Rate()
    rate.note(0, 1_000_000)
    rate.note(2, 1_000_400)

    assert rate.bytes_per_s == 200
    assert rate.eta_s(1_001_000) == 3


def test_nothing_is_promised_while_nothing_moves():
    rate = Rate()
    assert (rate.bytes_per_s, rate.eta_s(100)) == (None, None)
    rate.note(5, 10)
    rate.note(9, 10)

    assert (rate.bytes_per_s, rate.eta_s(100), rate.eta_s(10)) == (0, None, 0)


def test_all_bytes_are_known_before_the_first_moves(tmp_path):
    told, limits = [], Limits(512, MIB, 2)
    allocated = [(0, 3 * MIB), (5 * MIB, 4096)]
    reader = FakeReader(b"x" * 8 * MIB, allocated, limits)
    about = Copy("f", "fake@1", 8 * MIB)

    def watch(_device, done_bytes, total_bytes):
        told.append((done_bytes, total_bytes))

    with Manifest(tmp_path / "m", about) as manifest:
        copy_disk(reader, FakeWriter(8 * MIB, limits), manifest, on_progress=watch)

    total = 3 * MIB + 4096
    assert {most for _, most in told} == {total}
    assert told == sorted(told)
    assert told[-1] == (total, total)


def test_a_resumed_copy_begins_where_it_was(tmp_path):
    """Every MiB but the last was there; what is told from the first moment says so."""
    limits = Limits(512, MIB, 2)
    held = b"x" * 8 * MIB

    class Ending(FakeWriter):
        def write(self, offset, view):
            if offset == 7 * MIB:
                while self.requests < 7:
                    time.sleep(0.01)
                raise Cancelled("At the last.")
            super().write(offset, view)

    told = []
    about = Copy("f", "fake@1", 8 * MIB)
    with Manifest(tmp_path / "m", about) as manifest, pytest.raises(Cancelled):
        copy_disk(FakeReader(held, None, limits), Ending(8 * MIB, limits), manifest)
    with Manifest(tmp_path / "m", about) as manifest:
        reader, writer = FakeReader(held, None, limits), FakeWriter(8 * MIB, limits)
        copy_disk(reader, writer, manifest, on_progress=lambda *now: told.append(now[1:]))

    assert set(told) <= {(7 * MIB, 8 * MIB), (8 * MIB, 8 * MIB)}
    assert (reader.reads, writer.writes) == ([(7 * MIB, MIB)],) * 2


def test_a_watcher_that_ends_a_copy_ends_it_within_a_second(tmp_path):
    limits = Limits(512, MIB, 2)

    class Slow(FakeWriter):
        def write(self, offset, view):
            time.sleep(0.05)
            super().write(offset, view)

    def watch(_device, done_bytes, _total_bytes):
        if done_bytes:
            raise Cancelled("Enough.")

    began_s = time.monotonic()
    with Manifest(tmp_path / "m", Copy("f", "fake@1", 64 * MIB)) as manifest:
        reader, writer = FakeReader(b"x" * 64 * MIB, None, limits), Slow(64 * MIB, limits)
        with pytest.raises(Cancelled):
            copy_disk(reader, writer, manifest, on_progress=watch)

    assert time.monotonic() - began_s < 1
