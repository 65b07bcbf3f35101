"""What is found at Azure before anything is created: one fault, one test."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from coldferry.errors import Finding
from coldferry.plan import Plan
from providers.azure.cloud import AzureCloud
from providers.azure.kinds import DISK, NIC, NSG, VNET, Kind
from tests.unit.machines import MIB, a_disk, a_nic
from tests.unit.test_azure_fixtures import MIGRATION, a_plan, settings, small_machine, upload

pytest_plugins = ["tests.unit.test_azure_fixtures"]

LOCKS = "providers/Microsoft.Authorization/locks"


@pytest.fixture
def plan(cloud: AzureCloud) -> Plan:
    """An ordinary plan in which nothing is open."""
    return a_plan(cloud)


def refusals(cloud: AzureCloud, plan: Plan) -> dict[str, str]:
    """What is refused, by code; each finding says what and what to do, and nothing is made."""
    before = cloud.owned()
    found = cloud.preflight(plan)
    assert cloud.owned() == before
    for finding in found:
        assert finding.what.endswith(".")
        assert finding.do.endswith(".") or finding.severity == "inform"
    return {one.code: one.what for one in found if one.severity == "refuse"}


def as_if(plan: Plan, values: dict[str, Any]) -> Plan:
    """The plan with other values by path, as if the target had changed since it was made."""
    fields = tuple(
        field.model_copy(update={"target": values.get(field.path, field.target)})
        for field in plan.translation.fields
    )
    translation = plan.translation.model_copy(update={"fields": fields})
    return plan.model_copy(update={"translation": translation})


def lock(cloud: AzureCloud, scope: str, level: str = "ReadOnly") -> dict[str, Any]:
    return {
        "locks": [
            {"id": f"{scope}/{LOCKS}/frozen", "name": "frozen", "properties": {"level": level}}
        ]
    }


def subnet_of(plan: Plan) -> str:
    return str(plan.value("nics[0].subnet_id"))


def network_of(plan: Plan) -> str:
    return subnet_of(plan).rpartition("/subnets/")[0]


@contextmanager
def strangers(cloud: AzureCloud, kind: Kind, name: str, body: dict[str, Any]) -> Iterator[None]:
    """Somebody else's object is there."""
    cloud._arm.put(kind, name, {"location": "westeurope", **body})
    try:
        yield
    finally:
        cloud._arm.delete(kind, name)


def interface(subnet_id: str, address: str = "") -> dict[str, Any]:
    placed: dict[str, Any] = {"subnet": {"id": subnet_id}}
    if address:
        placed |= {"privateIPAddress": address, "privateIPAllocationMethod": "Static"}
    return {"properties": {"ipConfigurations": [{"name": "ip", "properties": placed}]}}


def test_a_plan_in_order_meets_no_fault(cloud: AzureCloud, plan: Plan) -> None:
    assert cloud.preflight(plan) == []


@pytest.mark.parametrize(
    ("setting", "code"),
    [
        ({"core_limit": 1}, "quota-cores"),
        ({"machine_limit": 0}, "quota-machines"),
        ({"disk_limits": {"StandardSSDDiskCount": 0, "PremiumDiskCount": 0}}, "quota-disks"),
        ({"network_limits": {"NetworkInterfaces": 0}}, "quota-network"),
        ({"network_limits": {"NetworkSecurityGroups": 1}}, "quota-network"),
    ],
    ids=["vCPUs", "machines", "disks", "interfaces", "groups"],
)
def test_a_spent_quota_is_found(
    cloud: AzureCloud, server: Any, plan: Plan, setting: dict[str, Any], code: str
) -> None:
    settings(server, setting)

    assert set(refusals(cloud, plan)) == {code}


def test_quotas_count_what_the_migration_made_already_as_its_own(
    cloud: AzureCloud, server: Any, plan: Plan
) -> None:
    cloud.allocate(plan, [upload(cloud, plan)])
    settings(server, {
        "machine_limit": 1, "disk_limits": {"StandardSSDDiskCount": 1, "PremiumDiskCount": 1},
        "network_limits": {"NetworkInterfaces": 1, "NetworkSecurityGroups": 1},
    })  # fmt: skip

    assert refusals(cloud, plan) == {}


