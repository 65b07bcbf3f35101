"""Security groups as EC2 holds them: by network, by who is behind them, and of a good name.

moto lets a group be deleted that interfaces are behind, or that is its network's default one;
takes any name; and lets an interface have groups of another network. Sources:
CreateSecurityGroup, DeleteSecurityGroup, ModifyNetworkInterfaceAttribute of the EC2 API
reference; "Default security groups for your VPCs"; "Error codes".
"""

import re
from typing import Any

from moto.ec2.exceptions import EC2ClientError
from moto.ec2.models.elastic_network_interfaces import NetworkInterfaceBackend
from moto.ec2.models.security_groups import SecurityGroupBackend
from moto.ec2.responses.security_groups import SecurityGroups

from sandbox.aws.patching import replace

_NAME = re.compile(r"[A-Za-z0-9 ._\-:/()#,@\[\]+=&;{}!$*]{1,255}")


def create_group(self: Any) -> Any:
    """CreateSecurityGroup: a name that EC2 takes."""
    name = self._get_param("GroupName") or ""
    if not _NAME.fullmatch(name) or name.lower().startswith("sg-"):
        message = f"Value ({name}) for parameter GroupName is invalid."
        raise EC2ClientError("InvalidParameterValue", message)
    return _create_group(self)


def delete_group(self: Any, name: str | None = None, group_id: str | None = None) -> None:
    """DeleteSecurityGroup: of a group that nobody is behind."""
    found = self.get_security_group_by_name_or_id(group_id or name)
    if found is not None and found.name == "default":
        message = f'the specified group: "{found.id}" name: "default" cannot be deleted by a user'
        raise EC2ClientError("CannotDelete", message)
    if found is not None and any(
        group.id == found.id for eni in self.enis.values() for group in eni._group_set
    ):
        message = f"resource {found.id} has a dependent object"
        raise EC2ClientError("DependencyViolation", message)
    _delete_group(self, name, group_id)


def check_network(backend: Any, group_ids: list[str], subnet: Any) -> None:
    """Refuse a group that is not there, or of another network than the subnet."""
    for group_id in group_ids:
        group = backend.get_security_group_from_id(group_id)
        if group is None:
            message = f"The security group '{group_id}' does not exist"
            raise EC2ClientError("InvalidGroup.NotFound", message)
        if group.vpc_id != subnet.vpc_id:
            message = f"Security group {group_id} and subnet {subnet.id} belong to different "
            raise EC2ClientError("InvalidParameter", f"{message}networks.")


def modify_interface(self: Any, eni_id: str, group_ids: list[str], *args: Any, **kw: Any) -> None:
    """ModifyNetworkInterfaceAttribute: groups of the interface's own network."""
    check_network(self, group_ids, self.get_network_interface(eni_id).subnet)
    _modify_interface(self, eni_id, group_ids, *args, **kw)


_create_group = replace(SecurityGroups, "create_security_group", create_group)
_delete_group = replace(SecurityGroupBackend, "delete_security_group", delete_group)
_modify_interface = replace(
    NetworkInterfaceBackend, "modify_network_interface_attribute", modify_interface
)
