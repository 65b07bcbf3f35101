"""Virtual networks and their subnets.

Sources: REST reference of Virtual Networks and Subnets; error codes
``NetcfgInvalidSubnet``, ``NetcfgSubnetRangesOverlap`` and
``InUseSubnetCannotBeDeleted`` as public reports quote them.
"""

from collections.abc import Callable

from azure.mgmt.network import models

from sandbox.azure import checks
from sandbox.azure.errors import ArmError
from sandbox.azure.kinds import Call, succeed
from sandbox.azure.network_kind import Network, NetworkKind, addresses_in_use, parse_network
from sandbox.azure.world import Json, Resource, World

SMALLEST_SUBNET = 29
SUBNET_TYPE = "Microsoft.Network/virtualNetworks/subnets"


class VirtualNetworks(NetworkKind):
    """``Microsoft.Network/virtualNetworks``."""

    arm_type = "Microsoft.Network/virtualNetworks"
    kind = "virtualNetworks"
    model = models.VirtualNetwork
    patch_model = models.TagsObject
    name_rule = checks.VIRTUAL_NETWORK_NAME

    def put(self, call: Call, old: Resource | None) -> Callable[[], Json | None]:
        """Create or replace a network together with the subnets in the body."""
        properties: Json = dict(call.body.get("properties") or {})
        prefixes = (properties.get("addressSpace") or {}).get("addressPrefixes")
        if not prefixes:
            raise ArmError(400, "InvalidRequestFormat", "A virtual network needs an address space.")
        space = [
            parse_network(item, "InvalidAddressPrefixFormat", "addressSpace") for item in prefixes
        ]
        subnets = properties.pop("subnets", None) or []
        network_id = self.world.resource_id(self.arm_type, call.target.name)
        wanted: dict[str, Json] = {}
        ranges: dict[str, Network] = {}
        for subnet in subnets:
            name = subnet.get("name") or ""
            checks.check_name(name, checks.NETWORK_NAME)
            ranges[name] = subnet_range(subnet, space, ranges)
            wanted[f"{network_id}/subnets/{name}".lower()] = subnet
        gone = [
            item for item in subnets_of(self.world, network_id) if item.id.lower() not in wanted
        ]
        for subnet_resource in gone:
            refuse_subnet_in_use(self.world, subnet_resource)
        properties |= {"provisioningState": "Updating", "enableDdosProtection": False}
        made = {"location": call.body["location"], "tags": call.body.get("tags") or {}}
        resource = self.new(call, made | {"properties": properties})
        for subnet_resource in gone:
            self.world.remove(subnet_resource)
        for subnet in wanted.values():
            keep_subnet(self.world, resource, subnet["name"], subnet)
        return succeed(resource)

    def delete(self, resource: Resource) -> Callable[[], Json | None]:
        """Delete a network that no interface is in."""
        subnets = subnets_of(self.world, resource.id)
        for subnet in subnets:
            refuse_subnet_in_use(self.world, subnet)

        def finish() -> Json | None:
            for gone in [*subnets, resource]:
                self.world.remove(gone)
            return None

        return finish

    def show(self, resource: Resource, call: Call) -> Json:
        """The network with its subnets."""
        subnets = [shown_subnet(self.world, item) for item in subnets_of(self.world, resource.id)]
        return resource.body | {"properties": resource.properties | {"subnets": subnets}}


