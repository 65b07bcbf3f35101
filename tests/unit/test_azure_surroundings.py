"""What stands around an Azure VM is listed as far as the VM tells it."""

from typing import Any

from providers.azure.surroundings import relations_of

GROUP = "/subscriptions/s/resourceGroups/g/providers"
POOL = f"{GROUP}/Microsoft.Network/loadBalancers/lb/backendAddressPools/web"


def told(vm: dict[str, Any], nics: list[dict[str, Any]]) -> list[tuple[str, str, str]]:
    found = relations_of(vm, nics)
    return [(one.kind, one.id, one.detail) for one in found if one.id != "unknown"]


def test_an_availability_set_and_a_placement_group_are_listed() -> None:
    vm = {
        "properties": {
            "availabilitySet": {"id": f"{GROUP}/Microsoft.Compute/availabilitySets/as"},
            "proximityPlacementGroup": {
                "id": f"{GROUP}/Microsoft.Compute/proximityPlacementGroups/near"
            },
        }
    }

    assert told(vm, []) == [
        ("placement group", "as", "availability set"),
        ("placement group", "near", "proximity placement group"),
    ]


def test_a_load_balancer_s_pool_is_listed_once_for_all_addresses() -> None:
    configuration = {"properties": {"loadBalancerBackendAddressPools": [{"id": POOL}]}}
    nic = {"properties": {"ipConfigurations": [configuration, configuration]}}

    assert told({}, [nic]) == [("load balancer", POOL, "pool of a load balancer")]


def test_an_extension_is_listed_with_its_type() -> None:
    extension = {"name": "agent", "properties": {"type": "AzureMonitorLinuxAgent"}}

    assert told({"resources": [extension]}, []) == [
        ("fleet manager", "agent", "VM extension AzureMonitorLinuxAgent")
    ]


def test_what_a_vm_does_not_know_is_unknown_and_not_absent() -> None:
    unknown = {one.kind for one in relations_of({}, []) if one.id == "unknown"}

    assert unknown == {"alarm", "backup plan", "dns record"}
