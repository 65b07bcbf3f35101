"""A target is read back: what differs is named, copied once more where it can be, or refused."""

import pytest

from coldferry.content import LEAF_BYTES
from coldferry.copying import copy_disk, mending
from coldferry.errors import CorruptCopy
from coldferry.manifest import Copy, Manifest
from coldferry.verifying import read_back
from tests.unit.fake_disks import MIB, FakeReader, FakeWriter

SIZE = 16 * MIB
ALLOCATED = [(0, MIB), (4 * MIB, 5 * MIB), (15 * MIB, 4096)]


@pytest.fixture
def source():
    held = bytearray(SIZE)
    for offset, length in ALLOCATED:
        held[offset : offset + length] = bytes([offset // MIB + 1]) * length
    return FakeReader(bytes(held), ALLOCATED)


@pytest.fixture
def target():
    return FakeWriter(SIZE)


@pytest.fixture
def manifest(tmp_path, source, target):
    with Manifest(tmp_path / "m", Copy("frozen", target.identity, SIZE)) as manifest:
        copy_disk(source, target, manifest)
        yield manifest


def test_only_what_the_target_lists_as_allocated_is_read(target, manifest):
    reader = FakeReader(target.held, ALLOCATED)
    root, proof = read_back(reader, manifest, "fake")

    assert root == manifest.root
    assert proof.equal
    assert sum(length for _, length in reader.reads) == sum(length for _, length in ALLOCATED)


@pytest.mark.parametrize(
    ("where", "leaf"),
    [(100, 0), (2 * MIB, 4), (9 * MIB - 1, 17), (15 * MIB + 4096, 30), (SIZE - 1, 31)],
    ids=["first", "in a hole", "end of an extent", "behind one, in its leaf", "the disk's last"],
)
def test_one_byte_that_differs_anywhere_is_named(target, manifest, where, leaf):
    target.held[where] ^= 0xFF
    with pytest.raises(CorruptCopy) as failed:
        read_back(FakeReader(target.held), manifest, "fake", device="sdf")

    assert "of sdf differs from the source in 1 place" in failed.value.what
    assert f"bytes {leaf * LEAF_BYTES}-{(leaf + 1) * LEAF_BYTES - 1}." in failed.value.what


def test_data_that_the_target_does_not_list_is_missing(target, manifest):
    """The last ones too, behind all that is listed."""
    with pytest.raises(CorruptCopy, match="in 11 places"):
        read_back(FakeReader(target.held, ALLOCATED[:1]), manifest, "fake")


def test_what_differs_is_copied_once_more_and_read_again(source, target, manifest):
    target.held[100] ^= 1
    target.held[2 * MIB + 70_000] ^= 1
    before = len(target.writes)
    root, proof = read_back(
        FakeReader(target.held), manifest, "fake", mend=mending(source_of(source), target)
    )

    assert (root, proof.equal) == (manifest.root, True)
    assert bytes(target.held) == source.held
    assert sum(length for _, length in target.writes[before:]) == LEAF_BYTES
    assert sum(length for _, length in target.zeroed) == LEAF_BYTES


def source_of(reader: FakeReader) -> FakeReader:
    """The same bytes, all allocated: a stretch that is mended is read whole."""
    return FakeReader(reader.held)


def test_what_differs_again_is_refused(source, target, manifest):
    class Forgetful(FakeWriter):
        def write(self, offset, view):
            self.writes.append((offset, len(view)))

    target.held[100] ^= 1
    forgetful = Forgetful(SIZE)
    with pytest.raises(CorruptCopy, match="of sdf differs from the source in 1 place"):
        read_back(
            FakeReader(target.held), manifest, "fake", device="sdf",
            mend=mending(source_of(source), forgetful),
        )  # fmt: skip

    assert sum(length for _, length in forgetful.writes) == LEAF_BYTES


def test_bytes_are_told_as_they_are_read(target, manifest):
    told = []
    read_back(
        FakeReader(target.held, ALLOCATED), manifest, "fake",
        device="sdf", on_progress=lambda *now: told.append(now),
    )  # fmt: skip

    assert told[-1] == ("sdf", 6 * MIB + 4096, 6 * MIB + 4096)
