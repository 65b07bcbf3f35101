"""The laws of a source that can remove a machine which another took over from."""

from datetime import UTC, datetime, timedelta

import pytest

from coldferry.abilities import Removing
from coldferry.errors import Conflict, UnknownMachine
from coldferry.migration import Marks, State
from coldferry.plan import devices_of
from coldferry.ports import PowerState
from coldferry.removing import SOURCE_DISK, SOURCE_MACHINE
from tests.conformance.cases import MIGRATION, SourceCase


class RemovingLaws:
    """Of the last thing that is ever done to a source machine."""

    def test_only_a_stopped_machine_that_was_moved_is_removed(self, case: SourceCase) -> None:
        cloud, vm = _able(case)
        copied = [disk.id for disk in case.cloud.describe(vm).disks]

        def refused() -> set[str]:
            found = cloud.removal(vm, MIGRATION, copied).findings
            codes = {one.code for one in found if one.severity == "refuse"}
            with pytest.raises(Conflict):
                cloud.remove(vm, MIGRATION, copied)
            return codes

        assert refused() == {"not-moved", "source-runs"}
        case.cloud.stop(vm)
        assert refused() == {"not-moved"}
        other = MIGRATION.replace("-a1", "-a2")
        for marks in (Marks(MIGRATION, State.ROLLED_BACK), Marks(other, State.CUT_OVER)):
            case.cloud.mark(vm, marks)
            assert refused() == {"not-moved"}
        assert case.cloud.power(vm) is PowerState.STOPPED

    def test_a_disk_that_was_not_copied_keeps_it(self, case: SourceCase) -> None:
        cloud, vm = _able(case)
        case.cloud.stop(vm)
        case.cloud.mark(vm, _moved(hours=1))
        *copied, foreign = [disk.id for disk in case.cloud.describe(vm).disks]

        (found,) = cloud.removal(vm, MIGRATION, copied).findings
        assert (found.severity, found.code, found.subject) == ("refuse", "foreign-disk", foreign)
        with pytest.raises(Conflict):
            cloud.remove(vm, MIGRATION, copied)
        assert case.cloud.power(vm) is PowerState.STOPPED

    def test_a_machine_that_ran_since_it_was_cut_over_is_kept(self, case: SourceCase) -> None:
        cloud, vm = _able(case)
        copied = [disk.id for disk in case.cloud.describe(vm).disks]
        case.cloud.stop(vm)
        case.cloud.start(vm)
        case.cloud.stop(vm)
        untold = Marks(MIGRATION, State.FINALISED)
        for marks, code in ((_moved(hours=-1), "used-since"), (untold, "moved-untold")):
            case.cloud.mark(vm, marks)

            (found,) = cloud.removal(vm, MIGRATION, copied).findings
            assert (found.severity, found.code, found.subject) == ("refuse", code, vm)
            with pytest.raises(Conflict):
                cloud.remove(vm, MIGRATION, copied)
            assert case.cloud.power(vm) is PowerState.STOPPED

    def test_it_goes_with_its_disks_and_the_frozen_ones_stay(self, case: SourceCase) -> None:
        cloud, vm = _able(case)
        machine = case.cloud.describe(vm)
        copied = [disk.id for disk in machine.disks]
        case.cloud.stop(vm)
        frozen = case.cloud.freeze(vm, MIGRATION, devices_of(machine))
        case.cloud.mark(vm, _moved(hours=1))
        looked = cloud.removal(vm, MIGRATION, copied)
        named = {one.id for one in looked.things if one.kind in (SOURCE_MACHINE, SOURCE_DISK)}
        assert named == {vm, *copied}
        assert cloud.remaining(looked.things) == list(looked.things)

        gone = cloud.remove(vm, MIGRATION, copied)

        assert [one.id for one in gone] == [one.id for one in looked.things]
        assert all(one.at.endswith("Z") and one.means and one.answer for one in gone)
        assert cloud.remaining(looked.things) == []
        assert cloud.remove(vm, MIGRATION, copied) == []
        assert vm not in case.cloud.machines()
        with pytest.raises(UnknownMachine):
            cloud.removal(vm, MIGRATION, copied)
        assert {one.id for one in case.cloud.owned(MIGRATION)} == {one.ref for one in frozen}


def _moved(hours: int) -> Marks:
    """Cut over so many hours after now."""
    at = datetime.now(UTC) + timedelta(hours=hours)
    return Marks(MIGRATION, State.CUT_OVER, "running", at.isoformat(timespec="seconds"))


def _able(case: SourceCase) -> tuple[Removing, str]:
    cloud = case.cloud
    assert isinstance(cloud, Removing)
    return cloud, case.vm