@pytest.mark.parametrize("whose", ["group", "subscription"])
def test_a_lock_that_makes_the_group_read_only_is_found_wherever_it_was_set(
    cloud: AzureCloud, server: Any, plan: Plan, whose: str
) -> None:
    scope = cloud._arm.group_id if whose == "group" else cloud._arm.subscription
    settings(server, lock(cloud, scope))

    assert "frozen" in refusals(cloud, plan)["locked"]


def test_a_lock_against_deleting_is_warned_of(cloud: AzureCloud, server: Any, plan: Plan) -> None:
    settings(server, lock(cloud, cloud._arm.group_id, "CanNotDelete"))

    found = cloud.preflight(plan)

    assert [(one.severity, one.code) for one in found] == [("warn", "locked")]


@pytest.mark.parametrize("of", [network_of, subnet_of], ids=["network", "subnet"])
def test_a_read_only_network_is_found_before_an_interface_joins_it(
    cloud: AzureCloud, server: Any, plan: Plan, of: Any
) -> None:
    settings(server, lock(cloud, of(plan)))

    assert "vnet-main/apps" in refusals(cloud, plan)["network-locked"]


def test_a_lock_on_something_else_is_in_nobodys_way(
    cloud: AzureCloud, server: Any, plan: Plan
) -> None:
    other = f"{cloud._arm.group_id}/providers/Microsoft.Network/networkSecurityGroups/nsg-existing"
    settings(server, lock(cloud, other))
    assert cloud.preflight(plan) == []

    settings(server, lock(cloud, network_of(plan), "CanNotDelete"))
    assert cloud.preflight(plan) == []


def test_the_locks_of_the_group_are_read_where_those_of_the_subscription_may_not_be(
    cloud: AzureCloud, server: Any, plan: Plan
) -> None:
    settings(server, lock(cloud, cloud._arm.group_id))
    fault = {"operation": "authorization:locks.list", "status": 403, "code": "AuthorizationFailed"}
    server.faults.add([fault])

    assert set(refusals(cloud, plan)) == {"locked"}


def test_a_role_action_that_is_lacking_is_found(cloud: AzureCloud, server: Any, plan: Plan) -> None:
    settings(server, {"not_actions": ["Microsoft.Network/virtualNetworks/subnets/join/action"]})

    assert "subnets/join/action" in refusals(cloud, plan)["permissions"]


def test_an_address_that_was_taken_meanwhile_is_found(cloud: AzureCloud, plan: Plan) -> None:
    with strangers(cloud, NIC, "stranger", interface(subnet_of(plan), "10.0.1.20")):
        assert "10.0.1.20" in refusals(cloud, plan)["address-in-use"]


@pytest.mark.parametrize("address", ["192.168.7.7", "10.0.1.1"], ids=["outside", "reserved"])
def test_an_address_that_the_subnet_no_longer_gives_is_found(
    cloud: AzureCloud, plan: Plan, address: str
) -> None:
    changed = as_if(plan, {"nics[0].private_address": address})

    assert address in refusals(cloud, changed)["address-not-offered"]


def test_a_subnet_that_is_gone_is_found(cloud: AzureCloud, plan: Plan) -> None:
    gone = f"{network_of(plan)}/subnets/gone"

    assert set(refusals(cloud, as_if(plan, {"nics[0].subnet_id": gone}))) == {"no-subnet"}


