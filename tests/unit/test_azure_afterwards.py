"""At the Azure double: what a cutover changes of an interface, and what is kept of a disk."""

from typing import Any

import pytest

from coldferry.errors import BadInput, Conflict
from coldferry.ports import FOREIGN, PowerState
from providers.azure import keeping
from providers.azure.cloud import AzureCloud
from providers.azure.ids import properties, tag
from providers.azure.interfaces import rewrite, writable
from providers.azure.kinds import DISK, NIC, NSG, PUBLIC_ADDRESS, SNAPSHOT, VM
from tests.unit.machines import a_nic
from tests.unit.test_azure_fixtures import MIGRATION, a_plan, calls, clear, small_machine, upload

pytest_plugins = ["tests.unit.test_azure_fixtures"]


@pytest.fixture
def vm(cloud: AzureCloud) -> str:
    """A new machine with two interfaces."""
    nics = (a_nic(), a_nic(id="eni-2", primary=False, private_address="10.0.2.20"))
    answers = {"nics[1].subnet_id": "vnet-main/data"}
    plan = a_plan(cloud, small_machine(nics=nics), answers=answers)
    return cloud.allocate(plan, [upload(cloud, plan)])


def interfaces(cloud: AzureCloud) -> list[dict[str, Any]]:
    return sorted(cloud._arm.in_group(NIC), key=lambda nic: nic["name"])


def test_only_the_group_of_an_interface_changes(cloud: AzureCloud, vm: str) -> None:
    address = {
        "location": "westeurope", "sku": {"name": "Standard"},
        "properties": {"publicIPAllocationMethod": "Static"},
    }  # fmt: skip
    made = cloud._arm.put(PUBLIC_ADDRESS, "pip", address)
    first = interfaces(cloud)[0]["name"]

    def publish(body: dict[str, Any]) -> None:
        body["properties"]["ipConfigurations"][0]["properties"]["publicIPAddress"] = {
            "id": made["id"]
        }
        body["tags"]["owner"] = "net"

    rewrite(cloud._arm, first, publish)
    before = [writable(nic) for nic in interfaces(cloud)]
    groups = [body["properties"].pop("networkSecurityGroup") for body in before]

    cloud.open_up(MIGRATION, ["nsg-existing", ""])

    after = [writable(nic) for nic in interfaces(cloud)]
    assert after[0]["properties"].pop("networkSecurityGroup") != groups[0]
    assert "networkSecurityGroup" not in after[1]["properties"]
    assert after == before
    assert cloud.power(vm) is PowerState.STOPPED
    cloud.discard(MIGRATION)
    cloud._arm.delete(PUBLIC_ADDRESS, "pip")


def test_an_interface_that_is_behind_its_group_is_not_written_again(
    cloud: AzureCloud, vm: str, server: Any
) -> None:
    cloud.open_up(MIGRATION, ["nsg-existing", "nsg-existing"])
    written = calls(server, "network:networkInterfaces.put")
    cloud.open_up(MIGRATION, ["nsg-existing", "nsg-existing"])

    assert calls(server, "network:networkInterfaces.put") == written


def test_another_migration_s_deny_all_is_nobody_s_real_group(cloud: AzureCloud, vm: str) -> None:
    body = {"location": "westeurope", "tags": {"coldferry:migration": "db-azure-00000000-a1"}}
    cloud._arm.put(NSG, "db-nsg", body)

    arrived = cloud.arrived(MIGRATION)
    assert arrived is not None
    assert "db-nsg" not in arrived.offered
    with pytest.raises(BadInput, match="db-nsg"):
        cloud.open_up(MIGRATION, ["db-nsg", ""])


