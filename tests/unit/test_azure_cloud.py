"""The VM at the Azure double, taking it away again, and what is refused."""

from dataclasses import replace
from typing import Any

import pytest
from pydantic import SecretStr

from coldferry.errors import (
    Conflict,
    CorruptCopy,
    Denied,
    Gone,
    Transient,
    UnknownMachine,
)
from coldferry.machine import RootImage, Tag
from coldferry.ports import PowerState
from providers.azure.cloud import AzureCloud
from providers.azure.ids import tag
from providers.azure.kinds import DISK, NIC, NSG, VM
from tests.unit.machines import MIB, a_disk, a_nic
from tests.unit.test_azure_fixtures import (
    MIGRATION,
    ODD_BYTES,
    PROOF,
    a_plan,
    access,
    frozen,
    settings,
    small_machine,
    upload,
)

pytest_plugins = ["tests.unit.test_azure_fixtures"]


class TestMachine:
    def test_the_vm_is_as_planned_left_stopped_and_made_once(
        self, cloud: AzureCloud, server: Any
    ) -> None:
        machine = small_machine(
            disks=(a_disk(size_bytes=ODD_BYTES), a_disk(root=False, size_bytes=20 * MIB)),
            tags=(Tag(key="team", value="shop"),),
        )
        plan = a_plan(cloud, machine)
        disks = [upload(cloud, plan, index) for index in range(2)]

        vm = cloud.allocate(plan, disks)
        again = AzureCloud(access(server)).allocate(plan, disks)

        assert again == vm
        assert cloud.power(vm) is PowerState.STOPPED
        assert cloud.compare(plan, vm) == []
        assert cloud.at_stake(MIGRATION, arrived=True) == []
        assert cloud.preflight(plan) == []
        assert len(cloud.owned(MIGRATION)) == 5
        found = cloud.describe("web-01")
        assert (found.vcpus, found.memory_bytes) == (machine.vcpus, machine.memory_bytes)
        assert (found.accelerators, found.burstable, found.bare_metal) == (0, False, False)
        assert [disk.medium for disk in found.disks] == ["ssd", "ssd"]
        assert found.nics[0].private_address == "10.0.1.20"
        assert found.nics[0].security_groups[0].rules == ()
        assert found.tags == machine.tags
        assert [disk.root for disk in found.disks] == [True, False]

    def test_translating_again_after_the_vm_is_there_says_the_same(self, cloud: AzureCloud) -> None:
        plan = a_plan(cloud)
        cloud.allocate(plan, [upload(cloud, plan)])

        assert a_plan(cloud).digest == plan.digest

    def test_a_crash_after_the_vm_was_made_is_made_good(
        self, cloud: AzureCloud, server: Any
    ) -> None:
        plan = a_plan(cloud)
        disks = [upload(cloud, plan)]
        server.faults.add(
            [{"operation": "compute:virtualMachines.deallocate", "status": 409, "code": "X"}]
        )

        with pytest.raises(Conflict):
            cloud.allocate(plan, disks)
        assert cloud.at_stake(MIGRATION, arrived=False) == []
        vm = cloud.allocate(plan, disks)

        assert cloud.power(vm) is PowerState.STOPPED
        assert tag(cloud._arm.get(VM, "web-01"), "coldferry:proven")

    def test_a_start_since_the_proof_shows_also_after_a_stop(self, cloud: AzureCloud) -> None:
        plan = a_plan(cloud)
        vm = cloud.allocate(plan, [upload(cloud, plan)])

        cloud.start(vm)
        assert cloud.power(vm) is PowerState.RUNNING
        assert cloud.at_stake(MIGRATION, arrived=True)
        cloud.reboot("web-01")
        cloud.stop(vm, force=True)
        cloud.stop(vm)
        assert cloud.at_stake(MIGRATION, arrived=True)

    def test_a_machine_that_lost_its_proof_counts_as_used_once_it_arrived(
        self, cloud: AzureCloud
    ) -> None:
        plan = a_plan(cloud)
        cloud.allocate(plan, [upload(cloud, plan)])
        cloud._arm.set_tags(VM, "web-01", {"coldferry:migration": MIGRATION})

        assert [one.subject for one in cloud.at_stake(MIGRATION, arrived=True)] == ["web-01"]

    def test_a_proof_that_is_no_moment_counts_as_used(self, cloud: AzureCloud) -> None:
        plan = a_plan(cloud)
        cloud.allocate(plan, [upload(cloud, plan)])
        tags = {"coldferry:migration": MIGRATION, "coldferry:proven": "yesterday"}
        cloud._arm.set_tags(VM, "web-01", tags)

        assert [one.code for one in cloud.at_stake(MIGRATION, arrived=False)] == ["used"]

    def test_disks_that_ran_under_another_machine_are_at_stake(self, cloud: AzureCloud) -> None:
        plan = a_plan(cloud)
        cloud.allocate(plan, [upload(cloud, plan)])
        body = cloud._arm.get(VM, "web-01")
        made_anew = {
            key: body["properties"][key]
            for key in ("hardwareProfile", "storageProfile", "networkProfile", "securityProfile")
        }
        cloud._arm.delete(VM, "web-01")
        cloud._arm.put(VM, "prod", {"location": body["location"], "properties": made_anew})

        held = cloud.at_stake(MIGRATION, arrived=True)
        assert ("refuse", "disk-held") in {(one.severity, one.code) for one in held}
        cloud._arm.act(VM, "deallocate", "prod")
        cloud._arm.delete(VM, "prod")
        left = cloud.at_stake(MIGRATION, arrived=True)
        assert {(one.severity, one.code) for one in left} == {("warn", "used")}

    def test_an_unproven_disk_is_refused(self, cloud: AzureCloud) -> None:
        plan = a_plan(cloud)
        disk = upload(cloud, plan)

        with pytest.raises(CorruptCopy):
            cloud.allocate(plan, [replace(disk, proof=replace(PROOF, equal=False))])
        with pytest.raises(CorruptCopy):
            cloud.allocate(plan, [])
        assert [found.kind for found in cloud.owned(MIGRATION)] == ["disk"]

    def test_a_root_image_becomes_a_copy_of_the_snapshot(self, cloud: AzureCloud) -> None:
        machine = small_machine(disks=(), root_image=RootImage(image="ami-1"))
        plan = a_plan(cloud, machine, answers={"root_image.image": "golden-linux"})

        vm = cloud.allocate(plan, [])

        assert cloud.allocate(plan, []) == vm
        assert cloud.describe(vm).disks[0].size_bytes == 32 * MIB
        assert len(cloud.discard(MIGRATION)) == 4

    def test_two_interfaces_keep_their_order(self, cloud: AzureCloud) -> None:
        nics = (
            a_nic(),
            a_nic(id="eni-2", primary=False, private_address="10.0.2.20", forwards_packets=True),
        )
        machine = small_machine(nics=nics)
        plan = a_plan(cloud, machine, answers={"nics[1].subnet_id": "vnet-main/data"})

        vm = cloud.allocate(plan, [upload(cloud, plan)])

        assert cloud.compare(plan, vm) == []
        found = cloud.describe(vm).nics
        assert [nic.private_address for nic in found] == ["10.0.1.20", "10.0.2.20"]
        assert [nic.forwards_packets for nic in found] == [False, True]
        assert [nic.primary for nic in found] == [True, False]

    def test_a_machine_that_is_not_there_is_unknown(self, cloud: AzureCloud) -> None:
        for ask in (cloud.describe, cloud.power, cloud.start, cloud.stop, cloud.reboot):
            with pytest.raises(UnknownMachine, match="web-99"):
                ask("web-99")


