"""The workloads hold exactly the data that they say, and the same everywhere."""

import hashlib
import os

import pytest

from benchmarks.workloads import (
    BLOCK_BYTES,
    GIB,
    MIB,
    SHAPES,
    data_bytes,
    first_difference,
    holes,
    make,
)

SCALE = 1 / 256


@pytest.mark.parametrize("name", sorted(SHAPES))
def test_a_workload_has_its_data_where_it_says_and_zeros_elsewhere(name, tmp_path):
    made = make(name, tmp_path, SCALE)

    assert made.path.stat().st_size == made.size_bytes
    assert made.data_bytes == data_bytes(name, SCALE) == round(SHAPES[name].data_bytes * SCALE)
    assert made.size_bytes == (
        SHAPES[name].size_bytes
        if "2t" in name or name == "empty"
        else SHAPES[name].size_bytes * SCALE
    )
    with made.path.open("rb") as file:
        for offset, length in made.extents:
            assert offset % 4096 == 0
            assert all(
                any(os.pread(file.fileno(), 4096, at))
                for at in range(offset, offset + length, 4096)
            )
        for offset, length in holes(made):
            for at in (offset, offset + length - 4096):
                assert not any(os.pread(file.fileno(), 4096, at))


def test_extents_are_apart_and_holes_and_extents_cover_the_disk(tmp_path):
    made = make("w2", tmp_path, SCALE)

    spans = sorted([*made.extents, *holes(made)])
    ends = [offset + length for offset, length in spans]
    assert [offset for offset, _ in spans] == [0, *ends[:-1]]
    assert ends[-1] == made.size_bytes


def test_a_sparse_disk_is_allocated_where_it_has_data_and_w2z_everywhere(tmp_path):
    sparse, zeros = make("w2", tmp_path, SCALE), make("w2z", tmp_path, SCALE)

    assert sparse.path.stat().st_blocks * 512 < 2 * sparse.data_bytes
    assert zeros.path.stat().st_blocks * 512 >= zeros.size_bytes
    assert zeros.data_bytes == sparse.data_bytes


def test_a_workload_is_the_same_each_time_and_is_made_once(tmp_path):
    first = make("w2", tmp_path / "a", SCALE)
    second = make("w2", tmp_path / "b", SCALE)
    written = first.path.stat().st_mtime_ns

    digests = {hashlib.sha256(made.path.read_bytes()).hexdigest() for made in (first, second)}
    assert len(digests) == 1
    assert make("w2", tmp_path / "a", SCALE).path.stat().st_mtime_ns == written


def test_a_workload_that_was_cut_short_is_made_anew(tmp_path):
    made = make("w1", tmp_path, SCALE)
    os.truncate(made.path, 1)

    assert make("w1", tmp_path, SCALE).path.stat().st_size == made.size_bytes


def test_blocks_are_those_that_hold_anything(tmp_path):
    dense, sparse = make("w1", tmp_path, SCALE), make("w2", tmp_path, SCALE)

    assert dense.blocks() == dense.size_bytes // BLOCK_BYTES
    with sparse.path.open("rb") as file:
        found = sum(
            any(os.pread(file.fileno(), BLOCK_BYTES, at))
            for at in range(0, sparse.size_bytes, BLOCK_BYTES)
        )
    assert sparse.blocks() == found


def test_the_full_w2_has_1143_extents_of_64_kib_to_4_mib():
    from benchmarks.workloads import _extents

    extents = _extents(SHAPES["w2"], 16 * GIB, GIB)

    assert len(extents) == 1143
    assert sum(length for _, length in extents) == GIB
    assert {length % 65536 for _, length in extents} == {0}
    assert max(length for _, length in extents) <= 4 * MIB
    assert extents[-1][0] + extents[-1][1] <= 16 * GIB


def test_a_copy_that_differs_anywhere_is_found(tmp_path):
    made = make("w2", tmp_path, SCALE)
    copy = tmp_path / "copy.raw"
    copy.write_bytes(made.path.read_bytes())
    assert first_difference(made, copy) is None

    offset, length = made.extents[3]
    with copy.open("r+b") as file:
        file.seek(offset + length - 1)
        file.write(b"\0")
    assert first_difference(made, copy) is not None

    copy.write_bytes(made.path.read_bytes())
    gap, _ = next(holes(made))
    with copy.open("r+b") as file:
        file.seek(gap)
        file.write(b"a")
    assert first_difference(made, copy) is not None

    os.truncate(copy, made.size_bytes - 512)
    assert first_difference(made, copy) == made.size_bytes - 512
