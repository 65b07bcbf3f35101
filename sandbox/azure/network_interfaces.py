"""Network interfaces.

Sources: REST reference of Network Interfaces; "Private IP addresses" (Azure
reserves the first four addresses and the last one of each subnet); error codes
as public reports quote them.
"""

import ipaddress
from collections.abc import Callable

from azure.mgmt.network import models

from sandbox.azure import locks
from sandbox.azure.errors import ArmError
from sandbox.azure.kinds import Call, succeed
from sandbox.azure.network_kind import Address, Network, NetworkKind, addresses_in_use
from sandbox.azure.world import Json, Resource, World

RESERVED_AT_START = 4
SUBNETS = "Microsoft.Network/virtualNetworks/subnets"
CONFIGURATION_TYPE = "Microsoft.Network/networkInterfaces/ipConfigurations"


class NetworkInterfaces(NetworkKind):
    """``Microsoft.Network/networkInterfaces``."""

    arm_type = "Microsoft.Network/networkInterfaces"
    kind = "networkInterfaces"
    model = models.NetworkInterface
    patch_model = models.TagsObject

    def put(self, call: Call, old: Resource | None) -> Callable[[], Json | None]:
        """Create or replace an interface and give each IP configuration an address."""
        properties: Json = dict(call.body.get("properties") or {})
        nic_id = self.world.resource_id(self.arm_type, call.target.name)
        wanted = properties.get("ipConfigurations") or []
        if not wanted:
            raise ArmError(
                400,
                "NetworkInterfaceMustHaveIpConfiguration",
                f"Network interface {call.target.name} must have at least one IP configuration.",
            )
        group = properties.get("networkSecurityGroup")
        if group:
            self.world.referenced(group.get("id"), "networkSecurityGroups", "networkSecurityGroup")
        for server in (properties.get("dnsSettings") or {}).get("dnsServers") or []:
            _parse_address(server, "InvalidIPAddressFormat", "dnsSettings.dnsServers")
        properties["ipConfigurations"] = self._configurations(nic_id, wanted, old)
        properties["provisioningState"] = "Updating"
        properties.setdefault("enableAcceleratedNetworking", False)
        properties.setdefault("enableIPForwarding", False)
        for kept in ("virtualMachine", "macAddress", "primary"):
            if old is not None and kept in old.properties:
                properties[kept] = old.properties[kept]
        made = {"location": call.body["location"], "tags": call.body.get("tags") or {}}
        return succeed(self.new(call, made | {"properties": properties}))

    def delete(self, resource: Resource) -> Callable[[], Json | None]:
        """Delete an interface that no machine has."""
        machine = resource.properties.get("virtualMachine")
        if machine:
            raise ArmError(
                400,
                "NicInUse",
                f"Network Interface {resource.id} is used by existing resource {machine['id']}. In "
                "order to delete the network interface, it must be dissociated from the resource.",
            )

        def finish() -> Json | None:
            self.world.remove(resource)
            return None

        return finish

    def _configurations(self, nic_id: str, wanted: list[Json], old: Resource | None) -> list[Json]:
        names = [item.get("name") or "" for item in wanted]
        if "" in names or len(set(names)) != len(names):
            raise ArmError(400, "InvalidRequestFormat", "Each IP configuration needs its own name.")
        primaries = [bool((item.get("properties") or {}).get("primary")) for item in wanted]
        if len(wanted) > 1 and sum(primaries) != 1:
            raise ArmError(
                400,
                "NetworkInterfaceMustHaveOnePrimaryIpConfiguration",
                "Exactly one IP configuration of a network interface must be primary.",
            )
        before = {} if old is None else _addresses(old)
        made: list[Json] = []
        taken_here: set[Address] = set()
        networks: set[str] = set()
        for item in wanted:
            properties: Json = dict(item.get("properties") or {})
            subnet_id = (properties.get("subnet") or {}).get("id")
            subnet = self.world.referenced(subnet_id, "subnets", "ipConfigurations.subnet.id")
            locks.refuse_locked(self.world, subnet.id, f"{SUBNETS}/join/action")
            networks.add(subnet.id.lower().rsplit("/subnets/", 1)[0])
            taken = {
                ipaddress.IPv4Address(other["properties"]["privateIPAddress"])
                for interface, other in addresses_in_use(self.world, subnet.id)
                if interface.id.lower() != nic_id.lower()
            } | taken_here
            address = _address(properties, subnet, taken, before.get(item["name"]))
            taken_here.add(address)
            _check_public(self.world, properties, nic_id)
            properties |= {
                "privateIPAddress": str(address),
                "privateIPAllocationMethod": properties.get("privateIPAllocationMethod", "Dynamic"),
                "privateIPAddressVersion": "IPv4",
                "primary": bool(properties.get("primary")) or len(wanted) == 1,
                "provisioningState": "Succeeded",
            }
            head = {"id": f"{nic_id}/ipConfigurations/{item['name']}", "name": item["name"]}
            made.append(head | {"type": CONFIGURATION_TYPE, "properties": properties})
        if len(networks) > 1:
            raise ArmError(
                400,
                "IpConfigurationsOnSameNicCannotUseDifferentVirtualNetworks",
                "All IP configurations of a network interface must be in one virtual network.",
            )
        return made