def test_an_interface_that_a_person_added_is_left_alone(cloud: AzureCloud) -> None:
    plan = a_plan(cloud)
    vm = cloud.allocate(plan, [upload(cloud, plan)])
    mine = interfaces(cloud)[0]
    body = writable(mine) | {"tags": {}}
    body["properties"]["ipConfigurations"][0]["properties"] = {
        "subnet": mine["properties"]["ipConfigurations"][0]["properties"]["subnet"]
    }
    added = cloud._arm.put(NIC, "added", body)
    machine = cloud._arm.get(VM, "web-01")
    entries = [
        {"id": mine["id"], "properties": {"primary": True}},
        {"id": added["id"], "properties": {"primary": False}},
    ]
    changed = {
        key: machine["properties"][key]
        for key in ("hardwareProfile", "storageProfile", "securityProfile")
    } | {"networkProfile": {"networkInterfaces": entries}}
    cloud._arm.put(
        VM, "web-01", {"location": machine["location"], "tags": machine["tags"],
                       "properties": changed},
    )  # fmt: skip

    arrived = cloud.arrived(MIGRATION)
    assert arrived is not None
    assert (arrived.vm, arrived.interfaces) == (vm, (mine["name"],))
    with pytest.raises(Conflict, match="added"):
        cloud.hand_over(MIGRATION)
    rewrite(cloud._arm, "added", lambda body: body["properties"].pop("networkSecurityGroup"))
    cloud.discard(MIGRATION)
    cloud._arm.delete(NIC, "added")


def attach(cloud: AzureCloud, kind: str, option: str) -> str:
    """A person attaches a data disk or an interface of their own to the VM; its name."""
    machine = cloud._arm.get(VM, "web-01")
    body = {
        key: machine["properties"][key]
        for key in ("hardwareProfile", "storageProfile", "securityProfile", "networkProfile")
    }
    if kind == "disk":
        disk = {
            "location": "westeurope", "sku": {"name": "Standard_LRS"},
            "properties": {"creationData": {"createOption": "Empty"}, "diskSizeGB": 4},
        }  # fmt: skip
        made = cloud._arm.put(DISK, "theirs", disk)
        body["storageProfile"]["dataDisks"] = [
            *body["storageProfile"].get("dataDisks", ()),
            {
                "lun": 9, "createOption": "Attach", "deleteOption": option,
                "managedDisk": {"id": made["id"]},
            },
        ]  # fmt: skip
    else:
        mine = interfaces(cloud)[0]
        place = properties(properties(mine)["ipConfigurations"][0])["subnet"]
        nic = {
            "location": "westeurope",
            "properties": {"ipConfigurations": [{"name": "a", "properties": {"subnet": place}}]},
        }
        made = cloud._arm.put(NIC, "theirs", nic)
        body["networkProfile"]["networkInterfaces"] = [
            *body["networkProfile"]["networkInterfaces"],
            {"id": made["id"], "properties": {"primary": False, "deleteOption": option}},
        ]
    changed = {"location": machine["location"], "tags": machine["tags"], "properties": body}
    cloud._arm.put(VM, "web-01", changed)
    return "theirs"


@pytest.mark.parametrize(("kind", "of"), [("disk", DISK), ("interface", NIC)])
def test_what_a_person_attached_is_named_and_stays_when_its_vm_is_discarded(
    cloud: AzureCloud, kind: str, of: Any
) -> None:
    plan = a_plan(cloud)
    cloud.allocate(plan, [upload(cloud, plan)])
    theirs = attach(cloud, kind, "Detach")

    found = [one for one in cloud.at_stake(MIGRATION, arrived=True) if one.code == FOREIGN]
    assert [(one.severity, one.subject) for one in found] == [("warn", theirs)]
    gone = cloud.discard(MIGRATION)

    assert theirs not in {one.id.rpartition("/")[2] for one in gone}
    assert cloud._arm.get(of, theirs)
    assert cloud.owned(MIGRATION) == []
    cloud._arm.delete(of, theirs)


@pytest.mark.parametrize(("kind", "of"), [("disk", DISK), ("interface", NIC)])
def test_what_azure_would_delete_with_the_vm_keeps_the_vm(
    cloud: AzureCloud, kind: str, of: Any
) -> None:
    plan = a_plan(cloud)
    vm = cloud.allocate(plan, [upload(cloud, plan)])
    theirs = attach(cloud, kind, "Delete")

    found = [one for one in cloud.at_stake(MIGRATION, arrived=True) if one.code == FOREIGN]
    assert [(one.severity, one.subject) for one in found] == [("refuse", theirs)]
    with pytest.raises(Conflict, match=theirs):
        cloud.discard(MIGRATION)

    assert cloud.power(vm) is PowerState.STOPPED
    assert cloud._arm.get(of, theirs)
    clear(cloud)
    if cloud._arm.find(of, theirs):
        cloud._arm.delete(of, theirs)


