"""The network half of a description: interfaces, their addresses, groups and resolvers."""

from collections.abc import Iterator
from typing import Literal

from coldferry.machine import UNKNOWN, Nic, SecurityGroup, Unknown
from providers.azure.client import Arm
from providers.azure.ids import Json, last, parent, part, properties
from providers.azure.kinds import NIC, NSG, PUBLIC_ADDRESS, VNET
from providers.azure.rules_resolvers import AZURE_DNS


def nics(arm: Arm, vm: Json) -> tuple[Nic, ...]:
    """The interfaces in the VM's order; ``vm`` is its ``properties``."""
    return tuple(
        _nic(arm, index, entry, found) for index, (entry, found) in enumerate(interfaces(arm, vm))
    )


def resolvers(arm: Arm, vm: Json) -> tuple[str, ...] | Unknown:
    """What the first interface, else its virtual network, hands to the guest."""
    for _, nic in interfaces(arm, vm):
        own = (properties(nic).get("dnsSettings") or {}).get("dnsServers")
        if own:
            return tuple(own)
        vnet = arm.find(VNET, *_place(parent(_subnet_id(nic))))
        servers = (properties(vnet or {}).get("dhcpOptions") or {}).get("dnsServers")
        return tuple(servers) if servers else (AZURE_DNS,)
    return UNKNOWN


def interfaces(arm: Arm, vm: Json) -> Iterator[tuple[Json, Json]]:
    """Each interface's entry in the VM, and the resource itself; ``vm`` is its ``properties``."""
    for entry in (vm.get("networkProfile") or {}).get("networkInterfaces") or ():
        yield entry, arm.get(NIC, *_place(entry["id"]))


def _place(resource_id: str) -> tuple[str, str]:
    return last(resource_id), part(resource_id, "resourceGroups")


def _first(nic: Json) -> Json:
    configurations = properties(nic).get("ipConfigurations") or [{}]
    primary = [c for c in configurations if properties(c).get("primary")]
    return properties((primary or configurations)[0])


def _subnet_id(nic: Json) -> str:
    return str((_first(nic).get("subnet") or {}).get("id") or "")


def _nic(arm: Arm, index: int, entry: Json, nic: Json) -> Nic:
    said, placed = properties(nic), _first(nic)
    subnet_id = _subnet_id(nic)
    mac = said.get("macAddress")
    every = [properties(c).get("privateIPAddress") for c in said.get("ipConfigurations") or ()]
    public, kind = _public(arm, placed)
    group = said.get("networkSecurityGroup")
    only = len(said.get("ipConfigurations") or ()) == 1
    return Nic(
        id=nic["id"],
        device_index=index,
        primary=bool((entry.get("properties") or {}).get("primary", only and index == 0)),
        mac=mac.replace("-", ":").lower() if mac else UNKNOWN,
        network_id=parent(subnet_id),
        subnet_id=subnet_id,
        subnet_cidr=_cidr(arm, subnet_id),
        private_address=placed.get("privateIPAddress"),
        more_private_addresses=tuple(
            address for address in every if address and address != placed.get("privateIPAddress")
        ),
        address_assignment=_assignment(placed),
        public_address=public,
        public_address_kind=kind,
        forwards_packets=bool(said.get("enableIPForwarding")),
        security_groups=(_group(arm, group["id"]),) if group else (),
    )


def _assignment(placed: Json) -> Literal["static", "automatic"] | Unknown:
    words: dict[str, Literal["static", "automatic"]] = {"static": "static", "dynamic": "automatic"}
    return words.get(str(placed.get("privateIPAllocationMethod")).lower(), UNKNOWN)


def _cidr(arm: Arm, subnet_id: str) -> str:
    vnet = arm.find(VNET, *_place(parent(subnet_id)))
    for subnet in properties(vnet or {}).get("subnets") or ():
        if subnet["id"].lower() == subnet_id.lower():
            said = properties(subnet)
            return str(said.get("addressPrefix") or (said.get("addressPrefixes") or [UNKNOWN])[0])
    return UNKNOWN


def _public(arm: Arm, placed: Json) -> tuple[str | None, Literal["automatic", "reserved"] | None]:
    reference = placed.get("publicIPAddress")
    found = arm.find(PUBLIC_ADDRESS, *_place(reference["id"])) if reference else None
    if found is None:
        return None, None
    said = properties(found)
    static = said.get("publicIPAllocationMethod") == "Static"
    return said.get("ipAddress"), "reserved" if static else "automatic"


def _group(arm: Arm, group_id: str) -> SecurityGroup:
    found = arm.find(NSG, *_place(group_id)) or {}
    rules = [properties(rule) for rule in properties(found).get("securityRules") or ()]
    return SecurityGroup(
        id=group_id,
        name=last(group_id),
        rules=tuple(
            words for rule in rules if rule.get("access") == "Allow" for words in _words(rule)
        ),
    )


def _words(rule: Json) -> Iterator[str]:
    """``inbound tcp 443 0.0.0.0/0``, one for each port and peer."""
    inbound = rule.get("direction") == "Inbound"
    side = "source" if inbound else "destination"
    peers = rule.get(f"{side}AddressPrefixes") or [rule.get(f"{side}AddressPrefix") or "*"]
    ports = rule.get("destinationPortRanges") or [rule.get("destinationPortRange") or "*"]
    protocol = str(rule.get("protocol") or "*").lower().replace("*", "all")
    for port in ports:
        for peer in peers:
            where = "0.0.0.0/0" if peer in ("*", "Internet") else peer
            direction = "inbound" if inbound else "outbound"
            yield f"{direction} {protocol} {'all' if port == '*' else port} {where}"
