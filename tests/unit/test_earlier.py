"""Which disk at the target a copy goes on with, of a machine that was copied before its halt."""

from pathlib import Path

import pytest

from coldferry.content import Content
from coldferry.errors import Conflict
from coldferry.manifest import Copy, Manifest
from coldferry.migration import early_of
from coldferry.ports import FrozenDisk, Proof, VerifiedDisk
from providers.manifests import VARIABLE, open_folder
from tasks.earlier import copied_before, known_disk
from tests.conformance.cases import MIGRATION, TargetCase, begin
from tests.conformance.worlds import ANSWERS, a_target

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


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> World:
    monkeypatch.setenv(VARIABLE, str(tmp_path))
    return World()


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
