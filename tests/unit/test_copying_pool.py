"""The threads and the memory that all copies of a process share."""

import threading
import time
from collections import Counter
from itertools import count

import pytest

from coldferry.copying import copy_disk
from coldferry.copying.job import Work
from coldferry.copying.pool import WINDOW_BYTES, Pool, shared
from coldferry.copying.window import Window
from coldferry.errors import Cancelled, Failed, Transient
from coldferry.manifest import Copy, Manifest
from coldferry.ports import Limits
from tests.unit.fake_disks import MIB, FakeReader, FakeWriter

PATIENCE_S = 20.0


def nothing() -> None:
    """Nobody watches."""


def _work(pieces, each, threads=4, buffer_bytes=MIB) -> Work:
    return Work("disk", iter(pieces), each, threads, buffer_bytes)


def _together(*works: Work, pool: Pool) -> None:
    running = [threading.Thread(target=pool.run, args=(work, nothing)) for work in works]
    for thread in running:
        thread.start()
    for thread in running:
        thread.join(PATIENCE_S)
        assert not thread.is_alive()


def test_every_piece_is_done_once():
    done = Counter()
    lock = threading.Lock()

    def each(piece, _buffer, _turn):
        with lock:
            done[piece] += 1

    Pool().run(_work(range(1000), each), nothing)

    assert done == Counter(range(1000))


def test_a_small_disk_is_done_long_before_a_large_one_that_began_earlier():
    """Disks are served in turn."""
    order = []

    def each(piece, _buffer, _turn):
        time.sleep(0.001)
        order.append(piece)

    pool = Pool(threads=2)
    large = _work((("large", n) for n in range(300)), each)
    small = _work((("small", n) for n in range(20)), each)
    _together(large, small, pool=pool)

    assert order.index(("small", 19)) < 150


def test_pieces_that_need_much_room_are_not_overtaken_for_ever():
    ended = []

    def each(piece, _buffer, _turn):
        time.sleep(0.001)
        ended.append(piece)

    pool = Pool(window_bytes=8 * MIB, threads=32)
    small = _work((("small", n) for n in range(400)), each, 16, MIB)
    large = _work((("large", n) for n in range(10)), each, 4, 4 * MIB)
    _together(small, large, pool=pool)

    assert ended.index(("large", 9)) < 300