def test_a_public_address_that_would_go_with_our_interface_is_named(
    cloud: AzureCloud, vm: str
) -> None:
    address = {
        "location": "westeurope", "sku": {"name": "Standard"},
        "properties": {"publicIPAllocationMethod": "Static"},
    }  # fmt: skip
    made = cloud._arm.put(PUBLIC_ADDRESS, "pip", address)

    def publish(body: dict[str, Any]) -> None:
        body["properties"]["ipConfigurations"][0]["properties"]["publicIPAddress"] = {
            "id": made["id"]
        }

    rewrite(cloud._arm, interfaces(cloud)[0]["name"], publish)
    found = [one for one in cloud.at_stake(MIGRATION, arrived=True) if one.code == FOREIGN]

    assert [(one.severity, one.subject) for one in found] == [("warn", "pip")]
    cloud.discard(MIGRATION)
    assert cloud._arm.find(PUBLIC_ADDRESS, "pip") is not None
    cloud._arm.delete(PUBLIC_ADDRESS, "pip")


def test_a_stranger_s_interface_behind_our_group_is_named_before_anything_is_removed(
    cloud: AzureCloud, vm: str
) -> None:
    mine = interfaces(cloud)[0]
    body = writable(mine) | {"tags": {}}
    place = properties(properties(mine)["ipConfigurations"][0])["subnet"]
    body["properties"]["ipConfigurations"] = [{"name": "a", "properties": {"subnet": place}}]
    cloud._arm.put(NIC, "added", body)

    found = [one for one in cloud.at_stake(MIGRATION, arrived=True) if one.code == FOREIGN]
    assert [(one.severity, one.subject) for one in found] == [("refuse", "added")]
    cloud._arm.delete(NIC, "added")


def test_a_copy_from_before_the_latest_use_is_made_anew(cloud: AzureCloud, vm: str) -> None:
    (first,) = cloud.keep(MIGRATION)
    made = cloud._arm.get(SNAPSHOT, first.id.rpartition("/")[2])
    assert cloud.keep(MIGRATION) == [first]
    assert cloud._arm.get(SNAPSHOT, made["name"]) == made

    cloud.start(vm)
    cloud.stop(vm)
    assert cloud.keep(MIGRATION) == [first]

    again = cloud._arm.get(SNAPSHOT, made["name"])
    assert properties(again)["uniqueId"] != properties(made)["uniqueId"]
    assert properties(again)["networkAccessPolicy"] == "DenyAll"


def test_a_stranger_s_snapshot_is_neither_taken_for_a_copy_nor_erased(
    cloud: AzureCloud, vm: str
) -> None:
    (disk,) = cloud._arm.in_group(DISK)
    body = {
        "location": "westeurope", "tags": {},
        "properties": {"creationData": {"createOption": "Copy", "sourceResourceId": disk["id"]}},
    }  # fmt: skip
    cloud._arm.put(SNAPSHOT, f"{disk['name']}-kept", body)

    with pytest.raises(Conflict, match="did not make"):
        cloud.keep(MIGRATION)
    assert cloud.erase_kept(MIGRATION) == []
    cloud._arm.delete(SNAPSHOT, f"{disk['name']}-kept")


def test_what_is_handed_over_keeps_its_owner_s_tags_and_loses_ours(
    cloud: AzureCloud, vm: str
) -> None:
    machine = cloud._arm.get(VM, "web-01")
    cloud._arm.set_tags(VM, "web-01", machine["tags"] | {"owner": "shop"})
    cloud.open_up(MIGRATION, ["nsg-existing"] * 2)

    (gone,) = cloud.hand_over(MIGRATION)

    assert (gone.kind, gone.means) == (
        "security group", "Microsoft.Network/networkSecurityGroups/delete",
    )  # fmt: skip
    assert gone.answer == "Succeeded"
    left = [one for kind in (VM, DISK, NIC) for one in cloud._arm.in_group(kind)]
    assert len(left) == 4
    assert not [key for one in left for key in one.get("tags") or {} if "coldferry" in key]
    assert tag(cloud._arm.get(VM, "web-01"), "owner") == "shop"
    clear(cloud)


@pytest.mark.parametrize(
    ("told", "whole"),
    [
        ({"completionPercent": 0.0, "provisioningState": "Succeeded"}, False),
        ({"completionPercent": 99.9}, False),
        ({"completionPercent": 100}, True),
        ({"provisioningState": "Succeeded"}, True),
        ({"provisioningState": "Creating"}, False),
    ],
)
def test_a_copy_is_whole_only_once_all_of_it_is_there(told, whole):
    assert keeping.is_whole(told) is whole