class Subnets(NetworkKind):
    """``Microsoft.Network/virtualNetworks/subnets``."""

    arm_type = SUBNET_TYPE
    kind = "subnets"
    model = models.Subnet
    patch_model = models.TagsObject

    def put(self, call: Call, old: Resource | None) -> Callable[[], Json | None]:
        """Create or replace one subnet of an existing network."""
        network_name = call.target.names[0]
        network_id = self.world.resource_id("Microsoft.Network/virtualNetworks", network_name)
        network = self.world.find(network_id)
        if network is None:
            raise ArmError(
                404,
                "ParentResourceNotFound",
                f"The virtual network '{network_name}' was not found.",
            )
        prefixes = network.properties["addressSpace"]["addressPrefixes"]
        space = [Network(item) for item in prefixes]
        others = {
            item.name: Network(item.properties["addressPrefix"])
            for item in subnets_of(self.world, network_id)
            if old is None or item.id != old.id
        }
        new_range = subnet_range(call.body, space, others)
        if old is not None and str(new_range) != old.properties["addressPrefix"]:
            refuse_subnet_in_use(self.world, old, "InUsePrefixCannotBeDeleted")
        return succeed(keep_subnet(self.world, network, call.target.name, call.body))

    def delete(self, resource: Resource) -> Callable[[], Json | None]:
        """Delete a subnet that no interface is in."""
        refuse_subnet_in_use(self.world, resource)

        def finish() -> Json | None:
            self.world.remove(resource)
            return None

        return finish

    def show(self, resource: Resource, call: Call) -> Json:
        """The subnet with what is in it."""
        return shown_subnet(self.world, resource)


def subnets_of(world: World, network_id: str) -> list[Resource]:
    """The subnets of one network."""
    start = f"{network_id}/subnets/".lower()
    return [item for item in world.of_kind("subnets") if item.id.lower().startswith(start)]


def subnet_range(subnet: Json, space: list[Network], others: dict[str, Network]) -> Network:
    """The checked address range of a subnet in a request."""
    properties = subnet.get("properties") or {}
    prefixes = properties.get("addressPrefixes") or [properties.get("addressPrefix")]
    if len(prefixes) != 1 or prefixes[0] is None:
        raise ArmError(400, "InvalidRequestFormat", "A subnet needs one address prefix here.")
    found = parse_network(prefixes[0], "InvalidCIDRNotation", "addressPrefix")
    if found.prefixlen > SMALLEST_SUBNET or not any(found.subnet_of(item) for item in space):
        raise ArmError(
            400, "NetcfgInvalidSubnet", f"Subnet '{found}' is not valid in the virtual network."
        )
    for name, other in others.items():
        if found.overlaps(other):
            raise ArmError(
                400,
                "NetcfgSubnetRangesOverlap",
                f"Subnet '{found}' is not valid because its range overlaps with '{name}'.",
            )
    return found


def keep_subnet(world: World, network: Resource, name: str, body: Json) -> Resource:
    """Store a subnet that was checked."""
    resource_id = world.resource_id(SUBNET_TYPE, network.name, name)
    properties = dict(body.get("properties") or {})
    prefixes = properties.pop("addressPrefixes", None)
    properties["addressPrefix"] = properties.get("addressPrefix") or (prefixes or [None])[0]
    group = properties.get("networkSecurityGroup")
    if group:
        world.referenced(group.get("id"), "networkSecurityGroups", "networkSecurityGroup")
    properties["provisioningState"] = "Succeeded"
    head = {"id": resource_id, "name": name, "type": SUBNET_TYPE, "properties": properties}
    resource = Resource(resource_id, "subnets", name, head)
    world.add(resource)
    return resource


def shown_subnet(world: World, subnet: Resource) -> Json:
    """A subnet as a GET answers it, with the IP configurations inside."""
    inside = [{"id": item["id"]} for _, item in addresses_in_use(world, subnet.id)]
    extra = {"ipConfigurations": inside} if inside else {}
    return subnet.body | {"properties": subnet.properties | extra}


def refuse_subnet_in_use(
    world: World, subnet: Resource, code: str = "InUseSubnetCannotBeDeleted"
) -> None:
    """A subnet with an interface in it can not go."""
    for interface, _ in addresses_in_use(world, subnet.id):
        raise ArmError(
            400,
            code,
            f"Subnet {subnet.name} is in use by {interface.id} and cannot be deleted or changed.",
        )
