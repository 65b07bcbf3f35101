"""The resource types we use, with the API version that each is spoken to in.

Versions are pinned call by call: the SDK ignores a client-wide ``api_version``.
"""

from dataclasses import dataclass

from coldferry.ports import FROZEN

NETWORK_VERSION = "2025-09-01"


@dataclass(frozen=True)
class Kind:
    """A resource type: our word for it, the SDK's group of operations, the pinned version."""

    word: str
    client: str
    operations: str
    arm_type: str
    version: str


DISK = Kind("disk", "compute", "disks", "Microsoft.Compute/disks", "2026-03-02")
SNAPSHOT = Kind(
    FROZEN, "compute", "snapshots", "Microsoft.Compute/snapshots", "2026-03-02"
)  # fmt: skip
VM = Kind("VM", "compute", "virtual_machines", "Microsoft.Compute/virtualMachines", "2026-04-01")
NIC = Kind(
    "network interface",
    "network",
    "network_interfaces",
    "Microsoft.Network/networkInterfaces",
    NETWORK_VERSION,
)
NSG = Kind(
    "security group", "network", "network_security_groups",
    "Microsoft.Network/networkSecurityGroups", NETWORK_VERSION,
)  # fmt: skip
VNET = Kind(
    "virtual network",
    "network",
    "virtual_networks",
    "Microsoft.Network/virtualNetworks",
    NETWORK_VERSION,
)
PUBLIC_ADDRESS = Kind(
    "public address",
    "network",
    "public_ip_addresses",
    "Microsoft.Network/publicIPAddresses",
    NETWORK_VERSION,
)
