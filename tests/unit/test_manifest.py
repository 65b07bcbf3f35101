"""The manifest survives what can happen to a file."""

import random
import tracemalloc

import pytest

from coldferry.content import LEAF_BYTES, Content, root
from coldferry.errors import Conflict
from coldferry.manifest import MAGIC, Copy, Manifest
from coldferry.manifest_records import RECORD_BYTES

ABOUT = Copy("snap-1", "disk-1@1", 4 << 20)
LEAVES = {index: Content(bytes([index]) * 32, 1, 16) for index in (0, 2, 5)}


@pytest.fixture
def path(tmp_path):
    with Manifest(tmp_path / "m", ABOUT) as manifest:
        for leaf, content in LEAVES.items():
            manifest.add(leaf, content)
    return tmp_path / "m"


def test_what_was_added_is_there_after_a_reopen(path):
    with Manifest(path, ABOUT) as manifest:
        assert dict(manifest.items()) == LEAVES
        assert not manifest.complete
        assert manifest.data_bytes == 3 * 16 * 4096


def test_a_finished_copy_is_finished_after_a_reopen(path):
    with Manifest(path, ABOUT) as manifest:
        manifest.finish()
    with Manifest(path, ABOUT) as manifest:
        assert manifest.complete


@pytest.mark.parametrize(
    "other",
    [
        Copy("snap-2", "disk-1@1", 4 << 20),
        Copy("snap-1", "disk-2@1", 4 << 20),
        Copy("snap-1", "disk-1@1", 8 << 20),
    ],
    ids=["source", "writer", "size"],
)
def test_another_copy_s_manifest_counts_for_nothing(path, other):
    with Manifest(path, other) as manifest:
        assert dict(manifest.items()) == {}


def test_a_tail_torn_at_any_byte_leaves_an_earlier_state(path):
    whole = path.read_bytes()
    for cut in range(len(whole)):
        path.write_bytes(whole[:cut])
        with Manifest(path, ABOUT) as manifest:
            found = dict(manifest.items())
            assert found.items() <= LEAVES.items()
            manifest.add(7, Content(b"7" * 32, 3, 20))
        with Manifest(path, ABOUT) as manifest:
            assert dict(manifest.items()) == found | {7: Content(b"7" * 32, 3, 20)}


def test_a_flipped_bit_ends_the_manifest_there(path):
    whole = bytearray(path.read_bytes())
    whole[-60] ^= 1
    path.write_bytes(whole)
    with Manifest(path, ABOUT) as manifest:
        assert set(dict(manifest.items())) == {0}


def test_a_header_of_zeros_as_a_power_cut_leaves_it_counts_for_nothing(path):
    path.write_bytes(MAGIC + bytes(path.stat().st_size - len(MAGIC)))
    with Manifest(path, ABOUT) as manifest:
        assert dict(manifest.items()) == {}
        assert not manifest.complete


def test_nobody_else_can_read_it(path):
    assert path.stat().st_mode & 0o077 == 0


def test_two_runs_never_have_it_open_together(path):
    with Manifest(path, ABOUT), pytest.raises(Conflict, match="Another run"):
        Manifest(path, ABOUT)


class FakeJournal:
    """A journal in memory that forgets, on a power cut, what was not synced."""

    name = "fake"
    sync_leaves = 64

    def __init__(self):
        self.held = bytearray()
        self.synced = 0
        self.syncs = 0
        self.closed = False

    def append(self, data):
        assert not self.closed
        self.held += data

    def sync(self):
        self.synced = len(self.held)
        self.syncs += 1

    def read(self, offset, length):
        return bytes(self.held[offset : offset + length])

    def truncate(self, length):
        del self.held[length:]

    def close(self):
        self.closed = True

    def cut_power(self):
        del self.held[self.synced :]


def _content(leaf: int) -> Content:
    return Content(leaf.to_bytes(32, "big"), 0xFF, 128)


def test_it_is_kept_wherever_a_journal_is():
    journal = FakeJournal()
    with Manifest(journal, ABOUT) as manifest:
        manifest.add(3, _content(3))
    journal.closed = False
    with Manifest(journal, ABOUT) as manifest:
        assert dict(manifest.items()) == {3: _content(3)}
    assert journal.closed


