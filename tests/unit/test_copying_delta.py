"""A copy that goes on from an earlier state of the disk: the later state, and no byte too many."""

from contextlib import suppress

from hypothesis import given, settings
from hypothesis import strategies as st

from coldferry.content import GRAIN_BYTES, LEAF_BYTES, ZERO_DIGEST, Content, root
from coldferry.copying import Allocation, Since, copy_disk, ever_put
from coldferry.disk import Limits
from coldferry.errors import Transient
from coldferry.manifest import Copy, Manifest
from coldferry.verifying import read_back
from tests.unit.disk_strategies import GeneratedDisk, disks, limits
from tests.unit.fake_disks import MIB, WIDE, FakeDigestWriter, FakeReader, FakeWriter

FULL = 1 << 30
LEAVES = Limits(block_size_bytes=LEAF_BYTES, max_request_bytes=LEAF_BYTES, max_in_flight=4)


class AnyReader(FakeReader):
    """Answers for holes, too: they are zeros."""

    def read_into(self, offset, view):
        with self._one_request(offset, len(view), self.size_bytes):
            self.reads.append((offset, len(view)))
            view[:] = self.held[offset : offset + len(view)]


class DyingWriter(FakeWriter):
    """Takes so many requests of either kind, and none after them."""

    lives = FULL

    def write(self, offset, view):
        self._live()
        super().write(offset, view)

    def zero(self, offset, length):
        self._live()
        super().zero(offset, length)

    def _live(self):
        with self._lock:
            self.lives -= 1
            if self.lives < 0:
                raise Transient("The connection is gone.")


@st.composite
def changed(draw: st.DrawFn, disk: GeneratedDisk) -> tuple[GeneratedDisk, list[tuple[int, int]]]:
    """The disk as it is later, and ``(offset, length)`` of what changed, or may have."""
    held, size = bytearray(disk.held), len(disk.held)
    spans = []
    for start in sorted(draw(st.lists(st.integers(0, size - 1), max_size=8))):
        length = draw(st.sampled_from([1, 512, 4096, 70_000, LEAF_BYTES, 2 * MIB]))
        length = min(length, size - start)
        fill = draw(st.sampled_from([b"\x00", b"\x05", b"\x01", b"same"]))
        if fill != b"same":
            held[start : start + length] = fill * length
        spans.append((start, length))
    allocated = draw(st.sampled_from([((0, size),), tuple(_held(held))]))
    return GeneratedDisk(bytes(held), allocated), _union(spans)


def _held(held: bytearray) -> list[tuple[int, int]]:
    """The 4 KiB that are not zero: as little as may be told to be allocated."""
    pages = range(0, len(held), 4096)
    return [(at, min(4096, len(held) - at)) for at in pages if any(held[at : at + 4096])]


def _union(spans: list[tuple[int, int]]) -> list[tuple[int, int]]:
    found: list[tuple[int, int]] = []
    for start, length in sorted(spans):
        if found and start <= sum(found[-1]):
            stop = max(sum(found[-1]), start + length)
            found[-1] = (found[-1][0], stop - found[-1][0])
        else:
            found.append((start, length))
    return found