def _addresses(interface: Resource) -> dict[str, tuple[str, str]]:
    return {
        item["name"]: (
            item["properties"]["subnet"]["id"].lower(),
            item["properties"]["privateIPAddress"],
        )
        for item in interface.properties["ipConfigurations"]
    }


def _address(
    properties: Json, subnet: Resource, taken: set[Address], before: tuple[str, str] | None
) -> Address:
    network = Network(subnet.properties["addressPrefix"])
    hosts = list(_edges(network))
    wanted = properties.get("privateIPAddress")
    if properties.get("privateIPAllocationMethod") == "Static":
        if wanted is None:
            raise ArmError(
                400,
                "IpConfigurationPrivateIPAddressMissing",
                "A static IP configuration needs a privateIPAddress.",
            )
        return _static_address(str(wanted), network, taken)
    if before is not None and before[0] == subnet.id.lower():
        return ipaddress.IPv4Address(before[1])
    first = int(network.network_address) + RESERVED_AT_START
    for number in range(first, int(network.broadcast_address)):
        address = ipaddress.IPv4Address(number)
        if address not in taken and address not in hosts:
            return address
    raise ArmError(400, "SubnetIsFull", f"Subnet {subnet.name} has no free address left.")


def _edges(network: Network) -> list[Address]:
    first = int(network.network_address)
    start = [ipaddress.IPv4Address(first + step) for step in range(RESERVED_AT_START)]
    return [*start, network.broadcast_address]


def _static_address(text: str, network: Network, taken: set[Address]) -> Address:
    address = _parse_address(text, "InvalidIPAddressFormat", "privateIPAddress")
    if address not in network:
        raise ArmError(
            400,
            "PrivateIPAddressNotInSubnet",
            f"Private static IP address {text} does not belong to the range of subnet {network}.",
        )
    if address in _edges(network):
        raise ArmError(
            400,
            "PrivateIPAddressInReservedRange",
            f"Private static IP address {text} falls within reserved IP range of subnet {network}.",
        )
    if address in taken:
        raise ArmError(
            400, "PrivateIPAddressInUse", f"Private IP address {text} is already in use."
        )
    return address


def _parse_address(text: str, code: str, target: str) -> Address:
    try:
        return ipaddress.IPv4Address(text)
    except ValueError as error:
        raise ArmError(400, code, f"'{text}' is not an IP address.", target) from error


def _check_public(world: World, properties: Json, nic_id: str) -> None:
    public = properties.get("publicIPAddress")
    if not public:
        return
    found = world.referenced(public.get("id"), "publicIPAddresses", "publicIPAddress")
    for interface in world.of_kind("networkInterfaces"):
        for other in interface.properties["ipConfigurations"]:
            used = (other["properties"].get("publicIPAddress") or {}).get("id", "")
            if used.lower() == found.id.lower() and interface.id.lower() != nic_id.lower():
                raise ArmError(
                    400, "PublicIPAddressInUse", f"{found.id} is already used by {other['id']}."
                )
