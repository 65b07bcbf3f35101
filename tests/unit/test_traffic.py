"""What a copy takes, counted beforehand, beside what a copy of the same disk asked for."""

import tempfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from coldferry.content import LEAF_BYTES
from coldferry.copying import copy_disk
from coldferry.manifest import Copy, Manifest
from coldferry.ports import Limits
from coldferry.traffic import End, listings, measured, traffic, until, whole
from coldferry.verifying import read_back
from tests.unit.fake_disks import (
    MIB,
    WIDE,
    FakeDigestReader,
    FakeDigestWriter,
    FakeReader,
    FakeWriter,
    merged,
)

GIB = 1 << 30
BLOCKS = Limits(LEAF_BYTES, LEAF_BYTES, 4)
NARROW = Limits(512, 192 * 1024, 4)
LEAVES, PAGES = End(BLOCKS, whole_leaves=True), End(WIDE)
ENDS = {"leaves": LEAVES, "pages": PAGES, "narrow": End(NARROW), "blocks": End(BLOCKS)}

spans = st.lists(st.integers(0, 12 * 1024), min_size=0, max_size=12, unique=True).map(
    lambda marks: [(a * 1024, b * 1024) for a, b in zip(*[iter(sorted(marks))] * 2, strict=False)]
)


def disk_of(allocated: list[tuple[int, int]], source: End) -> tuple[FakeReader, list[tuple]]:
    """12 MiB in which all that is allocated is not zero; what it says is allocated, as spans."""
    made = FakeDigestReader if source.whole_leaves else FakeReader
    extents = [(start, end - start) for start, end in allocated]
    reader = made(bytes(12 * MIB), extents, source.limits)
    held = bytearray(reader.size_bytes)
    for offset, length in reader.allocated:
        held[offset : offset + length] = b"\x07" * length
    reader.held = bytes(held)
    return reader, [(offset, offset + length) for offset, length in merged(reader.allocated)]


@settings(max_examples=25, deadline=None)
@given(spans, st.sampled_from(["leaves", "pages", "narrow"]), st.sampled_from(sorted(ENDS)))
def test_a_copy_and_its_proof_ask_for_what_was_counted(allocated, source, target):
    reader, told = disk_of(allocated, ENDS[source])
    made = FakeDigestWriter if ENDS[target].whole_leaves else FakeWriter
    writer = made(reader.size_bytes, ENDS[target].limits)
    # The fake's digests are none, so that its copies cannot be proven.
    proven = not ENDS[source].whole_leaves and not ENDS[target].whole_leaves
    with tempfile.TemporaryDirectory() as folder:
        about = Copy("frozen", writer.identity, reader.size_bytes)
        with Manifest(Path(folder) / "m", about) as manifest:
            copy_disk(reader, writer, manifest)
            sent = [(offset, length) for offset, length in sorted(writer.writes)]
            back = FakeReader(writer.held, sent, ENDS[target].limits)
            if proven:
                read_back(back, manifest, "test")

    found = traffic(told, reader.size_bytes, ENDS[source], ENDS[target])

    assert (found.reads, found.read_bytes) == _counted(reader.reads)
    assert (found.writes, found.sent_bytes) == _counted(writer.writes)
    if proven:
        assert (found.back_reads, found.back_bytes) == _counted(back.reads)


def _counted(requests: list[tuple[int, int]]) -> tuple[int, int]:
    return len(requests), sum(length for _, length in requests)


def test_zeros_that_are_allocated_are_read_and_make_less_to_send():
    reader = FakeDigestReader(bytes(12 * MIB), [(0, 12 * MIB)], BLOCKS)
    found = traffic([(0, 12 * MIB)], 12 * MIB, LEAVES, PAGES)
    writer = FakeWriter(12 * MIB)
    with tempfile.TemporaryDirectory() as folder:
        about = Copy("frozen", writer.identity, reader.size_bytes)
        with Manifest(Path(folder) / "m", about) as manifest:
            copy_disk(reader, writer, manifest)

    assert found.read_bytes == 12 * MIB == sum(length for _, length in reader.reads)
    assert writer.sent_bytes == 0 < found.sent_bytes


@settings(max_examples=50, deadline=None)
@given(spans, st.integers(0, 23), st.sampled_from(sorted(ENDS)), st.sampled_from(sorted(ENDS)))
def test_more_data_never_takes_fewer_bytes(allocated, leaf, source, target):
    more = (leaf * LEAF_BYTES, (leaf + 1) * LEAF_BYTES)
    block = ENDS[source].limits.block_size_bytes  # a provider tells whole ones
    told = _union([(a // block * block, -(-b // block) * block) for a, b in allocated])
    before = traffic(told, 12 * MIB, ENDS[source], ENDS[target])
    after = traffic(_union([*told, more]), 12 * MIB, ENDS[source], ENDS[target])

    assert before.read_bytes <= after.read_bytes
    assert before.sent_bytes <= after.sent_bytes
    assert before.back_bytes <= after.back_bytes


def _union(marks: list[tuple[int, int]]) -> list[tuple[int, int]]:
    found: list[tuple[int, int]] = []
    for start, end in sorted(marks):
        if found and start <= found[-1][1]:
            found[-1] = (found[-1][0], max(end, found[-1][1]))
        else:
            found.append((start, end))
    return found


@pytest.mark.parametrize("size", [0, 512, MIB, GIB - 512, GIB, GIB + 512, 3 * GIB + 5 * MIB])
@pytest.mark.parametrize("source", ["leaves", "pages"])
def test_a_whole_disk_is_counted_as_if_all_of_it_were_allocated(size, source):
    azurelike = End(WIDE, commit_bytes=512, commit_writes=1)
    told = [(0, size)] if size else []

    found = whole("disk0", size, ENDS[source], azurelike)

    assert found.traffic == traffic(told, size, ENDS[source], azurelike)
    assert (found.listed, found.allocated_bytes) == (False, size)


def test_sixteen_tebibytes_are_counted_at_once():
    found = whole("disk0", 16 << 40, LEAVES, PAGES)

    assert found.traffic.reads == (16 << 40) // LEAF_BYTES


def test_what_is_measured_says_how_much_and_in_how_many_stretches():
    found = measured("disk1", 12 * MIB, [(0, MIB), (2 * MIB, 4 * MIB)], LEAVES, PAGES)

    assert (found.allocated_bytes, found.stretches, found.listed) == (3 * MIB, 2, True)
    assert found.traffic.reads == 6


@pytest.mark.parametrize(
    ("size", "windows"), [(GIB, 1), (4 * GIB, 1), (8 * GIB, 2), (16 * GIB, 3), (125 * GIB, 6)]
)
def test_a_sparse_disk_is_listed_in_windows_that_widen(size, windows):
    reader = FakeReader(b"", [], WIDE)
    reader.size_bytes = size
    from coldferry.copying import data_extents

    list(data_extents(reader))

    assert listings(size, 1) == windows == len(reader.windows)


def test_a_list_that_takes_too_long_is_given_up():
    with pytest.raises(TimeoutError):
        list(until(0.0, [(0, 512)]))
