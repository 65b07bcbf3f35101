"""Laws of what is copied before the halt.

Of a source: a running machine is frozen too, and some tell what changed since. Of a target: a disk
that was begun from the state that is followed goes on with what it holds.
"""

import pytest

from coldferry.abilities import Differing
from coldferry.copying import Allocation
from coldferry.migration import early_of
from coldferry.plan import devices_of
from coldferry.ports import FrozenDisk
from tests.conformance.cases import MIGRATION, SourceCase, TargetCase, begin, go_on, piece

BLOCK_BYTES = 512 * 1024


class EarlyLaws:
    """Of every source: a state before the halt, and one after it."""

    def test_what_is_frozen_of_a_running_machine_stands_beside_what_is_frozen_after_its_halt(
        self, case: SourceCase
    ) -> None:
        devices = devices_of(case.cloud.describe(case.vm))
        early = case.cloud.freeze(case.vm, early_of(MIGRATION), devices)
        case.cloud.stop(case.vm)
        late = case.cloud.freeze(case.vm, MIGRATION, devices)

        assert _refs(early).isdisjoint(_refs(late))
        assert {one.id for one in case.cloud.frozen(early_of(MIGRATION))} == _refs(early)
        assert case.cloud.ran_since(case.vm, MIGRATION) is False
        assert {one.id for one in case.cloud.release(MIGRATION)} == _refs(late)
        assert {one.id for one in case.cloud.release(early_of(MIGRATION))} == _refs(early)


class FollowingLaws:
    """Of every target."""

    def test_a_disk_begun_from_the_state_that_is_followed_is_adopted_with_what_it_holds(
        self, case: TargetCase
    ) -> None:
        plan, frozen = begin(case)
        with case.cloud.open_disk(plan, frozen) as writer:
            length = piece(writer)
            first, second = b"a" * length, b"b" * length
            for at in (0, length):
                writer.write(at, memoryview(first))
            before = writer.identity
        follows = frozenset({frozen.ref, "of another disk"})
        later = FrozenDisk(frozen.migration, frozen.device, "a-later-frozen-state", follows)
        for _ in range(2):
            with case.cloud.open_disk(plan, later) as writer:
                assert (writer.identity, writer.sealed) == (before, False)
                writer.write(length, memoryview(second))
        with case.cloud.open_disk(plan, later) as writer:
            go_on(writer, first, second)
            ref = writer.commit()
        with case.cloud.open_disk(plan, later) as writer:
            assert (writer.identity, writer.sealed) == (before, True)

        assert case.disk_bytes(ref, 0, 2 * length) == first + second

    def test_what_was_put_before_a_followed_state_can_be_zeroed(self, case: TargetCase) -> None:
        plan, frozen = begin(case)
        with case.cloud.open_disk(plan, frozen) as writer:
            length = piece(writer)
            writer.write(0, memoryview(b"a" * length))
        follows = frozenset({frozen.ref})
        later = FrozenDisk(frozen.migration, frozen.device, "a-later-frozen-state", follows)
        with case.cloud.open_disk(plan, later) as writer:
            writer.zero(0, length)
        with case.cloud.open_disk(plan, later) as writer:
            go_on(writer, bytes(length))
            ref = writer.commit()

        assert case.disk_bytes(ref, 0, length) == bytes(length)


class DeltaLaws:
    """Of a machine with two disks at least, the first of which has a dozen blocks of 512 KiB."""

    @pytest.fixture
    def case(self) -> SourceCase:
        """Answered by the provider's own class."""
        raise NotImplementedError

    @pytest.fixture
    def states(self, case: SourceCase) -> tuple[list[FrozenDisk], list[FrozenDisk], list[int]]:
        """Its disks before and after its guest wrote to the first, and the blocks there."""
        machine = case.cloud.describe(case.vm)
        devices = devices_of(machine)
        assert case.write is not None
        device = devices[0]
        last = device.disk.size_bytes // BLOCK_BYTES - 1
        for block in (1, last):
            case.write(device.disk.id, block * BLOCK_BYTES, bytes(BLOCK_BYTES))
        case.write(device.disk.id, 3 * BLOCK_BYTES, b"a" * BLOCK_BYTES)
        case.write(device.disk.id, 9 * BLOCK_BYTES, b"b" * BLOCK_BYTES)
        early = case.cloud.freeze(case.vm, early_of(MIGRATION), devices)
        case.write(device.disk.id, BLOCK_BYTES, b"c" * BLOCK_BYTES)
        case.write(device.disk.id, 3 * BLOCK_BYTES, bytes(BLOCK_BYTES))
        case.write(device.disk.id, last * BLOCK_BYTES, b"d" * BLOCK_BYTES)
        case.cloud.stop(case.vm)
        late = case.cloud.freeze(case.vm, MIGRATION, devices)
        return early, late, [1, 3, last]

    def test_all_that_was_written_is_told_and_what_was_freed(
        self, case: SourceCase, states: tuple[list[FrozenDisk], list[FrozenDisk], list[int]]
    ) -> None:
        early, late, blocks = states
        assert isinstance(case.cloud, Differing)
        with case.cloud.changes(early[0], late[0]) as changes:
            assert changes is not None
            assert changes.size_bytes == late[0].device.disk.size_bytes
            spans = list(Allocation(changes).spans())
            inside = list(changes.extents(3 * BLOCK_BYTES, BLOCK_BYTES))
            beside = list(changes.extents(9 * BLOCK_BYTES, BLOCK_BYTES))

        assert spans == [(at * BLOCK_BYTES, (at + 1) * BLOCK_BYTES) for at in blocks]
        assert [(one.offset, one.length, one.data) for one in inside] == [
            (3 * BLOCK_BYTES, BLOCK_BYTES, True)
        ]
        assert [(one.offset, one.length, one.data) for one in beside] == [
            (9 * BLOCK_BYTES, BLOCK_BYTES, False)
        ]

    def test_what_is_gone_or_of_another_disk_cannot_be_compared(
        self, case: SourceCase, states: tuple[list[FrozenDisk], list[FrozenDisk], list[int]]
    ) -> None:
        early, late, _ = states
        assert isinstance(case.cloud, Differing)
        with case.cloud.changes(early[0], late[1]) as changes:
            assert changes is None
        case.cloud.release(early_of(MIGRATION))
        with case.cloud.changes(early[0], late[0]) as changes:
            assert changes is None


def _refs(frozen: list[FrozenDisk]) -> set[str]:
    return {one.ref for one in frozen}