def test_a_subnet_without_room_for_every_interface_is_found(cloud: AzureCloud) -> None:
    network = cloud._arm.get(VNET, "vnet-main")
    narrow = {"name": "narrow", "properties": {"addressPrefix": "10.0.9.0/29"}}
    cloud._arm.put(VNET, "vnet-main", _with_subnet(network, narrow))
    machine = small_machine(nics=(a_nic(), a_nic(
        id="eni-2", device_index=1, primary=False, private_address="10.0.1.21",
    )))  # fmt: skip
    subnet = f"{network['id']}/subnets/narrow"
    paths = [f"nics[{i}].{field}" for i in (0, 1) for field in ("subnet_id", "private_address")]
    full = as_if(
        a_plan(cloud, machine, answers={"nics[1].subnet_id": "vnet-main/apps"}),
        {path: None if path.endswith("address") else subnet for path in paths},
    )
    try:
        with strangers(cloud, NIC, "one", interface(subnet)):
            assert refusals(cloud, full) == {}
            with strangers(cloud, NIC, "two", interface(subnet)):
                assert "1 free addresses, 2 are needed" in refusals(cloud, full)["subnet-full"]
    finally:
        cloud._arm.put(VNET, "vnet-main", _with_subnet(network))


def test_a_size_that_is_not_to_be_had_any_more_is_found(cloud: AzureCloud, plan: Plan) -> None:
    gone = as_if(plan, {"instance_type": "Standard_Gone"})

    assert set(refusals(cloud, gone)) == {"size-not-offered"}


def test_a_size_that_takes_fewer_disks_than_planned_is_found(cloud: AzureCloud) -> None:
    disks = [a_disk(size_bytes=20 * MIB)]
    disks += [a_disk(id=f"vol-{i}", root=False, size_bytes=20 * MIB) for i in range(5)]
    plan = a_plan(cloud, small_machine(disks=tuple(disks)))

    small = as_if(plan, {"instance_type": "Standard_D2s_v5"})

    assert set(refusals(cloud, small)) == {"size-too-small"}


def test_a_kind_of_disk_that_is_not_offered_is_found(cloud: AzureCloud, plan: Plan) -> None:
    found = refusals(cloud, as_if(plan, {"disks[0].kind": "Nosuch_LRS"}))

    assert "disk-not-offered" in found


@pytest.mark.parametrize("kind", [DISK, NSG, NIC], ids=["disk", "group", "interface"])
def test_a_name_that_somebody_else_has_is_found(cloud: AzureCloud, plan: Plan, kind: Kind) -> None:
    name, body = {
        DISK: (plan.object_name("disk0"),
               {"properties": {"creationData": {"createOption": "Empty"}, "diskSizeGB": 1}}),
        NSG: (plan.object_name("nsg"), {"properties": {}}),
        NIC: (plan.object_name("nic0"), interface(subnet_of(plan))),
    }[kind]  # fmt: skip
    with strangers(cloud, kind, name, body):
        assert name in refusals(cloud, plan)["name-taken"]


def test_what_is_open_in_a_plan_is_not_looked_at_and_the_rest_is(
    cloud: AzureCloud, server: Any
) -> None:
    machine = small_machine()
    translation = cloud.translate(machine, cloud.catalogue(), {})
    assert "nics[0].subnet_id" in translation.missing
    plan = Plan(migration=MIGRATION, machine=machine, translation=translation)
    settings(server, {"machine_limit": 0})

    assert set(refusals(cloud, plan)) == {"quota-machines"}


def test_all_faults_are_named_at_once(cloud: AzureCloud, server: Any, plan: Plan) -> None:
    settings(server, {
        "not_actions": ["Microsoft.Compute/disks/write"], "core_limit": 1, "machine_limit": 0,
        "network_limits": {"NetworkInterfaces": 0}, **lock(cloud, network_of(plan)),
    })  # fmt: skip

    found: list[Finding] = cloud.preflight(plan)

    assert {one.code for one in found} == {
        "permissions", "quota-cores", "quota-machines", "quota-network", "network-locked",
    }  # fmt: skip


def _with_subnet(network: dict[str, Any], *more: dict[str, Any]) -> dict[str, Any]:
    said = network["properties"]
    subnets = [
        {"name": s["name"], "properties": {"addressPrefix": s["properties"]["addressPrefix"]}}
        for s in said["subnets"]
    ]
    return {
        "location": network["location"],
        "properties": {"addressSpace": said["addressSpace"], "subnets": [*subnets, *more]},
    }
