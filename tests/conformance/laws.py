"""The laws of ``coldferry.ports``, for every provider: a provider's own file is a page.

A provider's test class inherits the suites it claims and answers what each
suite's fixtures ask for.
"""

import random
from dataclasses import replace
from typing import Any

import pytest

from coldferry.errors import Conflict, CorruptCopy, Finding, UnknownMachine
from coldferry.leaves import leaves
from coldferry.migration import Marks, State
from coldferry.plan import Plan
from coldferry.ports import FrozenDisk, PowerState, Proof
from coldferry.translation import ACKNOWLEDGE, Verdict
from tests.conformance.cases import MIGRATION, SourceCase, TargetCase, begin, go_on, piece, written
from tests.conformance.laws_cutover import CutoverLaws
from tests.conformance.laws_deltas import EarlyLaws, FollowingLaws
from tests.conformance.worlds import a_machine


class SourceLaws(EarlyLaws):
    """What every source obeys."""

    @pytest.fixture
    def case(self) -> SourceCase:
        """Answered by the provider's own class."""
        raise NotImplementedError

    def test_an_unknown_machine_is_said_to_be_unknown(self, case: SourceCase) -> None:
        with pytest.raises(UnknownMachine):
            case.cloud.describe("i-00000000000000000")

    def test_every_machine_that_is_listed_can_be_described(self, case: SourceCase) -> None:
        listed = case.cloud.machines()

        assert case.vm in listed
        assert listed == case.cloud.machines()
        assert [case.cloud.describe(vm).origin.id for vm in listed] == listed

    def test_describing_twice_says_the_same(self, case: SourceCase) -> None:
        assert case.cloud.describe(case.vm) == case.cloud.describe(case.vm)

    def test_marks_are_read_back_and_are_no_part_of_the_description(self, case: SourceCase) -> None:
        before = case.cloud.describe(case.vm)
        marks = Marks(MIGRATION, State.HALTED, "running")
        case.cloud.mark(case.vm, marks)

        assert case.cloud.marks(case.vm) == marks
        assert (case.vm, marks) in list(case.cloud.marked())
        assert case.cloud.describe(case.vm) == before

        moved = Marks(MIGRATION, State.CUT_OVER, "running", "2026-03-01T08:00:00Z")
        case.cloud.mark(case.vm, moved)

        assert case.cloud.marks(case.vm) == moved

        case.cloud.mark(case.vm, Marks(MIGRATION, State.ROLLED_BACK))

        assert case.cloud.marks(case.vm) == Marks(MIGRATION, State.ROLLED_BACK)

    def test_stopping_twice_is_stopping_once(self, case: SourceCase) -> None:
        case.cloud.stop(case.vm)
        case.cloud.stop(case.vm)

        assert case.cloud.power(case.vm) is PowerState.STOPPED

    def test_starting_twice_is_starting_once(self, case: SourceCase) -> None:
        case.cloud.stop(case.vm)
        case.cloud.start(case.vm)
        case.cloud.start(case.vm)

        assert case.cloud.power(case.vm) is PowerState.RUNNING

    def test_freezing_twice_is_freezing_once(self, case: SourceCase) -> None:
        plan = _plan(case.cloud.describe(case.vm))
        case.cloud.stop(case.vm)
        first = case.cloud.freeze(case.vm, MIGRATION, plan.devices)

        assert first == case.cloud.freeze(case.vm, MIGRATION, plan.devices)
        assert [frozen.device for frozen in first] == plan.devices

    def test_a_frozen_state_is_void_once_the_machine_ran_again(self, case: SourceCase) -> None:
        plan = _plan(case.cloud.describe(case.vm))
        case.cloud.stop(case.vm)
        first = case.cloud.freeze(case.vm, MIGRATION, plan.devices)
        case.cloud.start(case.vm)
        case.cloud.stop(case.vm)
        second = case.cloud.freeze(case.vm, MIGRATION, plan.devices)

        assert [f.device for f in first] == [f.device for f in second]
        assert _made_anew(first, second)

    def test_a_start_since_the_freeze_is_told(self, case: SourceCase) -> None:
        plan = _plan(case.cloud.describe(case.vm))
        case.cloud.stop(case.vm)
        frozen = case.cloud.freeze(case.vm, MIGRATION, plan.devices)

        assert not case.cloud.started_since(case.vm, frozen)

        assert case.cloud.ran_since(case.vm, MIGRATION) is False

        case.cloud.start(case.vm)

        assert case.cloud.started_since(case.vm, frozen)
        assert case.cloud.ran_since(case.vm, MIGRATION) is True

        case.cloud.stop(case.vm)

        assert case.cloud.ran_since(case.vm, MIGRATION) is True

    def test_without_a_frozen_disk_nobody_can_tell_whether_it_ran(self, case: SourceCase) -> None:
        assert case.cloud.ran_since(case.vm, "nobody-there-00000000-a1") is None

    def test_the_frozen_disks_are_what_a_release_deletes(self, case: SourceCase) -> None:
        plan = _plan(case.cloud.describe(case.vm))
        case.cloud.stop(case.vm)
        refs = {one.ref for one in case.cloud.freeze(case.vm, MIGRATION, plan.devices)}

        assert {one.id for one in case.cloud.frozen(MIGRATION)} == refs
        assert case.cloud.frozen("nobody-there-00000000-a1") == []
        assert {one.id for one in case.cloud.release(MIGRATION)} == refs
        assert case.cloud.frozen(MIGRATION) == []

    def test_a_frozen_disk_reads_as_the_disk(self, case: SourceCase) -> None:
        plan = _plan(case.cloud.describe(case.vm))
        case.cloud.stop(case.vm)
        for frozen in case.cloud.freeze(case.vm, MIGRATION, plan.devices):
            with case.cloud.open_frozen(frozen) as reader:
                assert reader.size_bytes == frozen.device.disk.size_bytes
                window = 4 << 30
                at = 0
                for extent in reader.extents(0, min(window, reader.size_bytes)):
                    assert extent.offset == at
                    at += extent.length
                    if not extent.data:
                        continue
                    length = min(extent.length, reader.limits.max_request_bytes)
                    found = bytearray(length)
                    reader.read_into(extent.offset, memoryview(found))
                    assert found == case.disk_bytes(frozen.ref, extent.offset, length)
                assert at == min(window, reader.size_bytes)

    def test_preflight_of_a_machine_in_order_refuses_nothing_at_any_time(
        self, case: SourceCase
    ) -> None:
        plan = _plan(case.cloud.describe(case.vm))

        def refused() -> list[Finding]:
            found = case.cloud.preflight_source(case.vm, plan)
            return [finding for finding in found if finding.severity == "refuse"]

        assert refused() == []
        case.cloud.stop(case.vm)
        case.cloud.freeze(case.vm, MIGRATION, plan.devices)
        assert refused() == []

    def test_preflight_changes_nothing_at_the_source(self, case: SourceCase) -> None:
        plan = _plan(case.cloud.describe(case.vm))
        before = case.cloud.describe(case.vm), case.cloud.power(case.vm), case.cloud.owned()
        marks = case.cloud.marks(case.vm)

        case.cloud.preflight_source(case.vm, plan)

        after = case.cloud.describe(case.vm), case.cloud.power(case.vm), case.cloud.owned()
        assert (after, case.cloud.marks(case.vm)) == (before, marks)

    def test_releasing_deletes_what_was_frozen_and_again_deletes_nothing(
        self, case: SourceCase
    ) -> None:
        plan = _plan(case.cloud.describe(case.vm))
        case.cloud.freeze(case.vm, MIGRATION, plan.devices)

        assert case.cloud.owned(MIGRATION)
        tagged = {(one.migration, one.id) for one in case.cloud.tagged()}
        assert {(one.migration, one.id) for one in case.cloud.owned()} <= tagged
        gone = case.cloud.release(MIGRATION)
        assert len(gone) == len(plan.devices)
        assert all(one.at.endswith("Z") and one.means and one.answer for one in gone)
        assert case.cloud.release(MIGRATION) == []
        assert case.cloud.owned(MIGRATION) == []


