"""The copy leaves the source's bytes at the target, whatever happens on the way."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from coldferry.content import LEAF_BYTES
from coldferry.copying import copy_disk
from coldferry.errors import CorruptCopy, Failed, Transient
from coldferry.manifest import Copy, Manifest
from coldferry.verifying import read_back
from providers.memory.disks import MemoryReader, MemoryWriter
from providers.memory.world import MIB, StoredDisk

SIZES = [512, 4096, LEAF_BYTES - 1, LEAF_BYTES, LEAF_BYTES + 1, 3 * MIB + 512, 5 * MIB + 7]


def _disk(size: int, pieces: list[tuple[int, int, int]]) -> StoredDisk:
    disk = StoredDisk("source", size)
    for place, length, byte in pieces:
        start = place % size
        disk.write(start, memoryview(bytes([byte]) * min(length, size - start)))
    return disk


def _bytes(disk: StoredDisk, size: int) -> bytes:
    found = bytearray(size)
    disk.read(0, memoryview(found))
    return bytes(found)


def _target(size: int) -> StoredDisk:
    return StoredDisk("target", -(-size // 512) * 512, frozen_ref="f", sealed=False)


def _copy(source: StoredDisk, target: StoredDisk, folder, writer=None) -> Manifest:
    writer = writer or MemoryWriter(target)
    about = Copy("frozen", writer.identity, source.size_bytes)
    with Manifest(folder / "manifest", about) as manifest:
        copy_disk(MemoryReader(source, source.size_bytes), writer, manifest)
    return manifest


@settings(deadline=None, max_examples=60)
@given(
    size=st.sampled_from(SIZES),
    pieces=st.lists(
        st.tuples(st.integers(0, 6 * MIB), st.integers(1, 300_000), st.integers(0, 255)),
        max_size=8,
    ),
)
def test_the_target_holds_the_source_s_bytes(tmp_path_factory, size, pieces):
    source, target = _disk(size, pieces), _target(size)
    manifest = _copy(source, target, tmp_path_factory.mktemp("m"))

    assert _bytes(target, size) == _bytes(source, size)
    found, proof = read_back(MemoryReader(target, size), manifest, "memory")
    assert found == manifest.root
    assert proof.equal


def test_an_empty_disk_sends_nothing(tmp_path):
    target = _target(4 * MIB)
    writer = MemoryWriter(target)
    _copy(_disk(4 * MIB, []), target, tmp_path, writer)

    assert (writer.sent_bytes, writer.requests) == (0, 0)


def test_allocated_zeros_are_not_sent(tmp_path):
    target = _target(4 * MIB)
    writer = MemoryWriter(target)
    _copy(_disk(4 * MIB, [(0, 4 * MIB, 0), (70_000, 10, 1)]), target, tmp_path, writer)

    assert writer.sent_bytes == 64 * 1024


class _Dying(MemoryWriter):
    """Fails for good after so many requests."""

    def __init__(self, disk: StoredDisk, lives: int) -> None:
        super().__init__(disk)
        self.lives = lives

    def write(self, offset: int, view: memoryview) -> None:
        if self.requests >= self.lives:
            raise Transient("The connection is gone.")
        super().write(offset, view)


def test_a_copy_that_died_late_sends_little_again(tmp_path):
    size = 40 * MIB
    source, target = _disk(size, [(0, size, 7)]), _target(size)
    with pytest.raises(Transient):
        _copy(source, target, tmp_path, _Dying(target, 38))
    writer = MemoryWriter(target)
    _copy(source, target, tmp_path, writer)

    assert _bytes(target, size) == _bytes(source, size)
    assert writer.sent_bytes <= size // 10


def test_a_finished_copy_sends_nothing_again(tmp_path):
    source, target = _disk(4 * MIB, [(0, 9999, 7)]), _target(4 * MIB)
    _copy(source, target, tmp_path)
    writer = MemoryWriter(target)
    _copy(source, target, tmp_path, writer)

    assert writer.requests == 0


def test_a_target_that_is_too_small_is_refused_before_a_byte_is_sent(tmp_path):
    target = _target(1 * MIB)
    with pytest.raises(Failed, match="1048576"):
        _copy(_disk(2 * MIB, [(0, 10, 1)]), target, tmp_path)


@pytest.mark.parametrize("where", [0, 700_000], ids=["in data", "in a hole"])
def test_a_target_that_differs_is_found_out(tmp_path, where):
    source, target = _disk(4 * MIB, [(0, 9999, 7)]), _target(4 * MIB)
    manifest = _copy(source, target, tmp_path)
    target.write(where, memoryview(b"!"))

    with pytest.raises(CorruptCopy, match="in 1 place of"):
        read_back(MemoryReader(target, 4 * MIB), manifest, "memory")


def test_a_sealed_disk_is_only_compared(tmp_path):
    source, target = _disk(4 * MIB, [(0, 9999, 7)]), _target(4 * MIB)
    _copy(source, target, tmp_path)
    target.sealed = True
    (tmp_path / "manifest").unlink()
    manifest = _copy(source, target, tmp_path)

    assert read_back(MemoryReader(target, 4 * MIB), manifest, "memory")[1].equal
