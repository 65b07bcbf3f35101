"""What the network resources have in common.

Source: REST reference of Microsoft.Network; the SDK sends 2026-03-01 unless
told otherwise, and 2025-09-01 is the newest with published Bicep types.
"""

import ipaddress
from collections.abc import Iterator

from sandbox.azure import checks
from sandbox.azure.errors import ArmError
from sandbox.azure.kinds import Kind
from sandbox.azure.world import Json, Resource, World

API_VERSIONS = frozenset({"2026-03-01", "2025-09-01"})
Network = ipaddress.IPv4Network
Address = ipaddress.IPv4Address


class NetworkKind(Kind):
    """Base of the network resource types."""

    api_versions = API_VERSIONS
    name_rule = checks.NETWORK_NAME
    put_statuses = (201, 200)


def parse_network(text: object, code: str, target: str) -> Network:
    """A CIDR block of a request; refuses what is none, or has host bits set."""
    try:
        return ipaddress.IPv4Network(str(text))
    except ValueError as error:
        raise ArmError(
            400, code, f"Value '{text}' is not a valid CIDR block: {error}", target
        ) from error


def addresses_in_use(world: World, subnet_id: str) -> Iterator[tuple[Resource, Json]]:
    """Each interface and IP configuration in a subnet."""
    for interface in world.of_kind("networkInterfaces"):
        for configuration in interface.properties["ipConfigurations"]:
            if configuration["properties"]["subnet"]["id"].lower() == subnet_id.lower():
                yield interface, configuration
