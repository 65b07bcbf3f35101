"""Interfaces, security groups and resolver settings in the description's words.

Sources: NetworkInterface, SecurityGroup, IpPermission of the EC2 API reference;
"DHCP option sets in Amazon VPC".
"""

from typing import TYPE_CHECKING, Literal

from coldferry.machine import UNKNOWN, Dns, Nic, SecurityGroup
from providers.aws.inventory import Inventory

if TYPE_CHECKING:
    from mypy_boto3_ec2.type_defs import (
        DhcpConfigurationTypeDef,
        IpPermissionOutputTypeDef,
        NetworkInterfaceAssociationTypeDef,
        NetworkInterfaceTypeDef,
        SecurityGroupTypeDef,
    )


def nics_of(inventory: Inventory) -> tuple[Nic, ...]:
    """In the guest's order: by device index, whatever order EC2 lists them in."""
    return tuple(
        _nic(interface, inventory) for interface in sorted(inventory.interfaces, key=_place)
    )


def _place(interface: "NetworkInterfaceTypeDef") -> tuple[int, int]:
    attachment = interface.get("Attachment", {})
    return attachment.get("NetworkCardIndex", 0), attachment.get("DeviceIndex", 0)


def _nic(interface: "NetworkInterfaceTypeDef", inventory: Inventory) -> Nic:
    card, index = _place(interface)
    subnet = inventory.subnets.get(interface.get("SubnetId", ""), {})
    check = interface.get("SourceDestCheck")
    address = interface.get("PrivateIpAddress")
    public, kind = _public(interface)
    return Nic(
        id=interface["NetworkInterfaceId"],
        device_index=index,
        primary=(card, index) == (0, 0),
        mac=interface.get("MacAddress") or UNKNOWN,
        network_id=interface.get("VpcId") or UNKNOWN,
        subnet_id=interface.get("SubnetId", UNKNOWN),
        subnet_cidr=subnet.get("CidrBlock") or UNKNOWN,
        private_address=address,
        more_private_addresses=_more_addresses(interface),
        # EC2 keeps an address for the life of the interface, whether it was asked
        # for or picked at the launch, and does not tell which: peers may rely on it.
        address_assignment="static",
        public_address=public,
        public_address_kind=kind,
        forwards_packets=UNKNOWN if check is None else not check,
        security_groups=tuple(
            _group(row["GroupId"], row.get("GroupName", ""), inventory.groups.get(row["GroupId"]))
            for row in sorted(interface.get("Groups", []), key=lambda row: row.get("GroupId", ""))
            if "GroupId" in row
        ),
    )


def _more_addresses(interface: "NetworkInterfaceTypeDef") -> tuple[str, ...]:
    secondary = [
        row["PrivateIpAddress"]
        for row in interface.get("PrivateIpAddresses", [])
        if not row.get("Primary") and "PrivateIpAddress" in row
    ]
    secondary += [
        row["Ipv6Address"] for row in interface.get("Ipv6Addresses", []) if "Ipv6Address" in row
    ]
    return tuple(address for address in secondary if address != interface.get("PrivateIpAddress"))


def _public(
    interface: "NetworkInterfaceTypeDef",
) -> tuple[str | None, Literal["automatic", "reserved"] | None]:
    """The primary address's public one; only an Elastic IP address has an allocation."""
    association: NetworkInterfaceAssociationTypeDef = interface.get("Association", {})
    address = association.get("PublicIp")
    if not address:
        return None, None
    return address, "reserved" if association.get("AllocationId") else "automatic"


def _group(group_id: str, name: str, seen: "SecurityGroupTypeDef | None") -> SecurityGroup:
    """A group of another account (a shared network) is known by name only."""
    if seen is None:
        return SecurityGroup(id=group_id, name=name)
    rules = {
        f"{direction} {rule}"
        for direction, rows in (
            ("inbound", seen.get("IpPermissions", [])),
            ("outbound", seen.get("IpPermissionsEgress", [])),
        )
        for row in rows
        for rule in _rules(row)
    }
    return SecurityGroup(id=group_id, name=seen.get("GroupName", name), rules=tuple(sorted(rules)))


def _rules(row: "IpPermissionOutputTypeDef") -> list[str]:
    protocol = row.get("IpProtocol", "-1")
    peers = [peer.get("CidrIp") for peer in row.get("IpRanges", [])]
    peers += [peer.get("CidrIpv6") for peer in row.get("Ipv6Ranges", [])]
    peers += [peer.get("PrefixListId") for peer in row.get("PrefixListIds", [])]
    peers += [peer.get("GroupId") for peer in row.get("UserIdGroupPairs", [])]
    words = f"{'all' if protocol == '-1' else protocol} {_ports(row)}"
    return [f"{words} {peer}" for peer in peers if peer]


def _ports(row: "IpPermissionOutputTypeDef") -> str:
    """For ICMP the two numbers are type and code: ``8``, or ``3-4`` when a code is named."""
    first, last = row.get("FromPort", -1), row.get("ToPort", -1)
    if first == -1 or (first, last) == (0, 65535):
        return "all"
    return str(first) if last in (first, -1) else f"{first}-{last}"


def dns_of(inventory: Inventory) -> Dns:
    """AmazonProvidedDNS stays that word: its address depends on the network."""
    if inventory.dhcp is None:
        return Dns()
    servers, search_domains, time_servers = resolvers_of(inventory.dhcp)
    return Dns(servers=servers, search_domains=search_domains, time_servers=time_servers)


def resolvers_of(
    options: "list[DhcpConfigurationTypeDef]",
) -> tuple[tuple[str, ...], tuple[str, ...], tuple[str, ...]]:
    """Resolvers, search domains and time servers that DHCP options hand out."""
    found = {
        row.get("Key", ""): [value.get("Value", "") for value in row.get("Values", [])]
        for row in options
    }
    # Several domains in one value, separated by spaces, are what Linux guests take as a list.
    domains = [word for value in found.get("domain-name", []) for word in value.split()]
    return (
        tuple(found.get("domain-name-servers", [])),
        tuple(domains),
        tuple(found.get("ntp-servers", [])),
    )