def test_a_power_cut_takes_no_more_than_32_mib():
    journal = FakeJournal()
    manifest = Manifest(journal, Copy("s", "w", 1 << 40))
    for leaf in range(0, 1000, 8):
        manifest.add_all([(n, _content(n)) for n in range(leaf, leaf + 8)], leaf)
        behind = (len(journal.held) - journal.synced) // RECORD_BYTES
        assert behind * LEAF_BYTES <= 32 << 20
    assert journal.syncs <= 1000 // 64
    journal.cut_power()

    assert len(dict(Manifest(journal, Copy("s", "w", 1 << 40)).items())) >= 1000 - 64


def test_leaves_that_come_out_of_order_are_read_in_order(tmp_path):
    """As pieces end: any of those in work may be next, and later ones wait for none."""
    dice = random.Random(1)
    waiting = list(range(0, 4000, 2))
    underway: list[int] = []
    with Manifest(tmp_path / "m", Copy("s", "w", 1 << 40)) as manifest:
        while waiting or underway:
            while waiting and len(underway) < 16:
                underway.append(waiting.pop(0))
            leaf = dice.choice(underway)
            manifest.add_all([(leaf, _content(leaf))], min(underway))
            underway.remove(leaf)
        expected = [(leaf, _content(leaf)) for leaf in range(0, 4000, 2)]

        assert list(manifest.items()) == expected
        assert manifest.content(2000) == _content(2000)
        assert manifest.content(2001) is None
        assert manifest.root == root((leaf, content.digest) for leaf, content in expected)
        assert manifest.ahead <= 32
    with Manifest(tmp_path / "m", Copy("s", "w", 1 << 40)) as manifest:
        assert list(manifest.items()) == expected
        assert manifest.frontier > 3900
        assert manifest.data_bytes == 2000 * LEAF_BYTES


def test_a_hole_below_the_frontier_needs_nothing_and_one_beyond_it_does(tmp_path):
    with Manifest(tmp_path / "m", Copy("s", "w", 1 << 40)) as manifest:
        manifest.add_all([(10, _content(10))], 10)
        manifest.add_all([(15, _content(15))], 12)

        assert 11 in manifest
        assert 15 in manifest
        assert 13 not in manifest


def test_records_that_an_earlier_manifest_left_behind_a_torn_tail_are_not_taken(tmp_path):
    """As a file system may bring them back: they are whole, but of another chain."""
    path = tmp_path / "m"

    def written(leaves):
        path.unlink(missing_ok=True)
        with Manifest(path, ABOUT) as manifest:
            for leaf in leaves:
                manifest.add(leaf, _content(leaf))
        return path.read_bytes()

    old, new = written([0, 1, 2, 3]), written([0, 1])
    path.write_bytes(new + old[len(new) :])

    with Manifest(path, ABOUT) as manifest:
        assert [leaf for leaf, _ in manifest.items()] == [0, 1]


def test_a_leaf_that_is_added_twice_is_counted_once(path):
    with Manifest(path, ABOUT) as manifest:
        done = manifest.done_bytes
        manifest.add(2, _content(99))

        assert (manifest.done_bytes, dict(manifest.items())) == (done, LEAVES)


def test_one_that_is_closed_takes_nothing_but_can_be_read(path):
    with Manifest(path, ABOUT) as manifest:
        pass
    with pytest.raises(Conflict, match="closed"):
        manifest.add(7, _content(7))

    assert dict(manifest.items()) == LEAVES


def test_a_new_beginning_forgets_everything(path):
    with Manifest(path, ABOUT) as manifest:
        manifest.finish()
        manifest.restart()

        assert (dict(manifest.items()), manifest.complete) == ({}, False)
        assert (manifest.done_bytes, manifest.data_bytes, manifest.frontier) == (0, 0, 0)


def test_memory_does_not_grow_with_the_disk(tmp_path):
    """8 GiB in order, and what is read of it later: some pages, not 16,384 leaves."""
    about = Copy("s", "w", 8 << 30)
    tracemalloc.start()
    try:
        with Manifest(tmp_path / "m", about) as manifest:
            for leaf in range(0, 16_384, 8):
                manifest.add_all([(n, _content(n)) for n in range(leaf, leaf + 8)], leaf)
            manifest.finish()
        with Manifest(tmp_path / "m", about) as manifest:
            assert len(manifest.root) == 64
            assert sum(1 for _ in manifest.items()) == 16_384
        _, peak_bytes = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()

    assert peak_bytes < 1 << 20
    assert (tmp_path / "m").stat().st_size < 16_384 * RECORD_BYTES + 1000
