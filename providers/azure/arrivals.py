"""The migration's own VM at the cutover: how it is, and its real security groups.

Page: "Create, change, or delete a network interface": a network security group
is associated by writing the interface, also while its VM runs.
"""

from collections.abc import Sequence
from functools import partial

from coldferry.errors import BadInput, Gone
from coldferry.migration import MIGRATION_TAG
from coldferry.ports import Arrived
from providers.azure import power
from providers.azure.client import Arm
from providers.azure.ids import Json, last, part, plain_location, properties, same, tag
from providers.azure.interfaces import rewrite
from providers.azure.kinds import NIC, NSG, VM


def arrived(arm: Arm, migration: str) -> Arrived | None:
    """See ``Target.arrived``."""
    vm = _vm(arm, migration)
    if vm is None:
        return None
    nics = _interfaces(arm, vm, migration)
    first = properties((properties(nics[0]).get("ipConfigurations") or [{}])[0]) if nics else {}
    return Arrived(
        vm=str(vm["id"]),
        power=power.state_of(vm),
        interfaces=tuple(nic["name"] for nic in nics),
        groups=tuple(_short(arm, _group_id(nic)) for nic in nics),
        offered=tuple(_offered(arm)),
        address=str(first.get("privateIPAddress") or ""),
    )


def open_up(arm: Arm, migration: str, groups: Sequence[str]) -> None:
    """See ``Target.open_up``."""
    vm = _vm(arm, migration)
    if vm is None:
        raise Gone(f"The VM that {migration} made is not in the resource group any more.")
    offered = _offered(arm)
    if wrong := sorted({name for name in groups if name and name not in offered}):
        raise BadInput(
            f"There is no security group {', '.join(wrong)} in {arm.access.location}.",
            f"Name one of {', '.join(offered) or 'none: there is no other'}.",
        )
    for nic, name in zip(_interfaces(arm, vm, migration), groups, strict=True):
        wanted = offered[name] if name else ""
        if not same(_group_id(nic), wanted):
            rewrite(arm, nic["name"], partial(_put_behind, wanted))


def _put_behind(group_id: str, body: Json) -> None:
    body["properties"].pop("networkSecurityGroup", None)
    if group_id:
        body["properties"]["networkSecurityGroup"] = {"id": group_id}


def _vm(arm: Arm, migration: str) -> Json | None:
    found = [vm for vm in arm.in_group(VM) if tag(vm, MIGRATION_TAG) == migration]
    return power.read_vm(arm, found[0]["name"]) if found else None


def _interfaces(arm: Arm, vm: Json, migration: str) -> list[Json]:
    """Those that the migration made, in the VM's order: others are not ours to change."""
    entries = (properties(vm).get("networkProfile") or {}).get("networkInterfaces") or ()
    found = [arm.find(NIC, last(one["id"]), part(one["id"], "resourceGroups")) for one in entries]
    return [nic for nic in found if nic is not None and tag(nic, MIGRATION_TAG) == migration]


def _group_id(nic: Json) -> str:
    return str((properties(nic).get("networkSecurityGroup") or {}).get("id") or "")


def _offered(arm: Arm) -> dict[str, str]:
    """The id of every group in the location that no migration made, by what a person calls it."""
    location = plain_location(arm.access.location)
    return {
        _short(arm, one["id"]): str(one["id"])
        for one in arm.in_subscription(NSG)
        if plain_location(one["location"]) == location and not tag(one, MIGRATION_TAG)
    }


def _short(arm: Arm, group_id: str) -> str:
    """A group's name; its full id where it is in another resource group."""
    here = same(part(group_id, "resourceGroups"), arm.access.resource_group)
    return last(group_id) if here else group_id
