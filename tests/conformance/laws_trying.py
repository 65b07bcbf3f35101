"""The laws of a target that can start a throwaway copy of a machine, and show what that says."""

from pathlib import Path

import pytest

from coldferry.abilities import Trying
from coldferry.boot_check import trial_of, try_boot
from coldferry.errors import Cancelled, Conflict
from coldferry.machine import Machine
from coldferry.plan import Plan
from coldferry.ports import FrozenDisk, PowerState, Proof, VerifiedDisk
from coldferry.translation import ACKNOWLEDGE, Verdict
from tests.conformance.cases import MIGRATION, TargetCase, begin, written

_PROOF = Proof("none: this test is not about it", "nobody", equal=True)
_STEP_BYTES = 512 << 10


class TrialLaws:
    """Of a boot check."""

    def test_a_trial_bears_an_id_of_its_own_and_changes_nothing_else(
        self, case: TargetCase
    ) -> None:
        cloud = case.cloud
        assert isinstance(cloud, Trying)
        plan, _ = begin(case)
        vm = cloud.allocate(plan, written(case, plan))
        before = cloud.owned(MIGRATION)

        trial = cloud.start_trial(plan)
        assert cloud.power(trial) is PowerState.RUNNING
        assert isinstance(cloud.trial_console(trial), str)
        made = [one.kind for one in cloud.owned(trial_of(MIGRATION))]
        cloud.start_trial(plan)  # what a killed one left is removed first
        assert [one.kind for one in cloud.owned(trial_of(MIGRATION))] == made != []
        assert len(cloud.end_trial(MIGRATION)) >= len(made)
        assert cloud.end_trial(MIGRATION) == cloud.owned(trial_of(MIGRATION)) == []

        assert cloud.owned(MIGRATION) == before
        assert cloud.power(vm) is PowerState.STOPPED
        assert cloud.compare(plan, vm) == cloud.at_stake(MIGRATION, arrived=True) == []

    def test_a_machine_that_runs_or_is_not_there_is_not_tried(self, case: TargetCase) -> None:
        cloud = case.cloud
        assert isinstance(cloud, Trying)
        plan, _ = begin(case)
        with pytest.raises(Conflict):
            cloud.start_trial(plan)
        cloud.start(cloud.allocate(plan, written(case, plan)))

        with pytest.raises(Conflict, match="running"):
            cloud.start_trial(plan)
        assert cloud.owned(trial_of(MIGRATION)) == []

    def test_one_that_is_called_off_leaves_nothing(self, case: TargetCase) -> None:
        cloud = case.cloud
        assert isinstance(cloud, Trying)
        plan, _ = begin(case)
        cloud.allocate(plan, written(case, plan))

        def called_off() -> None:
            raise Cancelled("Called off.")

        with pytest.raises(Cancelled):
            try_boot(cloud, plan, 60, called_off)
        assert cloud.owned(trial_of(MIGRATION)) == []


def brought(case: TargetCase, machine: Machine, *images: Path) -> tuple[Plan, str]:
    """A machine of these disks, allocated and stopped: its plan and its id."""
    catalogue, answers = case.cloud.catalogue(), dict(case.answers)
    while (made := case.cloud.translate(machine, catalogue, answers)).missing:
        for field in (made[path] for path in made.missing):
            asked = field.verdict is Verdict.MISSING
            answers[field.path] = field.candidates[0].value if asked else ACKNOWLEDGE
    plan, disks = Plan(migration=MIGRATION, machine=machine, translation=made), []
    for device, image in zip(plan.devices, images, strict=True):
        frozen = FrozenDisk(MIGRATION, device, f"frozen-{device.index}")
        with case.cloud.open_disk(plan, frozen) as writer, image.open("rb") as file:
            at = 0
            while piece := file.read(_STEP_BYTES):
                if piece != bytes(len(piece)):
                    writer.write(at, memoryview(piece))
                at += len(piece)
            disks.append(VerifiedDisk(device, writer.commit(), "root", _PROOF))
    return plan, case.cloud.allocate(plan, disks)
