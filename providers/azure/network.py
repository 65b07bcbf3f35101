"""The VM's network: a group that denies everything, and its interfaces.

Pages: "Network security groups" (rules by priority, 100 first), "Create,
change, or delete a network interface", "Configure IP addresses for an Azure
network interface".
"""

from typing import Any

from coldferry.addresses import AUTOMATIC
from coldferry.errors import Conflict
from coldferry.migration import MIGRATION_TAG
from coldferry.offered import ORIGIN_TAG, origin_mark
from coldferry.plan import Plan
from coldferry.resolvers import resolver_addresses
from providers.azure.client import Arm
from providers.azure.ids import Json, tag
from providers.azure.kinds import NIC, NSG, VM, Kind

_FIRST_PRIORITY = 100


def our_tags(plan: Plan) -> dict[str, str]:
    """What marks an object as this migration's, and whose machine it is for."""
    return {MIGRATION_TAG: plan.migration, ORIGIN_TAG: origin_mark(plan.machine)}


def ensure(arm: Arm, kind: Kind, plan: Plan, name: str, body: Json) -> Json:
    """Create an object, or find ours from an earlier run as it is.

    A PUT would overwrite a stranger's object and its tags: so it is looked at
    first. Raises Conflict when the name is a stranger's.
    """
    found = arm.settled(kind, name)
    if found is None:
        return arm.put(kind, name, body)
    if (owner := tag(found, MIGRATION_TAG)) != plan.migration:
        raise Conflict(
            f"A {kind.word} '{name}' that {maker(owner)} is in the resource group.",
            f"{how_to_free(kind, owner)}, then run the same command again.",
        )
    state = (found.get("properties") or {}).get("provisioningState")
    return arm.put(kind, name, body) if state == "Failed" else found


def maker(owner: str | None) -> str:
    """Who made an object with that migration's tag, as the end of a sentence."""
    return f"the migration {owner} made" if owner else "this migration did not make"


def how_to_free(kind: Kind, owner: str | None) -> str:
    """What to do about a name that is taken: Azure renames nothing, we name only the VM.

    What another migration (``owner``) made is never to be removed by hand.
    """
    if owner:
        return "Answer another name, or end that migration"
    if kind is VM:
        return "Remove it, or answer another name"
    return "Remove it, or move it to another resource group"


def ensure_interfaces(arm: Arm, plan: Plan) -> list[str]:
    """The ids of the VM's interfaces in the description's order, behind deny-all."""
    group = ensure(arm, NSG, plan, plan.object_name("nsg"), deny_all(arm, our_tags(plan)))
    made = []
    for index in range(len(plan.machine.nics)):
        body = _interface(arm, plan, index, group["id"])
        nic = ensure(arm, NIC, plan, plan.object_name(f"nic{index}"), body)
        made.append(str(nic["id"]))
    return made


def wanted_address(plan: Plan, index: int) -> str | None:
    """The static address of NIC ``index``, None when Azure picks one."""
    address = plan.value(f"nics[{index}].private_address")
    return None if address in (None, AUTOMATIC) else str(address)


def deny_all(arm: Arm, tags: dict[str, str]) -> Json:
    """The group that lets nothing in and nothing out."""

    def rule(direction: str) -> Json:
        return {
            "name": f"deny-all-{direction.lower()}",
            "properties": {
                "description": "Until cutover nothing may reach the new VM, nor it anything.",
                "access": "Deny", "direction": direction, "priority": _FIRST_PRIORITY,
                "protocol": "*", "sourceAddressPrefix": "*", "sourcePortRange": "*",
                "destinationAddressPrefix": "*", "destinationPortRange": "*",
            },
        }  # fmt: skip

    return {
        "location": arm.access.location,
        "tags": tags,
        "properties": {"securityRules": [rule("Inbound"), rule("Outbound")]},
    }


def _interface(arm: Arm, plan: Plan, index: int, group_id: str) -> Json:
    path = f"nics[{index}]"
    address = wanted_address(plan, index)
    placed: dict[str, Any] = {
        "primary": True,
        "subnet": {"id": plan.value(f"{path}.subnet_id")},
        "privateIPAllocationMethod": "Static" if address else "Dynamic",
    }
    if address:
        placed["privateIPAddress"] = address
        placed["privateIPAddressVersion"] = "IPv6" if ":" in address else "IPv4"
    return {
        "location": arm.access.location,
        "tags": our_tags(plan),
        "properties": {
            "ipConfigurations": [{"name": "primary", "properties": placed}],
            "networkSecurityGroup": {"id": group_id},
            "enableIPForwarding": bool(plan.value(f"{path}.forwards_packets")),
            "dnsSettings": {"dnsServers": resolver_addresses(plan.value("dns.servers"))},
        },
    }
