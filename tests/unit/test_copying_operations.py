"""Exactly which requests a copy makes of either end."""

import pytest

from coldferry.content import GRAIN_BYTES, LEAF_BYTES
from coldferry.copying import copy_disk
from coldferry.errors import Drifted, Transient
from coldferry.manifest import Copy, Manifest
from coldferry.ports import Limits
from tests.unit.fake_disks import (
    MIB,
    WIDE,
    FakeDigestReader,
    FakeDigestWriter,
    FakeReader,
    FakeWriter,
)

BLOCKS = Limits(LEAF_BYTES, LEAF_BYTES, 4)


def _held(size: int, *pieces: tuple[int, int]) -> bytes:
    held = bytearray(size)
    for offset, length in pieces:
        held[offset : offset + length] = b"\x07" * length
    return bytes(held)


@pytest.fixture
def copy(tmp_path):
    def copied(reader, writer, **fields):
        about = Copy("frozen", writer.identity, reader.size_bytes)
        with Manifest(tmp_path / "m", about) as manifest:
            copy_disk(reader, writer, manifest, **fields)
            return dict(manifest.items())

    return copied


def test_only_what_is_allocated_is_read_and_each_byte_of_it_once(copy):
    """Not the window of 4 MiB around it."""
    allocated = [(4096, 8192), (3 * MIB, 65536), (9 * MIB + 4096, 5 * MIB)]
    reader = FakeReader(_held(16 * MIB, *allocated), allocated)
    copy(reader, FakeWriter(16 * MIB))

    # The last piece begins with the leaf that its data begins in.
    cut = 13 * MIB
    assert sorted(reader.reads) == [
        *allocated[:2],
        (9 * MIB + 4096, cut - 9 * MIB - 4096),
        (cut, MIB + 4096),
    ]


def test_requests_are_as_large_as_the_target_takes_and_cut_at_grains(copy):
    """Zeros that are allocated are left out from 64 KiB on, where a grain of the disk is zero."""
    held = _held(8 * MIB, (0, MIB), (MIB + GRAIN_BYTES, 100), (4 * MIB, 4 * MIB))
    writer = FakeWriter(8 * MIB)
    copy(FakeReader(held), writer)

    assert sorted(writer.writes) == [
        (0, MIB),
        (MIB + GRAIN_BYTES, GRAIN_BYTES),
        (4 * MIB, 4 * MIB),
    ]


def test_a_run_that_is_longer_than_a_request_is_cut_at_a_grain(copy):
    """Also where the target's most is no multiple of a grain, and where the data begins inside."""
    limits = Limits(512, 5 * GRAIN_BYTES + 512, 4)
    allocated = [(GRAIN_BYTES + 4096, 8 * GRAIN_BYTES)]
    writer = FakeWriter(MIB, limits)
    copy(FakeReader(_held(MIB, *allocated), allocated), writer)

    assert sorted(writer.writes) == [
        (GRAIN_BYTES + 4096, 5 * GRAIN_BYTES - 4096),
        (6 * GRAIN_BYTES, 3 * GRAIN_BYTES + 4096),
    ]


def test_of_a_grain_only_what_is_allocated_is_sent(copy):
    allocated = [(GRAIN_BYTES + 8192, 4096)]
    writer = FakeWriter(MIB)
    copy(FakeReader(_held(MIB, *allocated), allocated), writer)

    assert writer.writes == allocated


def test_where_blocks_are_large_exactly_those_that_are_not_zero_are_sent(copy):
    held = _held(8 * MIB, (0, 1), (3 * LEAF_BYTES - 1, 2), (12 * LEAF_BYTES, LEAF_BYTES))
    writer = FakeWriter(8 * MIB, BLOCKS)
    copy(FakeReader(held), writer)

    assert sorted(writer.writes) == [(n * LEAF_BYTES, LEAF_BYTES) for n in (0, 2, 3, 12)]


