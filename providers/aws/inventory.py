"""Everything that the AWS APIs say of one instance, read in one go, not yet translated.

What a description cannot do without is asked for and a refusal is raised;
what may be gone (the AMI) is absent from the inventory.
"""

import base64
import binascii
from dataclasses import dataclass
from typing import TYPE_CHECKING

from coldferry.errors import Gone
from coldferry.machine import NetworkFilesystem, Relation
from providers.aws.client import speaking
from providers.aws.filesystems import mountable
from providers.aws.instances import read_living
from providers.aws.session import Clients
from providers.aws.surroundings import relations_of

if TYPE_CHECKING:
    from mypy_boto3_ec2.type_defs import (
        DhcpConfigurationTypeDef,
        ImageTypeDef,
        InstanceTypeDef,
        InstanceTypeInfoTypeDef,
        NetworkInterfaceTypeDef,
        SecurityGroupTypeDef,
        SubnetTypeDef,
        VolumeTypeDef,
    )


@dataclass(frozen=True)
class Inventory:
    """Raw answers. ``dhcp`` is None when the network hands out no options, or has none we see.

    ``groups`` lacks those of another account, ``subnets`` those that are not
    shared with us. ``user_data`` is decoded, empty when there is none.
    """

    instance: "InstanceTypeDef"
    facts: "InstanceTypeInfoTypeDef"
    image: "ImageTypeDef | None"
    volumes: "list[VolumeTypeDef]"
    interfaces: "list[NetworkInterfaceTypeDef]"
    subnets: "dict[str, SubnetTypeDef]"
    groups: "dict[str, SecurityGroupTypeDef]"
    dhcp: "list[DhcpConfigurationTypeDef] | None"
    user_data: bytes
    file_systems: tuple[NetworkFilesystem, ...]
    relations: tuple[Relation, ...]


def read_inventory(clients: Clients, vm: str) -> Inventory:
    """All of it, about a dozen calls. Raises UnknownMachine, also for a terminated instance."""
    instance = read_living(clients, vm)
    interfaces = _interfaces(clients, vm)
    vpcs = {row["VpcId"] for row in interfaces if "VpcId" in row}
    own_subnets = {row["SubnetId"] for row in interfaces if "SubnetId" in row}
    volumes = read_volumes(clients, vm)
    return Inventory(
        instance=instance,
        facts=_facts(clients, instance.get("InstanceType", "unknown")),
        image=_image(clients, instance.get("ImageId", "")),
        volumes=volumes,
        interfaces=interfaces,
        subnets=_subnets(clients, sorted(own_subnets)),
        groups=_groups(clients, interfaces),
        dhcp=_dhcp(clients, instance.get("VpcId") or min(vpcs, default="")),
        user_data=_user_data(clients, vm),
        file_systems=mountable(clients, vpcs, own_subnets),
        relations=relations_of(clients, instance, interfaces, [row["VolumeId"] for row in volumes]),
    )


def read_volumes(clients: Clients, vm: str) -> "list[VolumeTypeDef]":
    """The volumes that are attached to the instance, in no order."""
    with speaking("ec2:DescribeVolumes", vm):
        pages = clients.ec2.get_paginator("describe_volumes").paginate(
            Filters=[{"Name": "attachment.instance-id", "Values": [vm]}]
        )
        return [volume for page in pages for volume in page["Volumes"]]


def _interfaces(clients: Clients, vm: str) -> "list[NetworkInterfaceTypeDef]":
    with speaking("ec2:DescribeNetworkInterfaces", vm):
        pages = clients.ec2.get_paginator("describe_network_interfaces").paginate(
            Filters=[{"Name": "attachment.instance-id", "Values": [vm]}]
        )
        return [interface for page in pages for interface in page["NetworkInterfaces"]]


def _facts(clients: Clients, kind: str) -> "InstanceTypeInfoTypeDef":
    with speaking("ec2:DescribeInstanceTypes", kind):
        answer = clients.ec2.describe_instance_types(
            Filters=[{"Name": "instance-type", "Values": [kind]}]
        )
    if not answer["InstanceTypes"]:
        raise Gone(
            f"EC2 does not say how much memory the instance type {kind} has.",
            "Change the machine to a type that is offered in its region, then describe it again.",
        )
    return answer["InstanceTypes"][0]


def _image(clients: Clients, image_id: str) -> "ImageTypeDef | None":
    """By filter: an id that is gone is then an empty answer and no error."""
    with speaking("ec2:DescribeImages", image_id):
        answer = clients.ec2.describe_images(
            Filters=[{"Name": "image-id", "Values": [image_id]}], IncludeDeprecated=True
        )
    return answer["Images"][0] if answer["Images"] else None


def _subnets(clients: Clients, ids: list[str]) -> "dict[str, SubnetTypeDef]":
    if not ids:
        return {}
    with speaking("ec2:DescribeSubnets", ", ".join(ids)):
        answer = clients.ec2.describe_subnets(Filters=[{"Name": "subnet-id", "Values": ids}])
    return {row["SubnetId"]: row for row in answer["Subnets"] if "SubnetId" in row}


def _groups(
    clients: Clients, interfaces: "list[NetworkInterfaceTypeDef]"
) -> "dict[str, SecurityGroupTypeDef]":
    named = {
        group["GroupId"]
        for interface in interfaces
        for group in interface.get("Groups", [])
        if "GroupId" in group
    }
    if not named:
        return {}
    with speaking("ec2:DescribeSecurityGroups", ", ".join(sorted(named))):
        pages = clients.ec2.get_paginator("describe_security_groups").paginate(
            Filters=[{"Name": "group-id", "Values": sorted(named)}]
        )
        rows = [row for page in pages for row in page["SecurityGroups"]]
    return {row["GroupId"]: row for row in rows if "GroupId" in row}


def _dhcp(clients: Clients, vpc: str) -> "list[DhcpConfigurationTypeDef] | None":
    if not vpc:
        return None
    with speaking("ec2:DescribeVpcs", vpc):
        vpcs = clients.ec2.describe_vpcs(Filters=[{"Name": "vpc-id", "Values": [vpc]}])["Vpcs"]
    if not vpcs:
        return None  # a network that another account shares
    options = vpcs[0].get("DhcpOptionsId", "")
    if options in ("", "default"):
        return []  # "default" is EC2's word for: no options are handed out
    with speaking("ec2:DescribeDhcpOptions", options):
        answer = clients.ec2.describe_dhcp_options(
            Filters=[{"Name": "dhcp-options-id", "Values": [options]}]
        )
    found = answer["DhcpOptions"]
    return found[0].get("DhcpConfigurations", []) if found else None


def _user_data(clients: Clients, vm: str) -> bytes:
    with speaking("ec2:DescribeInstanceAttribute", vm):
        answer = clients.ec2.describe_instance_attribute(InstanceId=vm, Attribute="userData")
    text = answer.get("UserData", {}).get("Value", "")
    try:
        return base64.b64decode(text, validate=True)
    except binascii.Error:
        return text.encode()  # EC2 documents base64; what is not is digested as it stands
