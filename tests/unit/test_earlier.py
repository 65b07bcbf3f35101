"""Which disk at the target a copy goes on with, of a machine that was copied before its halt."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from coldferry.content import Content
from coldferry.copying import Allocation
from coldferry.disk import Extent
from coldferry.errors import ColdferryError, Conflict, Denied, Gone, ProviderError, Transient
from coldferry.manifest import Copy, Manifest
from coldferry.migration import early_of
from coldferry.ports import FrozenDisk, Proof, VerifiedDisk
from providers.manifests import VARIABLE, open_folder
from providers.memory.cloud import MemoryCloud
from tasks.earlier import copied_before, copied_from, gone_on_from, known_disk
from tests.conformance.cases import MIGRATION, TargetCase, begin
from tests.conformance.worlds import ANSWERS, a_source, a_target

EARLY = "before-the-halt"


class World:
    """A target whose disk was begun, and written to, from the state before the halt."""

    def __init__(self) -> None:
        self.cloud = a_target()
        case = TargetCase(self.cloud, ANSWERS, lambda _ref, _offset, length: bytes(length))
        self.plan, frozen = begin(case)
        self.device = frozen.device
        early = FrozenDisk(early_of(MIGRATION), self.device, EARLY)
        with self.cloud.open_disk(self.plan, early) as writer:
            writer.write(0, memoryview(b"a" * 512))
            self.identity = writer.identity
        with self.manifest(early_of(MIGRATION), EARLY) as manifest:
            manifest.add(0, Content(b"a" * 32, 1, 1))
            manifest.finish()

    def manifest(self, word: str, source: str) -> Manifest:
        size = self.device.disk.size_bytes
        where = open_folder().open(word, self.device.name)
        return Manifest(where, Copy(source, self.identity, size))

    def open_after_halt(self, ref: str) -> tuple[str, bool]:
        """What the disk is called that is gone on with, and whether it holds what it held."""
        frozen = FrozenDisk(MIGRATION, self.device, ref, frozenset({EARLY}))
        with (
            copied_before(frozen) as earlier,
            known_disk(self.cloud, self.plan, frozen, earlier) as writer,
        ):
            name = self.plan.object_name(self.device.name)
            held = bytearray(512)
            self.cloud.world.disks[name].read(0, memoryview(held))
            return writer.identity, bytes(held) == b"a" * 512

    def since(self, source: "FakeDiffering") -> Allocation | None:
        """What is read again after the halt; None for all."""
        frozen = FrozenDisk(MIGRATION, self.device, "halted-1", frozenset({EARLY}))
        with (
            self.cloud.open_disk(self.plan, frozen) as writer,
            copied_before(frozen) as earlier,
            gone_on_from(source, frozen, writer, earlier) as since,
        ):
            assert since is not None
            return since.changed


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> World:
    monkeypatch.setenv(VARIABLE, str(tmp_path))
    return World()


class RefusingChanges:
    """Tells what changed in the first MiB, and then nothing more."""

    size_bytes = 1 << 34

    def __init__(self, error: ColdferryError) -> None:
        self.error = error

    def extents(self, offset: int, length: int) -> Iterator[Extent]:
        if offset:
            raise self.error
        yield Extent(offset, length)


class FakeDiffering(MemoryCloud):
    """A source whose list of changes ends by an error."""

    def __init__(self, error: ColdferryError) -> None:
        super().__init__(a_source().world)
        self.error = error

    @contextmanager
    def changes(self, before: FrozenDisk, after: FrozenDisk) -> Iterator[RefusingChanges]:
        assert (before.ref, after.ref) == (EARLY, "halted-1")
        yield RefusingChanges(self.error)


@pytest.mark.parametrize("error", [Denied("No."), Gone("It is gone."), ProviderError("It is odd.")])
def test_a_list_of_changes_that_is_refused_on_its_way_has_all_read_again(
    world: World, error: ColdferryError
) -> None:
    assert world.since(FakeDiffering(error)) is None


def test_a_list_of_changes_that_could_be_had_later_is_asked_for_again(world: World) -> None:
    with pytest.raises(Transient):
        world.since(FakeDiffering(Transient("Busy.")))


def test_what_it_was_copied_from_is_known_once_that_is_deleted(world: World) -> None:
    """Else a run that goes on after that would begin the disk anew."""
    assert copied_from(FrozenDisk(MIGRATION, world.device, "halted-1")) == {EARLY}


def test_what_was_copied_before_the_halt_is_gone_on_with(world: World) -> None:
    assert world.open_after_halt("halted-1") == (world.identity, True)


def test_a_copy_that_died_after_the_halt_is_gone_on_with(world: World) -> None:
    with world.manifest(MIGRATION, "halted-1") as manifest:
        manifest.add(3, Content(b"b" * 32, 1, 1))

    assert world.open_after_halt("halted-1") == (world.identity, True)


def test_a_disk_with_grains_of_an_earlier_halt_is_begun_anew(world: World) -> None:
    """What was written and undone in between would stay, as it differs from neither state."""
    with world.manifest(MIGRATION, "halted-1") as manifest:
        manifest.add(3, Content(b"b" * 32, 1, 1))

    identity, held = world.open_after_halt("halted-2")
    assert (identity != world.identity, held) == (True, False)


def test_a_new_machine_of_an_earlier_halt_is_never_taken_for_one_of_a_later(world: World) -> None:
    """It would pass as proven, as nobody reads the disk of a machine that is made."""
    with world.manifest(MIGRATION, "halted-1") as manifest:
        manifest.finish()
    disks = []
    for device in world.plan.devices:
        state = FrozenDisk(MIGRATION, device, "halted-1", frozenset({EARLY}))
        with world.cloud.open_disk(world.plan, state) as writer:
            proof = Proof("none: this test is not about it", "nobody", equal=True)
            disks.append(VerifiedDisk(device, writer.commit(), "", proof))
    world.cloud.allocate(world.plan, disks)

    assert world.open_after_halt("halted-1") == (world.identity, True)
    with pytest.raises(Conflict):
        world.open_after_halt("halted-2")
