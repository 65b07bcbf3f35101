"""The laws of what comes after a migration, which every target obeys with those of ``laws``."""

from dataclasses import replace

import pytest

from coldferry.errors import BadInput, Conflict, Gone
from coldferry.ports import PowerState
from tests.conformance.cases import MIGRATION, TargetCase, begin, written


class CutoverLaws:
    """Of its cutover, its way back after that, and its end."""

    def test_a_new_machine_is_behind_deny_all_until_it_is_opened_up(self, case: TargetCase) -> None:
        plan, _ = begin(case)
        assert case.cloud.arrived(MIGRATION) is None
        vm = case.cloud.allocate(plan, written(case, plan))
        behind = case.cloud.arrived(MIGRATION)
        assert behind is not None
        assert (behind.vm, behind.power) == (vm, PowerState.STOPPED)
        assert len(behind.interfaces) == len(plan.machine.nics)
        assert {*behind.groups}.isdisjoint(behind.offered)
        assert case.cloud.temporary(MIGRATION)

        wanted = behind.offered[0]
        for _ in range(2):
            case.cloud.open_up(MIGRATION, [wanted])
            opened = case.cloud.arrived(MIGRATION)
            assert opened == replace(behind, groups=(wanted,))
        assert case.cloud.compare(plan, vm) == []

        case.cloud.open_up(MIGRATION, [""])
        assert case.cloud.arrived(MIGRATION) == replace(behind, groups=("",))

    def test_a_group_that_is_not_offered_changes_nothing(self, case: TargetCase) -> None:
        plan, _ = begin(case)
        with pytest.raises(Gone):
            case.cloud.open_up(MIGRATION, ["any"])
        case.cloud.allocate(plan, written(case, plan))
        before = case.cloud.arrived(MIGRATION)
        assert before is not None

        for wrong in ("nobody-s", before.groups[0]):  # ours is nobody's real group
            with pytest.raises(BadInput):
                case.cloud.open_up(MIGRATION, [wrong])
        assert case.cloud.arrived(MIGRATION) == before

    def test_what_a_discarded_machine_wrote_is_kept_until_it_is_erased(
        self, case: TargetCase
    ) -> None:
        plan, _ = begin(case)
        vm = case.cloud.allocate(plan, written(case, plan))
        case.cloud.start(vm)
        with pytest.raises(Conflict):
            case.cloud.keep(MIGRATION)
        assert case.cloud.kept(MIGRATION) == []
        case.cloud.stop(vm)

        kept = case.cloud.keep(MIGRATION)
        assert len(kept) == len(plan.devices)
        assert case.cloud.keep(MIGRATION) == kept
        gone = case.cloud.discard(MIGRATION)
        assert {one.id for one in gone}.isdisjoint({one.id for one in kept})
        assert case.cloud.kept(MIGRATION) == kept
        assert sorted(one.id for one in case.cloud.owned(MIGRATION)) == [one.id for one in kept]
        assert case.cloud.keep(MIGRATION) == kept

        assert [one.id for one in case.cloud.erase_kept(MIGRATION)] == [one.id for one in kept]
        assert case.cloud.erase_kept(MIGRATION) == []
        assert case.cloud.owned(MIGRATION) == []

    def test_what_was_handed_over_is_ours_no_more(self, case: TargetCase) -> None:
        plan, _ = begin(case)
        vm = case.cloud.allocate(plan, written(case, plan))
        assert {one.severity for one in case.cloud.at_hand_over(MIGRATION)} == {"refuse"}
        with pytest.raises(Conflict):
            case.cloud.hand_over(MIGRATION)
        behind = case.cloud.arrived(MIGRATION)
        assert behind is not None
        case.cloud.open_up(MIGRATION, [behind.offered[0]])
        expected = [one.id for one in case.cloud.temporary(MIGRATION)]
        assert case.cloud.at_hand_over(MIGRATION) == []

        gone = case.cloud.hand_over(MIGRATION)

        try:
            assert [one.id for one in gone] == expected
            assert all(one.at.endswith("Z") and one.means and one.answer for one in gone)
            assert case.cloud.hand_over(MIGRATION) == []
            assert case.cloud.owned(MIGRATION) == []
            assert case.cloud.arrived(MIGRATION) is None
            assert case.cloud.discard(MIGRATION) == []
            assert vm in case.cloud.machines()
        finally:
            case.clear()