def test_a_digest_that_was_verified_by_a_read_is_recorded_and_sent(copy):
    held = _held(4 * MIB, (0, 1), (5 * LEAF_BYTES, 9))
    reader = FakeDigestReader(held, [(0, LEAF_BYTES), (2 * MIB, 2 * MIB)], BLOCKS)
    writer = FakeDigestWriter(4 * MIB, BLOCKS)
    recorded = copy(reader, writer)

    told = {leaf: content.digest for leaf, content in recorded.items() if not content.zero}
    assert set(told) == {0, 5}
    assert writer.digests == told
    assert [offset // LEAF_BYTES for offset, _ in sorted(reader.reads)] == [0, 4, 5, 6, 7]


def test_no_end_gets_more_requests_at_once_than_it_takes(copy):
    """The fakes refuse one more; each is used as much as it can be."""
    reader = FakeReader(bytes(64 * MIB), None, Limits(512, MIB, 8))
    writer = FakeWriter(64 * MIB, Limits(512, MIB, 1))
    copy(reader, writer)

    assert 1 <= reader.most_at_once <= 8


def test_extents_are_asked_for_in_windows_that_grow_over_emptiness(copy):
    class Huge(FakeReader):
        def __init__(self, size_bytes):
            super().__init__(b"")
            self.size_bytes = size_bytes

    small, large = Huge(16 << 30), Huge(32 << 40)
    for reader in (small, large):
        writer = FakeWriter(0)
        writer.size_bytes = reader.size_bytes
        copy(reader, writer)

    assert max(length for _, length in large.windows) > 4 << 30
    assert len(small.windows) <= 3
    assert len(large.windows) <= 45


def test_the_same_data_on_a_much_larger_disk_takes_as_many_requests(copy):
    class Scattered(FakeReader):
        """So many extents of 100 KiB, as far apart as the disk is large."""

        def __init__(self, size_bytes):
            super().__init__(b"")
            self.size_bytes = size_bytes
            apart = size_bytes // 200 // 4096 * 4096
            self.allocated = [(n * apart + 8192, 102_400) for n in range(200)]

        def read_into(self, offset, view):
            self.reads.append((offset, len(view)))
            view[:] = b"x" * len(view)

    class Counting(FakeWriter):
        def __init__(self, size_bytes):
            super().__init__(0)
            self.size_bytes = size_bytes

        def write(self, offset, view):
            self.writes.append((offset, len(view)))

    counted = {}
    for size_bytes in (16 << 30, 2 << 40):
        reader, writer = Scattered(size_bytes), Counting(size_bytes)
        copy(reader, writer)
        counted[size_bytes] = (len(reader.reads), len(writer.writes))
        assert len(reader.windows) < 16
        assert sum(length for _, length in writer.writes) == 200 * 102_400

    assert len(set(counted.values())) == 1


def test_a_source_that_shrinks_while_it_is_walked_ends_the_copy(copy):
    """Its own walk stops short; what it does not speak of is no hole."""

    class Shrinking(FakeReader):
        def extents(self, offset, length):
            yield from super().extents(offset, min(length, MIB))

    with pytest.raises(Drifted, match="1048576-4194303"):
        copy(Shrinking(_held(4 * MIB, (0, 4 * MIB))), FakeWriter(4 * MIB))


@pytest.mark.parametrize("change", [-MIB, MIB])
def test_a_source_of_another_size_at_the_end_ends_the_copy(copy, change):
    class Changing(FakeReader):
        def read_into(self, offset, view):
            super().read_into(offset, view)
            self.size_bytes = 4 * MIB + change

    with pytest.raises(Drifted, match="4194304 bytes when its copy began"):
        copy(Changing(_held(4 * MIB, (0, 4096)), [(0, 4096)]), FakeWriter(8 * MIB))


def test_of_a_piece_whose_read_answered_short_nothing_is_sent_or_recorded(tmp_path):
    class Short(FakeReader):
        def read_into(self, offset, view):
            if offset == 5 * MIB:
                super().read_into(offset, view[:512])
                raise Transient("Of 1048576 bytes only 512 came.")
            super().read_into(offset, view)

    held = _held(8 * MIB, (0, 8 * MIB))
    limits = Limits(512, MIB, 1)
    writer = FakeWriter(8 * MIB, limits)
    with Manifest(tmp_path / "m", Copy("f", "fake@1", 8 * MIB)) as manifest:
        with pytest.raises(Transient, match="only 512 came"):
            copy_disk(Short(held, None, limits), writer, manifest)
        done = {leaf for leaf, _ in manifest.items()}

    assert done.isdisjoint({10, 11})
    assert not any(writer.held[5 * MIB : 6 * MIB])
    for leaf in done:
        assert all(writer.held[leaf * LEAF_BYTES : (leaf + 1) * LEAF_BYTES])


def test_a_target_that_holds_some_of_it_is_sent_the_rest(copy):
    """The manifest was lost: leaves that are whole at the target are not sent again."""
    held = _held(8 * MIB, (0, 8 * MIB))
    first = FakeWriter(8 * MIB)
    copy(FakeReader(held), first)
    writer = FakeWriter(8 * MIB)
    writer.held[:] = first.held
    writer.held[3 * MIB + 700 : 4 * MIB] = bytes(MIB - 700)  # torn
    writer.identity = "fake@1, its manifest lost"
    there = FakeReader(writer.held, [(0, 3 * MIB + 1024), (4 * MIB, 4 * MIB)], WIDE)
    recorded = copy(FakeReader(held), writer, held=there)

    assert writer.held == first.held
    assert writer.writes == [(3 * MIB, MIB)]
    assert len(recorded) == 16
