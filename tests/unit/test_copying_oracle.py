"""The fast copy and the plain one do the same, for any disk and any limits."""

from hypothesis import given, settings
from hypothesis import strategies as st

from coldferry.copying import copy_disk
from coldferry.copying.plain import copy_plainly
from coldferry.errors import Transient
from coldferry.manifest import Copy, Manifest
from coldferry.verifying import read_back
from tests.unit.disk_strategies import GeneratedDisk, disks, limits
from tests.unit.fake_disks import FakeReader, FakeWriter, merged


def _copied(disk: GeneratedDisk, reading, writing, path, copy, *, exact=False):
    reader = FakeReader(disk.held, disk.allocated, reading)
    writer = FakeWriter(len(disk.held), writing, exact=exact)
    with Manifest(path, Copy("frozen", "fake@1", len(disk.held))) as manifest:
        copy(reader, writer, manifest)
        return writer, list(manifest.items()), manifest.root, manifest.complete


@settings(deadline=None, max_examples=150)
@given(disk=disks(), reading=limits(), writing=limits(), exact=st.booleans())
def test_both_leave_the_same_bytes_and_the_same_manifest(
    tmp_path_factory, disk, reading, writing, exact
):
    folder = tmp_path_factory.mktemp("m")
    fast, *recorded = _copied(disk, reading, writing, folder / "fast", copy_disk, exact=exact)
    plain, *expected = _copied(disk, reading, writing, folder / "plain", copy_plainly, exact=exact)

    assert bytes(fast.held[: len(disk.held)]) == disk.held == bytes(plain.held[: len(disk.held)])
    assert not any(fast.held[len(disk.held) :])
    assert recorded == expected
    assert fast.sent_bytes <= plain.sent_bytes


@settings(deadline=None, max_examples=60)
@given(disk=disks(), reading=limits(most_block_bytes=4096), dice=st.randoms())
def test_a_root_does_not_depend_on_what_is_allocated(tmp_path_factory, disk, reading, dice):
    """A hole, zeros that are allocated, and any way to tell them apart."""
    folder = tmp_path_factory.mktemp("m")
    whole = GeneratedDisk(disk.held, ((0, len(disk.held)),))
    parts = tuple(
        part
        for offset, length in merged(disk.allocated)
        for cut in [dice.randint(0, length)]
        for part in [(offset, cut), (offset + cut, length - cut)]
        if part[1]
    )
    ways = [disk, whole, GeneratedDisk(disk.held, parts)]
    roots = {
        _copied(way, reading, reading, folder / str(index), copy_disk)[2]
        for index, way in enumerate(ways)
    }

    assert len(roots) == 1


@settings(deadline=None, max_examples=60)
@given(disk=disks(), limit=limits())
def test_what_was_copied_is_proven_by_any_reader_of_it(tmp_path_factory, disk, limit):
    path = tmp_path_factory.mktemp("m") / "m"
    writer, _, root, _ = _copied(disk, limit, limit, path, copy_disk)
    with Manifest(path, Copy("frozen", "fake@1", len(disk.held))) as manifest:
        back = FakeReader(bytes(writer.held[: len(disk.held)]), None, limit)

        assert read_back(back, manifest, "fake")[0] == root


class DyingWriter(FakeWriter):
    """Takes so many requests, and none after them."""

    def __init__(self, size_bytes, limits, lives):
        super().__init__(size_bytes, limits)
        self.lives = lives

    def write(self, offset, view):
        with self._lock:
            self.lives -= 1
            if self.lives < 0:
                raise Transient("The connection is gone.")
        super().write(offset, view)


@settings(deadline=None, max_examples=100)
@given(
    disk=disks(),
    reading=limits(),
    writing=limits(),
    lives=st.lists(st.integers(0, 12), min_size=1, max_size=3),
)
def test_a_copy_that_dies_anywhere_and_goes_on_leaves_the_same(
    tmp_path_factory, disk, reading, writing, lives
):
    """Each time in a new process, as it were: what it knows is the manifest and the target."""
    folder, size = tmp_path_factory.mktemp("m"), len(disk.held)
    about = Copy("frozen", "fake@1", size)
    reader, writer = FakeReader(disk.held, disk.allocated, reading), DyingWriter(size, writing, 0)
    for some in [*lives, 1 << 30]:
        writer.lives = some
        with Manifest(folder / "m", about) as manifest:
            try:
                copy_disk(reader, writer, manifest)
            except Transient:
                continue
            recorded = [list(manifest.items()), manifest.root, manifest.complete]
    _, *expected = _copied(disk, reading, writing, folder / "plain", copy_plainly)

    assert bytes(writer.held[:size]) == disk.held
    assert recorded == expected
