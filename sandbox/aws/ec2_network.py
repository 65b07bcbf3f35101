"""Network interfaces as EC2 attaches and describes them.

moto takes the first listed interface's subnet for the primary one, adds the
instance's groups to every interface, gives no groups when an interface id is
used, and lets one address be used twice. Sources: RunInstances,
CreateNetworkInterface, DeleteNetworkInterface of the EC2 API reference;
"Subnet CIDR blocks" (five reserved addresses); "Assign a public IPv4 address".
"""

import ipaddress
from typing import Any

from moto.ec2.exceptions import EC2ClientError
from moto.ec2.models.elastic_network_interfaces import NetworkInterface, NetworkInterfaceBackend
from moto.ec2.models.instances import Instance
from moto.ec2.responses.elastic_network_interfaces import ElasticNetworkInterfaces

from sandbox.aws.patching import once_per_token, replace


def prep_nics(
    self: Any,
    nic_spec: list[dict[str, Any]],
    private_ip: str | None = None,
    associate_public_ip: bool | None = None,
    security_groups: list[Any] | None = None,
    ipv6_address_count: int | None = None,
) -> None:
    """Attach the interfaces of a launch, in the order they were given."""
    self.nics = {}
    specs = nic_spec or [{"DeviceIndex": 0, "PrivateIpAddress": private_ip}]
    common = [group.id for group in security_groups or []]
    for spec in specs:
        index = int(spec.get("DeviceIndex", 0))
        if eni_id := spec.get("NetworkInterfaceId"):
            eni = self.ec2_backend.get_network_interface(eni_id)
            eni.delete_on_termination = bool(spec.get("DeleteOnTermination"))
        else:
            public = spec.get("AssociatePublicIpAddress")
            if public is None:
                # A subnet gives addresses only to a launch with one interface.
                public = bool(associate_public_ip) and len(specs) == 1
            eni = self.ec2_backend.create_network_interface(
                spec.get("SubnetId") or self.subnet_id,
                spec.get("PrivateIpAddress"),
                spec.get("PrivateIpAddresses"),
                device_index=index,
                public_ip_auto_assign=bool(public),
                group_ids=list(spec.get("Groups") or common),
                delete_on_termination=spec.get("DeleteOnTermination", True),
                description=spec.get("Description"),
                secondary_ips_count=spec.get("SecondaryPrivateIpAddressCount"),
                ipv6_address_count=spec.get("Ipv6AddressCount") or ipv6_address_count,
            )
        self.attach_eni(eni, index)


def create_network_interface(
    self: Any,
    subnet: Any,
    private_ip_address: Any = None,
    private_ip_addresses: list[dict[str, Any]] | None = None,
    *args: Any,
    **kwargs: Any,
) -> Any:
    """CreateNetworkInterface: an address of the subnet that nobody has."""
    subnet = self.get_subnet(subnet) if isinstance(subnet, str) else subnet
    if isinstance(private_ip_address, list):  # moto's EFS gives a list of one
        private_ip_address = private_ip_address[0] if private_ip_address else None
    listed = [dict(row) for row in private_ip_addresses or []]
    if private_ip_address and not any(
        row.get("PrivateIpAddress") == private_ip_address for row in listed
    ):
        listed.insert(0, {"Primary": True, "PrivateIpAddress": private_ip_address})
    if not listed:
        listed = [{"Primary": True, "PrivateIpAddress": free_address(self, subnet)}]
    if not any(row.get("Primary") for row in listed):
        listed[0]["Primary"] = True
    for row in listed:
        row.setdefault("Primary", False)
        check_address(self, subnet, row["PrivateIpAddress"])
    primary = next(row["PrivateIpAddress"] for row in listed if row["Primary"])
    eni = _create_network_interface(self, subnet, primary, listed, *args, **kwargs)
    for row in eni.private_ip_addresses:
        # Keeps the allocator that EFS mount targets use away from it.
        subnet._subnet_ips.setdefault(row["PrivateIpAddress"], eni)
    return eni