class TestCleaning:
    def test_discard_takes_what_is_ours_and_nothing_else(self, cloud: AzureCloud) -> None:
        plan = a_plan(cloud)
        other = a_plan(cloud, small_machine(name="db"), migration="db-azure-00000000-a1")
        cloud.allocate(plan, [upload(cloud, plan)])
        with cloud.open_disk(other, frozen(other)) as writer:
            writer.write(0, memoryview(b"half" * 128))

        gone = cloud.discard(MIGRATION)

        assert [found.kind for found in gone] == [
            "VM", "network interface", "security group", "disk",
        ]  # fmt: skip
        assert cloud.owned(MIGRATION) == []
        assert [found.migration for found in cloud.owned()] == [other.migration]
        assert {nsg["name"] for nsg in cloud._arm.in_group(NSG)} == {"nsg-existing"}
        assert cloud._arm.in_group(NIC) == []
        assert cloud.discard(MIGRATION) == []

    def test_a_half_written_disk_is_discarded_too(self, cloud: AzureCloud) -> None:
        plan = a_plan(cloud)
        with cloud.open_disk(plan, frozen(plan)) as writer:
            writer.write(0, memoryview(b"half" * 128))

        cloud.discard_disk(plan, plan.devices[0])
        cloud.discard_disk(plan, plan.devices[0])

        assert cloud.owned() == []

    def test_an_attached_disk_is_not_discarded_alone(self, cloud: AzureCloud) -> None:
        plan = a_plan(cloud)
        cloud.allocate(plan, [upload(cloud, plan)])

        with pytest.raises(Conflict, match="web-01"):
            cloud.discard_disk(plan, plan.devices[0])


