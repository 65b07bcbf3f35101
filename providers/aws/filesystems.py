"""File systems that could be mounted from a machine's network: EFS and FSx.

The APIs say what can be mounted, not what is: that stands in the guest's fstab.
"""

from typing import TYPE_CHECKING

from coldferry.errors import Denied, ProviderError, Transient
from coldferry.machine import UNKNOWN, NetworkFilesystem
from providers.aws.client import speaking
from providers.aws.session import Clients

if TYPE_CHECKING:
    from mypy_boto3_efs.type_defs import MountTargetDescriptionTypeDef


def mountable(clients: Clients, vpcs: set[str], subnets: set[str]) -> tuple[NetworkFilesystem, ...]:
    """By kind and id. Raises Denied: a description must not claim that there is none."""
    found = []
    if vpcs and clients.offers("efs"):
        found += _efs(clients, vpcs, subnets)
    if vpcs and clients.offers("fsx"):
        found += _fsx(clients, vpcs)
    return tuple(sorted(found, key=lambda one: (one.kind, one.id)))


def _efs(clients: Clients, vpcs: set[str], subnets: set[str]) -> list[NetworkFilesystem]:
    with speaking("elasticfilesystem:DescribeFileSystems", "the account's file systems"):
        pages = clients.efs.get_paginator("describe_file_systems").paginate()
        ids = [row["FileSystemId"] for page in pages for row in page["FileSystems"]]
    found = []
    for one in ids:
        with speaking("elasticfilesystem:DescribeMountTargets", one):
            targets = clients.efs.get_paginator("describe_mount_targets").paginate(FileSystemId=one)
            rows = [row for page in targets for row in page["MountTargets"]]
        near = [row for row in rows if row.get("VpcId") in vpcs or row["SubnetId"] in subnets]
        if near:
            found.append(_entry(one, "efs", _nearest(near, subnets).get("IpAddress")))
    return found


def _nearest(
    rows: "list[MountTargetDescriptionTypeDef]", subnets: set[str]
) -> "MountTargetDescriptionTypeDef":
    """The mount target in the machine's own subnet, else the first by id."""
    return min(rows, key=lambda row: (row["SubnetId"] not in subnets, row["MountTargetId"]))


def _fsx(clients: Clients, vpcs: set[str]) -> list[NetworkFilesystem]:
    try:
        with speaking("fsx:DescribeFileSystems", "the account's file systems"):
            pages = clients.fsx.get_paginator("describe_file_systems").paginate()
            rows = [row for page in pages for row in page["FileSystems"]]
    except (Denied, Transient):
        raise
    except ProviderError:
        return []  # an endpoint that does not have the service has no file systems in it
    return [
        _entry(row["FileSystemId"], "fsx", row.get("DNSName"))
        for row in rows
        if row.get("VpcId") in vpcs
    ]


def _entry(one: str, kind: str, address: str | None) -> NetworkFilesystem:
    return NetworkFilesystem(id=one, kind=kind, address=address or UNKNOWN, mounted=UNKNOWN)