def check_address(backend: Any, subnet: Any, address: str) -> None:
    """Refuse an address outside the subnet, reserved, or in use."""
    network = ipaddress.ip_network(subnet.cidr_block)
    if ipaddress.ip_address(address) not in network:
        message = f"Address {address} does not fall within the subnet's address range"
        raise EC2ClientError("InvalidParameterValue", message)
    offset = int(ipaddress.ip_address(address)) - int(network.network_address)
    if offset < 4 or offset == network.num_addresses - 1:
        message = f"Address {address} is in subnet's reserved address range"
        raise EC2ClientError("InvalidParameterValue", message)
    if address in _taken(backend, subnet):
        message = f"The specified address '{address}' is already in use."
        raise EC2ClientError("InvalidIPAddress.InUse", message)


def free_address(backend: Any, subnet: Any) -> str:
    """The lowest address of the subnet that can be given."""
    network = ipaddress.ip_network(subnet.cidr_block)
    taken = _taken(backend, subnet) | set(subnet._subnet_ips)
    for offset in range(4, network.num_addresses - 1):
        if (address := str(network[offset])) not in taken:
            return address
    raise EC2ClientError("InsufficientFreeAddressesInSubnet", f"No free address in {subnet.id}.")


def delete_network_interface(self: Any, eni_id: str) -> None:
    """DeleteNetworkInterface: refused while it is attached."""
    eni = self.get_network_interface(eni_id)
    if eni.instance is not None and not getattr(eni.instance, "terminating", False):
        message = f"Network interface '{eni_id}' is currently in use."
        raise EC2ClientError("InvalidParameterValue", message)
    _delete_network_interface(self, eni_id)
    for row in eni.private_ip_addresses:
        eni.subnet.del_subnet_ip(row["PrivateIpAddress"])


def attach_network_interface(self: Any, eni_id: str, instance_id: str, device_index: int) -> Any:
    """AttachNetworkInterface: a free interface at a free device index."""
    check_free(self.get_network_interface(eni_id))
    if int(device_index) in self.get_instance(instance_id).nics:
        message = f"Instance '{instance_id}' already has an interface attached at device index "
        raise EC2ClientError("InvalidParameterValue", f"{message}'{device_index}'.")
    return _attach_network_interface(self, eni_id, instance_id, device_index)


def check_free(eni: Any) -> None:
    """Refuse an interface that is attached already."""
    if eni.instance is not None:
        message = f"Interface: [{eni.id}] in use."
        raise EC2ClientError("InvalidNetworkInterface.InUse", message)


def _taken(backend: Any, subnet: Any) -> set[str]:
    return {
        row["PrivateIpAddress"]
        for eni in backend.enis.values()
        if eni.subnet.id == subnet.id
        for row in eni.private_ip_addresses
    }


def _groups_of_interface(self: Any) -> Any:
    return self._group_set


def _groups_of_instance(self: Any) -> Any:
    """An instance's security groups are those of its primary interface."""
    primary = self.__dict__.get("nics", {}).get(0)
    return primary._group_set if primary else self.__dict__.get("asked_groups", [])


def _set_groups_of_instance(self: Any, groups: list[Any]) -> None:
    if primary := self.__dict__.get("nics", {}).get(0):
        primary._group_set = list(groups)
    else:
        self.asked_groups = groups


replace(Instance, "prep_nics", prep_nics)
replace(Instance, "security_groups", property(_groups_of_instance, _set_groups_of_instance))
replace(NetworkInterface, "group_set", property(_groups_of_interface))
_create_network_interface = replace(
    NetworkInterfaceBackend, "create_network_interface", create_network_interface
)
_delete_network_interface = replace(
    NetworkInterfaceBackend, "delete_network_interface", delete_network_interface
)
_attach_network_interface = replace(
    NetworkInterfaceBackend, "attach_network_interface", attach_network_interface
)
replace(
    ElasticNetworkInterfaces,
    "create_network_interface",
    once_per_token("CreateNetworkInterface", ElasticNetworkInterfaces.create_network_interface),
)