def _inside(requests, spans, unit):
    """Each request lies in the spans, widened to multiples of ``unit``."""
    edges = [(at // unit * unit, -(-(at + size) // unit) * unit) for at, size in spans]
    wide = _union([(start, stop - start) for start, stop in edges])
    return all(any(a <= at and at + size <= a + n for a, n in wide) for at, size in requests)


def _nonzero(manifest):
    return [(leaf, content) for leaf, content in manifest.items() if not content.zero]


@settings(deadline=None, max_examples=100)
@given(st.data(), disks(), limits(most_block_bytes=4096), limits(), st.booleans())
def test_any_changes_arrive_and_nothing_else_is_sent(
    tmp_path_factory, data, disk, reading, writing, told
):
    """Killed anywhere on the way, too: what goes on knows both manifests and the target."""
    folder, size = tmp_path_factory.mktemp("m"), len(disk.held)
    later, spans = data.draw(changed(disk))
    lives = data.draw(st.lists(st.integers(0, 8), max_size=2))
    writer = DyingWriter(size, writing)
    with Manifest(folder / "before", Copy("before", "fake@1", size)) as before:
        copy_disk(AnyReader(disk.held, disk.allocated, reading), writer, before)
    writer.writes.clear()
    reader = AnyReader(later.held, later.allocated, reading)

    for some in [*lives, FULL]:
        writer.lives = some
        changes = Allocation(AnyReader(later.held, spans, WIDE)) if told else None
        about = Copy("before", "fake@1", size), Copy("after", "fake@1", size)
        with (
            Manifest(folder / "before", about[0]) as before,
            Manifest(folder / "after", about[1]) as after,
            suppress(Transient),
        ):
            copy_disk(reader, writer, after, since=Since(before, changes))
    with Manifest(folder / "after", Copy("after", "fake@1", size)) as after:
        assert after.complete
        recorded = _nonzero(after)
        back = FakeReader(bytes(writer.held[:size]), None, WIDE)
        assert read_back(back, after, "fake")[0] == after.root

    assert bytes(writer.held[:size]) == later.held
    assert not any(writer.held[size:])
    unit = max(GRAIN_BYTES, writing.block_size_bytes) if told else LEAF_BYTES
    assert _inside([*writer.writes, *writer.zeroed], spans, unit)
    if told:
        assert _inside(reader.reads, spans, LEAF_BYTES)
    with Manifest(folder / "plain", Copy("after", "fake@2", size)) as plain:
        copy_disk(AnyReader(later.held, later.allocated, reading), FakeWriter(size), plain)
        assert recorded == _nonzero(plain)
        assert root((leaf, content.digest) for leaf, content in recorded) == plain.root


def test_of_a_leaf_that_changed_in_a_page_one_grain_is_sent(tmp_path):
    held = bytearray(b"\x07" * 4 * MIB)
    writer = FakeWriter(len(held))
    with Manifest(tmp_path / "before", Copy("before", "fake@1", len(held))) as before:
        copy_disk(FakeReader(held), writer, before)
        writer.writes.clear()
        held[MIB + 5000] = 1
        changes = Allocation(FakeReader(held, [(MIB + 4096, 4096)]))
        with Manifest(tmp_path / "after", Copy("after", "fake@1", len(held))) as after:
            reader = FakeReader(held)
            copy_disk(reader, writer, after, since=Since(before, changes))

    assert writer.writes == [(MIB, GRAIN_BYTES)]
    assert reader.reads == [(MIB, LEAF_BYTES)]
    assert writer.held == held


class KeepingWriter(FakeDigestWriter):
    """Names each leaf that was ever put, as it is by now: also those that were put as zeros."""

    def zero(self, offset, length):
        super().zero(offset, length)
        for leaf in range(offset // LEAF_BYTES, -(-(offset + length) // LEAF_BYTES)):
            self.digests[leaf] = ZERO_DIGEST


@settings(deadline=None, max_examples=50)
@given(st.data(), disks(), st.booleans())
def test_all_that_was_ever_put_is_named_by_both_manifests(tmp_path_factory, data, disk, told):
    folder, size = tmp_path_factory.mktemp("m"), len(disk.held)
    later, spans = data.draw(changed(disk))
    writer = KeepingWriter(-(-size // LEAF_BYTES) * LEAF_BYTES, LEAVES)
    about = Copy("before", "fake@1", size), Copy("after", "fake@1", size)
    with (
        Manifest(folder / "before", about[0]) as before,
        Manifest(folder / "after", about[1]) as after,
    ):
        copy_disk(AnyReader(disk.held, disk.allocated, WIDE), writer, before)
        assert list(ever_put(before)) == sorted(writer.digests.items())
        changes = Allocation(AnyReader(later.held, spans, WIDE)) if told else None
        reader = AnyReader(later.held, later.allocated, WIDE)
        copy_disk(reader, writer, after, since=Since(before, changes))

        assert list(ever_put(after, before)) == sorted(writer.digests.items())
        with Manifest(folder / "other", Copy("before", "fake@2", size)) as other:
            copy_disk(AnyReader(disk.held, disk.allocated, WIDE), FakeWriter(size), other)
            assert list(ever_put(after, other)) == list(ever_put(after))


def test_what_was_freed_is_zeroed_where_leaves_are_written_whole(tmp_path):
    held = bytearray(b"\x07" * 2 * MIB)
    writer = FakeDigestWriter(len(held), LEAVES)
    with Manifest(tmp_path / "before", Copy("before", "fake@1", len(held))) as before:
        copy_disk(FakeReader(held), writer, before)
        writer.writes.clear()
        held[:LEAF_BYTES] = bytes(LEAF_BYTES)
        held[MIB : MIB + 512] = bytes(512)
        changes = Allocation(FakeReader(held, [(0, LEAF_BYTES), (MIB, 512)]))
        with Manifest(tmp_path / "after", Copy("after", "fake@1", len(held))) as after:
            copy_disk(FakeReader(held), writer, after, since=Since(before, changes))

    assert writer.zeroed == [(0, LEAF_BYTES)]
    assert writer.writes == [(MIB, LEAF_BYTES)]
    assert writer.held == held


def test_a_disk_that_did_not_change_costs_nothing(tmp_path):
    held = bytearray(b"\x07" * 4 * MIB)
    writer = FakeWriter(len(held))
    with Manifest(tmp_path / "before", Copy("before", "fake@1", len(held))) as before:
        copy_disk(FakeReader(held), writer, before)
        writer.writes.clear()
        with Manifest(tmp_path / "after", Copy("after", "fake@1", len(held))) as after:
            reader, changes = FakeReader(held), Allocation(FakeReader(held, []))
            copy_disk(reader, writer, after, since=Since(before, changes))

            assert after.root == before.root
    assert (reader.reads, writer.writes, writer.zeroed) == ([], [], [])


def test_memory_does_not_grow_with_what_did_not_change(tmp_path):
    """Of 40,000 leaves that are carried over, none waits for its turn."""
    size = 40_000 * LEAF_BYTES
    with Manifest(tmp_path / "before", Copy("before", "fake@1", size)) as before:
        leaves = [(leaf, Content(leaf.to_bytes(32, "big"), 255, 128)) for leaf in range(1, 40_000)]
        for at in range(0, len(leaves), 1000):
            before.add_all(leaves[at : at + 1000], leaves[at][0])
        before.finish()
        with Manifest(tmp_path / "after", Copy("after", "fake@1", size)) as after:
            changes = Allocation(HugeReader(size))
            copy_disk(HugeReader(size), HugeWriter(size), after, since=Since(before, changes))

            assert after.ahead <= 1024
            assert sum(1 for _ in after.items()) == len(leaves)


class HugeReader(FakeReader):
    """Of zeros; nothing of it has changed."""

    def __init__(self, size_bytes):
        super().__init__(b"", [])
        self.size_bytes = size_bytes


class HugeWriter(FakeWriter):
    """Takes nothing."""

    def __init__(self, size_bytes):
        super().__init__(0)
        self.size_bytes = size_bytes