class TargetLaws(CutoverLaws, FollowingLaws):
    """What every target obeys."""

    @pytest.fixture
    def case(self) -> TargetCase:
        """Answered by the provider's own class."""
        raise NotImplementedError

    def test_every_leaf_gets_exactly_one_verdict(self, case: TargetCase) -> None:
        machine = a_machine()
        translation = case.cloud.translate(machine, case.cloud.catalogue(), {})

        assert [field.path for field in translation.fields] == [
            leaf.path for leaf in leaves(machine)
        ]

    def test_preflight_of_an_open_plan_looks_at_what_is_decided_and_creates_nothing(
        self, case: TargetCase
    ) -> None:
        machine = a_machine()
        translation = case.cloud.translate(machine, case.cloud.catalogue(), {})
        assert translation.missing
        plan = Plan(migration=MIGRATION, machine=machine, translation=translation)
        before = case.cloud.owned(), case.cloud.machines()

        assert [f for f in case.cloud.preflight(plan) if f.severity == "refuse"] == []
        assert (case.cloud.owned(), case.cloud.machines()) == before

    def test_what_the_migration_has_made_is_no_fault_to_preflight(self, case: TargetCase) -> None:
        plan, _ = begin(case)
        disks = written(case, plan)
        assert [f for f in case.cloud.preflight(plan) if f.severity == "refuse"] == []

        case.cloud.allocate(plan, disks)

        assert [f for f in case.cloud.preflight(plan) if f.severity == "refuse"] == []

    def test_translating_is_deterministic(self, case: TargetCase) -> None:
        catalogue = case.cloud.catalogue()

        assert case.cloud.translate(a_machine(), catalogue, {}) == case.cloud.translate(
            a_machine(), catalogue, {}
        )

    def test_every_gap_with_candidates_takes_its_first(self, case: TargetCase) -> None:
        catalogue = case.cloud.catalogue()
        gaps = [f for f in case.cloud.translate(a_machine(), catalogue, {}).fields if f.open]
        answers = {
            gap.path: gap.candidates[0].value if gap.verdict is Verdict.MISSING else ACKNOWLEDGE
            for gap in gaps
        }

        case.cloud.translate(a_machine(), catalogue, answers)

    def test_written_bytes_are_there_and_the_rest_is_zero(self, case: TargetCase) -> None:
        plan, frozen = begin(case)
        with case.cloud.open_disk(plan, frozen) as writer:
            length = piece(writer, 4096)
            data = random.Random(1).randbytes(length)
            writer.write(2 * length, memoryview(data))
            ref = writer.commit()

        assert case.disk_bytes(ref, 2 * length, length) == data
        assert case.disk_bytes(ref, 0, 2 * length) == bytes(2 * length)
        with case.cloud.open_written(plan, ref) as reader:
            assert reader.size_bytes == frozen.device.disk.size_bytes
            found = bytearray(3 * length)
            reader.read_into(length, memoryview(found))
            assert found == bytes(length) + data + bytes(length)

    def test_zeroing_overwrites_an_earlier_put(self, case: TargetCase) -> None:
        plan, frozen = begin(case)
        with case.cloud.open_disk(plan, frozen) as writer:
            length = piece(writer, 4096)
            writer.write(0, memoryview(b"x" * length))
            writer.zero(0, length)
            ref = writer.commit()

        assert case.disk_bytes(ref, 0, length) == bytes(length)

    def test_a_disk_left_open_is_adopted_with_what_it_holds(self, case: TargetCase) -> None:
        plan, frozen = begin(case)
        with case.cloud.open_disk(plan, frozen) as writer:
            length = piece(writer)
            first, second = b"a" * length, b"b" * length
            writer.write(0, memoryview(first))
            identity = writer.identity
        with case.cloud.open_disk(plan, frozen) as writer:
            assert (writer.identity, writer.sealed) == (identity, False)
            go_on(writer, first, second)
            writer.write(length, memoryview(second))
            ref = writer.commit()

        assert case.disk_bytes(ref, 0, 2 * length) == first + second

    def test_a_disk_begun_from_another_frozen_state_is_begun_anew(self, case: TargetCase) -> None:
        plan, frozen = begin(case)
        with case.cloud.open_disk(plan, frozen) as writer:
            length = piece(writer)
            writer.write(0, memoryview(b"a" * length))
            before = writer.identity
        later = FrozenDisk(frozen.migration, frozen.device, "another-frozen-state")
        with case.cloud.open_disk(plan, later) as writer:
            assert writer.identity != before
            ref = writer.commit()

        assert case.disk_bytes(ref, 0, length) == bytes(length)

    def test_committing_twice_is_committing_once(self, case: TargetCase) -> None:
        plan, frozen = begin(case)
        with case.cloud.open_disk(plan, frozen) as writer:
            ref = writer.commit()
        with case.cloud.open_disk(plan, frozen) as writer:
            assert writer.sealed
            assert writer.commit() == ref

    def test_what_does_not_fit_the_limits_is_refused(self, case: TargetCase) -> None:
        plan, frozen = begin(case)
        with case.cloud.open_disk(plan, frozen) as writer:
            block = piece(writer)
            for offset, length in ((1, block), (0, block - 1), (writer.size_bytes, block)):
                with pytest.raises(Conflict):
                    writer.write(offset, memoryview(bytes(length)))

    def test_an_unproven_disk_is_never_made_a_machine_of(self, case: TargetCase) -> None:
        plan, _ = begin(case)
        first, *rest = written(case, plan)
        before = case.cloud.owned(MIGRATION)
        unproven = replace(first, proof=Proof("none", "none", equal=False))

        with pytest.raises(CorruptCopy):
            case.cloud.allocate(plan, [unproven, *rest])
        assert case.cloud.owned(MIGRATION) == before

    def test_allocating_twice_makes_one_stopped_machine(self, case: TargetCase) -> None:
        plan, _ = begin(case)
        disks = written(case, plan)
        assert not any(case.cloud.in_use(plan, disk.ref) for disk in disks)
        vm = case.cloud.allocate(plan, disks)

        assert all(case.cloud.in_use(plan, disk.ref) for disk in disks)
        assert case.cloud.allocate(plan, disks) == vm
        assert vm in case.cloud.machines()
        assert case.cloud.power(vm) is PowerState.STOPPED
        assert case.cloud.compare(plan, vm) == []

    def test_a_machine_that_was_started_is_known_to_have_been(self, case: TargetCase) -> None:
        plan, _ = begin(case)
        vm = case.cloud.allocate(plan, written(case, plan))

        assert case.cloud.at_stake(MIGRATION, arrived=True) == []

        case.cloud.start(vm)
        case.cloud.stop(vm)

        found = case.cloud.at_stake(MIGRATION, arrived=True)
        assert {(one.severity, one.code) for one in found} == {("warn", "used")}

    def test_discarding_leaves_nothing_and_again_removes_nothing(self, case: TargetCase) -> None:
        plan, _ = begin(case)
        case.cloud.allocate(plan, written(case, plan))

        assert case.cloud.owned(MIGRATION)
        tagged = {(one.migration, one.id) for one in case.cloud.tagged()}
        assert {(one.migration, one.id) for one in case.cloud.owned()} <= tagged
        assert case.cloud.discard(MIGRATION)
        assert case.cloud.owned(MIGRATION) == []
        assert case.cloud.discard(MIGRATION) == []

    def test_discarding_also_ends_a_disk_that_is_still_open(self, case: TargetCase) -> None:
        plan, frozen = begin(case)
        with case.cloud.open_disk(plan, frozen) as writer:
            writer.write(0, memoryview(bytes(piece(writer))))
        case.cloud.discard(MIGRATION)

        assert case.cloud.owned(MIGRATION) == []


def _plan(machine: Any) -> Plan:
    from coldferry.translation import Translation

    return Plan(migration=MIGRATION, machine=machine, translation=Translation(fields=()))


def _made_anew(first: list[FrozenDisk], second: list[FrozenDisk]) -> bool:
    return {f.ref for f in first}.isdisjoint({f.ref for f in second})
