"""Laws of a source: a running machine is frozen too, and some tell what changed since."""

import pytest

from coldferry.abilities import Differing
from coldferry.copying import Allocation
from coldferry.migration import early_of
from coldferry.plan import devices_of
from coldferry.ports import FrozenDisk
from tests.conformance.cases import MIGRATION, SourceCase

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
