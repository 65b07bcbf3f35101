"""Everything in the region that bears our tag, kind by kind: what an audit looks at.

A migration makes snapshots here and nothing else; what else bears the tag was
tagged by an accident (a volume made from a snapshot with its tags), and costs
all the same.

Sources: the Describe calls of the EC2 API reference with the filter ``tag-key``.
"""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from coldferry.migration import MIGRATION_TAG
from coldferry.ports import DAYS_A_MONTH, PowerState, Tagged
from providers.aws.client import speaking
from providers.aws.instances import power_of, tags_of
from providers.aws.session import Clients

if TYPE_CHECKING:
    from mypy_boto3_ec2.type_defs import FilterTypeDef

_GIB = 1 << 30
_OURS: "list[FilterTypeDef]" = [{"Name": "tag-key", "Values": [MIGRATION_TAG]}]


def everything(clients: Clients) -> Iterator[Tagged]:
    """Instances, volumes, snapshots, interfaces and security groups; terminated ones are none."""
    yield from _instances(clients)
    yield from _volumes(clients)
    yield from _snapshots(clients)
    yield from _interfaces(clients)
    yield from _groups(clients)


def _instances(clients: Clients) -> Iterator[Tagged]:
    with speaking("ec2:DescribeInstances", "our instances"):
        pages = list(clients.ec2.get_paginator("describe_instances").paginate(Filters=_OURS))
    for row in (i for page in pages for r in page["Reservations"] for i in r.get("Instances", [])):
        power = power_of(row)
        if power is not PowerState.GONE:
            kind = row.get("InstanceType", "")
            yield Tagged(_migration(row), "VM", row["InstanceId"], sku=kind, power=power)


def _volumes(clients: Clients) -> Iterator[Tagged]:
    with speaking("ec2:DescribeVolumes", "our volumes"):
        pages = list(clients.ec2.get_paginator("describe_volumes").paginate(Filters=_OURS))
    for row in (volume for page in pages for volume in page["Volumes"]):
        size_bytes = row.get("Size", 0) * _GIB
        yield Tagged(
            _migration(row), "disk", row["VolumeId"], size_bytes, row.get("VolumeType", "")
        )


def _snapshots(clients: Clients) -> Iterator[Tagged]:
    """Their size is the volume's: EC2 does not tell how much of it is kept, so that is the most."""
    with speaking("ec2:DescribeSnapshots", "our snapshots"):
        pages = list(
            clients.ec2.get_paginator("describe_snapshots").paginate(
                OwnerIds=["self"], Filters=_OURS
            )
        )
    for row in (snapshot for page in pages for snapshot in page["Snapshots"]):
        size_gib, tier = row.get("VolumeSize", 0), row.get("StorageTier", "standard")
        yield Tagged(
            _migration(row), "snapshot", row["SnapshotId"], size_gib * _GIB, tier,
            item="aws.snapshot.gib-month" if tier == "standard" else "",
            place=clients.region, units_per_day=size_gib / DAYS_A_MONTH,
        )  # fmt: skip


def _interfaces(clients: Clients) -> Iterator[Tagged]:
    with speaking("ec2:DescribeNetworkInterfaces", "our network interfaces"):
        pages = list(
            clients.ec2.get_paginator("describe_network_interfaces").paginate(Filters=_OURS)
        )
    for row in (interface for page in pages for interface in page["NetworkInterfaces"]):
        word = tags_of(row.get("TagSet", [])).get(MIGRATION_TAG, "")
        yield Tagged(word, "network interface", row.get("NetworkInterfaceId", ""))


def _groups(clients: Clients) -> Iterator[Tagged]:
    with speaking("ec2:DescribeSecurityGroups", "our security groups"):
        pages = list(clients.ec2.get_paginator("describe_security_groups").paginate(Filters=_OURS))
    for row in (group for page in pages for group in page["SecurityGroups"]):
        yield Tagged(_migration(row), "security group", row.get("GroupId", ""))


def _migration(row: Any) -> str:
    return tags_of(row.get("Tags", [])).get(MIGRATION_TAG, "")
