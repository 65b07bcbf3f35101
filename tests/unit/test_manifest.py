"""The manifest survives what can happen to a file."""

import pytest

from coldferry.content import Content
from coldferry.errors import Conflict
from coldferry.manifest import MAGIC, Copy, Manifest

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