def test_what_is_in_flight_never_exceeds_the_window():
    lock = threading.Lock()
    held = most = 0

    def each(_piece, buffer, _turn):
        nonlocal held, most
        with lock:
            held += len(buffer)
            most = max(most, held)
        time.sleep(0.002)
        with lock:
            held -= len(buffer)

    pool = Pool(window_bytes=8 * MIB)
    works = [_work(range(20), each, 8, size) for size in (MIB // 2, MIB, 4 * MIB)]
    _together(*works, pool=pool)

    assert 4 * MIB <= most <= 8 * MIB


def test_no_more_threads_serve_a_disk_than_it_takes():
    lock = threading.Lock()
    now = most = 0

    def each(_piece, _buffer, _turn):
        nonlocal now, most
        with lock:
            now += 1
            most = max(most, now)
        time.sleep(0.005)
        with lock:
            now -= 1

    Pool().run(_work(range(60), each, threads=3), nothing)

    assert most == 3


def test_the_first_error_ends_it_and_what_runs_is_let_finish():
    done = []

    def each(piece, _buffer, _turn):
        if piece == 3:
            raise Failed("The fourth.")
        time.sleep(0.05)
        done.append(piece)

    with pytest.raises(Failed, match="The fourth"):
        Pool().run(_work(count(), each), nothing)

    assert {0, 1, 2} <= set(done)
    assert len(done) < 20


def test_an_error_of_the_list_of_pieces_ends_it_too():
    def pieces():
        yield 1
        raise Failed("The map is gone.")

    with pytest.raises(Failed, match="The map"):
        Pool().run(_work(pieces(), lambda *_: None), nothing)


@pytest.fixture
def hangs():
    """A request that hangs until the test is over."""
    over = threading.Event()
    yield over.wait
    over.set()


def test_a_request_that_hangs_is_an_error_that_names_disk_and_range(hangs):
    def each(piece, _buffer, _turn):
        if piece == "bytes 42-99":
            hangs()

    pieces = [f"bytes {n}-99" for n in range(50)]
    with pytest.raises(Transient, match="bytes 42-99 of disk for 1 seconds"):
        Pool().run(_work(pieces, each), nothing, stall_s=1)


def test_a_map_that_hangs_is_an_error_too(hangs):
    def pieces():
        hangs()
        yield 1

    with pytest.raises(Transient, match="its allocation map of disk"):
        Pool().run(_work(pieces(), lambda *_: None), nothing, stall_s=0.3)


def test_what_is_slow_but_moves_is_no_stall():
    def each(_piece, _buffer, turn):
        for _ in range(5):
            time.sleep(0.1)
            turn.go_on()

    Pool().run(_work(range(2), each), nothing, stall_s=0.4)


@pytest.mark.parametrize("where", ["in a request", "in the map"])
def test_cancelling_ends_it_within_a_second_also_while_a_request_hangs(hangs, where):
    began = threading.Event()

    def pieces():
        if where == "in the map":
            began.set()
            hangs()
        yield from range(8)

    def each(_piece, _buffer, _turn):
        began.set()
        hangs()

    def pulse():
        if began.is_set():
            raise Cancelled("Enough.")

    started_s = time.monotonic()
    with pytest.raises(Cancelled):
        Pool().run(_work(pieces(), each), pulse)

    assert time.monotonic() - started_s < 1


def test_threads_that_hang_take_no_room_from_those_who_come_later(hangs):
    pool = Pool(window_bytes=4 * MIB, threads=4)

    def each(_piece, _buffer, _turn):
        hangs()

    with pytest.raises(Transient):
        pool.run(_work(range(8), each), nothing, stall_s=0.2)
    done = []
    pool.run(_work(range(8), lambda piece, *_: done.append(piece)), nothing)

    assert sorted(done) == list(range(8))


def test_what_a_forgotten_thread_brings_late_is_not_recorded(tmp_path, hangs):
    late = threading.Event()

    class Hanging(FakeWriter):
        def write(self, offset, view):
            if offset == MIB:
                late.wait(PATIENCE_S)
            super().write(offset, view)

    limits = Limits(512, MIB, 4)
    writer = Hanging(4 * MIB, limits)
    with Manifest(tmp_path / "m", Copy("f", "fake@1", 4 * MIB)) as manifest:
        with pytest.raises(Transient, match="bytes 1048576-2097151"):
            copy_disk(FakeReader(b"x" * 4 * MIB, None, limits), writer, manifest, stall_s=0.5)
        late.set()
        time.sleep(0.1)

        assert {leaf for leaf, _ in manifest.items()} == {0, 1, 4, 5, 6, 7}

        copy_disk(FakeReader(b"x" * 4 * MIB, None, limits), writer, manifest)
        assert manifest.complete


def test_the_shared_pool_is_one_and_holds_64_mib():
    assert shared() is shared()
    assert WINDOW_BYTES == 64 * MIB


def test_a_window_gives_room_of_one_size_to_another():
    window = Window(4 * MIB)
    small = [window.take(MIB) for _ in range(4)]

    assert None not in small
    assert window.take(MIB) is None
    for buffer in small:
        window.give(buffer)
    assert window.take(MIB) in small
    assert window.take(3 * MIB) is not None
    assert window.take(1) is None


def test_requests_of_one_piece_are_made_by_the_threads_that_are_free():
    begun = threading.Barrier(5)  # all at once, or it breaks

    def each(_piece, _buffer, turn):
        turn.together([lambda _turn: begun.wait(PATIENCE_S)] * 5)

    Pool().run(_work([1], each, threads=5), nothing)

    assert not begun.broken


def test_more_requests_than_threads_are_made_all_the_same():
    made = []

    def each(piece, _buffer, turn):
        turn.together([lambda _turn, n=n: made.append((piece, n)) for n in range(8)])

    Pool(threads=3).run(_work(range(40), each, threads=9), nothing)

    assert sorted(made) == [(piece, n) for piece in range(40) for n in range(8)]


def test_one_request_of_several_that_fails_ends_it_once_those_that_began_have_ended():
    ended = []

    def request(_turn, number):
        if number == 1:
            raise Failed("The second.")
        time.sleep(0.1)
        ended.append(number)

    def each(_piece, _buffer, turn):
        turn.together([lambda turn, n=n: request(turn, n) for n in range(20)])

    with pytest.raises(Failed, match="The second"):
        Pool().run(_work([1], each, threads=3), nothing)

    assert 0 in ended
    assert len(ended) < 6


def test_a_buffer_that_a_hanging_helper_may_still_fill_is_not_used_again(hangs):
    pool = Pool(window_bytes=MIB, threads=8)
    seen = []

    def each(_piece, buffer, turn):
        seen.append(buffer)
        turn.together([lambda _turn: hangs()] + [lambda _turn: time.sleep(0.05)] * 3)

    with pytest.raises(Transient):
        pool.run(_work([1], each, threads=4), nothing, stall_s=0.3)
    time.sleep(0.5)
    pool.run(_work([1], lambda _piece, buffer, _turn: seen.append(buffer)), nothing)

    assert seen[0] is not seen[1]


def test_leaves_that_were_sent_before_a_request_failed_are_not_sent_again(tmp_path):
    """Of a piece of eight, in eight requests."""
    reading, writing = Limits(512, 4 * MIB, 1), Limits(512, MIB // 2, 1)

    class Failing(FakeWriter):
        def write(self, offset, view):
            if offset == 3 * MIB:
                raise Transient("Gone.")
            super().write(offset, view)

    held, about = b"x" * 4 * MIB, Copy("f", "fake@1", 4 * MIB)
    with Manifest(tmp_path / "m", about) as manifest, pytest.raises(Transient):
        copy_disk(FakeReader(held, None, reading), Failing(4 * MIB, writing), manifest)
    with Manifest(tmp_path / "m", about) as manifest:
        assert [leaf for leaf, _ in manifest.items()] == list(range(6))
        writer = FakeWriter(4 * MIB, writing)
        copy_disk(FakeReader(held, None, reading), writer, manifest)

    assert [offset for offset, _ in sorted(writer.writes)] == [3 * MIB, 3 * MIB + MIB // 2]


def test_cancelling_ends_it_also_while_a_failure_waits_for_what_runs(hangs):
    failed = threading.Event()

    def each(piece, _buffer, _turn):
        if piece:
            failed.set()
            raise Failed("The second.")
        hangs()

    def pulse():
        if failed.is_set():
            raise Cancelled("Enough.")

    began_s = time.monotonic()
    with pytest.raises((Failed, Cancelled)):
        Pool().run(_work(range(2), each), pulse)

    assert time.monotonic() - began_s < 1