class TestRefusals:
    def test_preflight_names_all_faults_at_once(self, cloud: AzureCloud, server: Any) -> None:
        plan = a_plan(cloud)
        settings(server, {
            "not_actions": ["Microsoft.Compute/disks/beginGetAccess/action"], "core_limit": 1,
            "locks": [{"name": "frozen", "properties": {"level": "CanNotDelete"}}],
        })  # fmt: skip

        found = {finding.code: finding for finding in cloud.preflight(plan)}

        assert set(found) == {"permissions", "locked", "quota-cores"}
        assert "disks/beginGetAccess/action" in found["permissions"].what
        assert found["locked"].severity == "warn"

    def test_a_resource_group_that_is_not_there_is_one_finding(
        self, cloud: AzureCloud, server: Any
    ) -> None:
        plan = a_plan(cloud)
        lost = AzureCloud(access(server, resource_group="nowhere"))

        assert [finding.code for finding in lost.preflight(plan)] == ["no-resource-group"]

    def test_a_denial_names_the_action(self, cloud: AzureCloud, server: Any) -> None:
        plan = a_plan(cloud)
        settings(server, {"not_actions": ["Microsoft.Compute/disks/write"]})

        with (
            pytest.raises(Denied, match=r"Microsoft\.Compute/disks/write"),
            cloud.open_disk(plan, frozen(plan)),
        ):
            pass

    def test_a_wrong_token_is_denied(self, cloud: AzureCloud, server: Any) -> None:
        stranger = AzureCloud(access(server, token=SecretStr("WRONG")))

        with pytest.raises(Denied) as caught:
            stranger.catalogue()
        assert "WRONG" not in str(caught.value)
        assert [check.ok for check in stranger.diagnose()] == [False]

    def test_short_throttling_is_waited_out_and_long_is_told(
        self, cloud: AzureCloud, server: Any
    ) -> None:
        fault = {"operation": "compute:disks.get", "status": 503, "code": "ServerBusy"}
        server.faults.add([fault])
        with pytest.raises(Gone):
            cloud._arm.get(DISK, "nothing")

        server.faults.add([fault | {"times": 9}])
        with pytest.raises(Transient):
            cloud._arm.get(DISK, "nothing")


def test_a_doctor_finds_all_well_and_leaves_nothing(cloud: AzureCloud) -> None:
    found = {check.name: check for check in cloud.diagnose()}

    assert all(check.ok for check in found.values()), found
    assert "data path" in found
    assert cloud.owned() == []


def test_a_doctor_leaves_nothing_when_the_data_path_fails(cloud: AzureCloud, server: Any) -> None:
    server.faults.add([{"operation": "blob:PutPage", "status": 400, "code": "X", "times": 9}])

    found = {check.name: check.ok for check in cloud.diagnose()}

    assert found["data path"] is False
    assert cloud.owned() == []
