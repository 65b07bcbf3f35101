"""Changing a network interface and leaving all else of it as it is.

Page: "Network Interfaces - Create Or Update". A PUT replaces the whole
interface, and read-only members in it are refused: so what can be written is
taken from a fresh read, by name.
"""

from collections.abc import Callable
from typing import Any

from providers.azure.client import Arm
from providers.azure.ids import Json, properties
from providers.azure.kinds import NIC

_WRITABLE = (
    "networkSecurityGroup", "ipConfigurations", "dnsSettings", "enableAcceleratedNetworking",
    "disableTcpStateTracking", "enableIPForwarding", "workloadType", "nicType",
    "auxiliaryMode", "auxiliarySku",
)  # fmt: skip
_WRITABLE_DNS = ("dnsServers", "internalDnsNameLabel")
_WRITABLE_ADDRESS = (
    "privateIPAddress", "privateIPAddressPrefixLength", "privateIPAllocationMethod",
    "privateIPAddressVersion", "subnet", "primary", "publicIPAddress",
    "applicationSecurityGroups", "loadBalancerBackendAddressPools",
    "loadBalancerInboundNatRules", "applicationGatewayBackendAddressPools",
    "gatewayLoadBalancer", "virtualNetworkTaps",
)  # fmt: skip


def rewrite(arm: Arm, name: str, change: Callable[[Json], Any]) -> None:
    """Read the interface afresh, let ``change`` alter its body, and put it."""
    body = writable(arm.get(NIC, name))
    change(body)
    arm.put(NIC, name, body)


def writable(nic: Json) -> Json:
    """The body that a PUT takes and that changes nothing."""
    said = properties(nic)
    kept = {key: said[key] for key in _WRITABLE if said.get(key) is not None}
    if group := kept.get("networkSecurityGroup"):
        kept["networkSecurityGroup"] = {"id": group["id"]}
    if dns := kept.get("dnsSettings"):
        kept["dnsSettings"] = {key: dns[key] for key in _WRITABLE_DNS if dns.get(key) is not None}
    kept["ipConfigurations"] = [_configuration(one) for one in said.get("ipConfigurations") or ()]
    body = {"location": nic["location"], "tags": nic.get("tags") or {}, "properties": kept}
    return body | {key: nic[key] for key in ("extendedLocation",) if nic.get(key)}


def _configuration(given: Json) -> Json:
    said = properties(given)
    kept = {key: said[key] for key in _WRITABLE_ADDRESS if said.get(key) is not None}
    return {"name": given["name"], "properties": {key: _named(kept[key]) for key in kept}}


def _named(value: Any) -> Any:
    """Of another resource only its id: the rest of it is not the interface's to write."""
    if isinstance(value, list):
        return [_named(one) for one in value]
    return {"id": value["id"]} if isinstance(value, dict) and "id" in value else value
