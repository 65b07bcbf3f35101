"""A copy of a real guest's machine at the Azure double, started by QEMU and listened to."""

from typing import Any

import pytest

from coldferry.boot_check import Outcome, trial_of, try_boot
from coldferry.errors import Cancelled, Conflict, Denied
from coldferry.plan import Plan
from coldferry.ports import PowerState, VerifiedDisk
from providers.azure.cloud import AzureCloud
from providers.azure.ids import tag
from providers.azure.kinds import DISK, NIC, NSG, SNAPSHOT, VM
from sandbox.hypervisor import lacking
from tests.debian import give_up, install
from tests.guest import build, build_data
from tests.guest.inspecting import machine_of
from tests.unit.machines import MIB
from tests.unit.test_azure_fixtures import MIGRATION, PROOF, a_plan, frozen, upload

pytest_plugins = ["tests.unit.test_azure_fixtures"]
pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]


def brought(cloud: AzureCloud, *plant: str) -> tuple[Plan, str]:
    """A machine of the guest's two disks, allocated and stopped."""
    if lacking("bios"):
        install(*lacking("bios"))
    if lacking("bios"):
        give_up("a guest cannot be started without QEMU")
    images = [build(plant=plant), build_data()]
    plan = a_plan(cloud, machine_of(*images))
    disks = []
    for index, image in enumerate(images):
        content = image.read_bytes()
        with cloud.open_disk(plan, frozen(plan, index)) as writer:
            for at in range(0, len(content), 4 * MIB):
                piece = content[at : at + 4 * MIB]
                if piece.strip(b"\0"):
                    writer.write(at, memoryview(piece))
            disks.append(VerifiedDisk(plan.devices[index], writer.commit(), "root", PROOF))
    return plan, cloud.allocate(plan, disks)


def everything(cloud: AzureCloud) -> dict[str, Any]:
    """Each resource by id, and when each disk changed hands."""
    found = [one for kind in (VM, NIC, NSG, DISK, SNAPSHOT) for one in cloud._arm.in_group(kind)]
    return {one["id"]: one for one in found}


@pytest.mark.parametrize(
    ("plant", "outcome"),
    [((), Outcome.BOOTED), (("boot-sector-zeroed",), Outcome.NO_BOOT_LOADER)],
)
def test_what_became_of_the_copy_is_told_and_nothing_else_happens(cloud, plant, outcome):
    plan, vm = brought(cloud, *plant)
    before = everything(cloud)
    boot = try_boot(cloud, plan, 240)

    assert boot.outcome is outcome
    assert everything(cloud) == before
    assert cloud.power(vm) is PowerState.STOPPED
    assert cloud.at_stake(MIGRATION, arrived=True) == []


def test_the_copy_is_behind_deny_all_and_bears_a_name_of_its_own(cloud: AzureCloud) -> None:
    plan = a_plan(cloud)
    cloud.allocate(plan, [upload(cloud, plan)])
    trial = cloud.start_trial(plan)
    made = {one["id"]: one for one in everything(cloud).values() if tag(one, "coldferry:migration")}
    theirs = [one for one in made.values() if tag(one, "coldferry:migration") != MIGRATION]

    assert cloud.power(trial) is PowerState.RUNNING
    assert {tag(one, "coldferry:migration") for one in theirs} == {trial_of(MIGRATION)}
    assert len(cloud.owned(trial_of(MIGRATION))) == len(theirs) == 4
    nic = next(one for one in theirs if one["type"].endswith("/networkInterfaces"))
    group = cloud._arm.get(NSG, nic["properties"]["networkSecurityGroup"]["id"].split("/")[-1])
    rules = [rule["properties"] for rule in group["properties"]["securityRules"]]
    assert {(rule["access"], rule["direction"]) for rule in rules} == {
        ("Deny", "Inbound"), ("Deny", "Outbound"),
    }  # fmt: skip
    assert isinstance(cloud.trial_console(trial), str)

    again = cloud.start_trial(plan)  # what a killed one left is removed first
    assert again == trial
    assert len(cloud.end_trial(MIGRATION)) == 4
    assert cloud.end_trial(MIGRATION) == []


def test_a_machine_that_runs_is_not_copied(cloud: AzureCloud) -> None:
    plan = a_plan(cloud)
    vm = cloud.allocate(plan, [upload(cloud, plan)])
    cloud.start(vm)

    with pytest.raises(Conflict, match="is running"):
        cloud.start_trial(plan)
    assert cloud.owned(trial_of(MIGRATION)) == []


@pytest.mark.parametrize("refused", ["retrieveBootDiagnosticsData", "put"])
def test_one_that_is_refused_on_the_way_leaves_nothing(
    cloud: AzureCloud, server: Any, refused: str
) -> None:
    plan = a_plan(cloud)
    vm = cloud.allocate(plan, [upload(cloud, plan)])
    before = everything(cloud)
    server.faults.add([{
        "operation": f"compute:virtualMachines.{refused}", "status": 403,
        "code": "AuthorizationFailed",
    }])  # fmt: skip
    with pytest.raises(Denied):
        try_boot(cloud, plan, 5)

    assert everything(cloud) == before
    assert cloud.power(vm) is PowerState.STOPPED


def test_one_that_is_called_off_leaves_nothing(cloud: AzureCloud) -> None:
    plan = a_plan(cloud)
    cloud.allocate(plan, [upload(cloud, plan)])

    def called_off() -> None:
        raise Cancelled("Called off.")

    with pytest.raises(Cancelled):
        try_boot(cloud, plan, 60, called_off)
    assert cloud.owned(trial_of(MIGRATION)) == []
