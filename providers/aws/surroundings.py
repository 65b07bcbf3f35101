"""What stands around an instance and knows it by its id: listed, never carried.

Sources: DescribeTargetHealth (Elastic Load Balancing v2), DescribeLoadBalancers
(Classic), DescribeAlarms (CloudWatch), ListResourceRecordSets (Route 53) of the
API references; "Amazon EBS resource tags" of Data Lifecycle Manager (its
snapshots bear ``dlm:managed``) and "Backup vault resources" of AWS Backup (its
copies bear ``aws:backup:source-resource``).

A look that is refused, or that would take too many calls, is told as such: an
empty list means that nothing is there.
"""

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING, Any

from coldferry.errors import ProviderError
from coldferry.machine import UNKNOWN, Relation, RelationKind
from providers.aws.client import speaking
from providers.aws.instances import tags_of
from providers.aws.session import Clients

if TYPE_CHECKING:
    from mypy_boto3_ec2.type_defs import InstanceTypeDef, NetworkInterfaceTypeDef

MOST_CALLS = 50
"""Of one look: a person waits for the description."""

_BACKUP_TAGS = ("dlm:managed", "aws:backup:source-resource", "aws:dlm:lifecycle-policy-id")


@dataclass(frozen=True)
class Sought:
    """What a machine is known by to others."""

    vm: str
    vpcs: frozenset[str]
    addresses: frozenset[str]
    names: frozenset[str]
    volumes: tuple[str, ...]


def relations_of(
    clients: Clients,
    instance: "InstanceTypeDef",
    interfaces: "Iterable[NetworkInterfaceTypeDef]",
    volumes: Iterable[str],
) -> tuple[Relation, ...]:
    """By kind and id. Refusals are entries with the id ``unknown``, never errors."""
    sought = _sought(instance, list(interfaces), tuple(volumes))
    looks: list[tuple[RelationKind, str, Callable[[Clients, Sought], Iterator[Relation]]]] = [
        ("load balancer", "elasticloadbalancing", _target_groups),
        ("load balancer", "elasticloadbalancing", _classic_balancers),
        ("alarm", "monitoring", _alarms),
        ("dns record", "route53", _records),
        ("backup plan", "ec2", _backups),
    ]
    with ThreadPoolExecutor(len(looks)) as pool:
        told = list(pool.map(lambda look: _looked(clients, sought, *look), looks))
    found = [*named_by(instance), *(one for part in told for one in part)]
    return tuple(sorted(dict.fromkeys(found), key=lambda one: (one.kind, one.id)))


def _looked(
    clients: Clients,
    sought: Sought,
    kind: RelationKind,
    service: str,
    look: Callable[[Clients, Sought], Iterator[Relation]],
) -> list[Relation]:
    try:
        return list(look(clients, sought))
    except ProviderError as error:
        return [Relation(kind=kind, id=UNKNOWN, detail=f"{service} did not tell: {error.what}")]


def _sought(
    instance: "InstanceTypeDef",
    interfaces: "list[NetworkInterfaceTypeDef]",
    volumes: tuple[str, ...],
) -> Sought:
    addresses = {instance.get("PrivateIpAddress"), instance.get("PublicIpAddress")}
    for interface in interfaces:
        for row in interface.get("PrivateIpAddresses", []):
            addresses |= {
                row.get("PrivateIpAddress"),
                row.get("Association", {}).get("PublicIp"),
            }
    names = {instance.get("PrivateDnsName"), instance.get("PublicDnsName")}
    return Sought(
        vm=instance["InstanceId"],
        vpcs=frozenset(row["VpcId"] for row in interfaces if "VpcId" in row),
        addresses=frozenset(filter(None, addresses)),
        names=frozenset(name.rstrip(".").lower() for name in names if name),
        volumes=volumes,
    )


def named_by(instance: "InstanceTypeDef") -> Iterator[Relation]:
    """What the instance itself tells."""
    tags = tags_of(instance.get("Tags", []))
    if group := tags.get("aws:autoscaling:groupName"):
        yield Relation(kind="scaling group", id=group)
    if stack := tags.get("aws:cloudformation:stack-name"):
        yield Relation(kind="fleet manager", id=stack, detail="CloudFormation stack")
    if group := instance.get("Placement", {}).get("GroupName"):
        yield Relation(kind="placement group", id=group)


def _target_groups(clients: Clients, sought: Sought) -> Iterator[Relation]:
    client = clients.service("elbv2")
    with speaking("elasticloadbalancing:DescribeTargetGroups", "the account's target groups"):
        pages = client.get_paginator("describe_target_groups").paginate()
        groups = [
            group
            for page in pages
            for group in page["TargetGroups"]
            if group.get("VpcId") in sought.vpcs and group.get("TargetType") in ("instance", "ip")
        ]
    for group in groups[:MOST_CALLS]:
        with speaking("elasticloadbalancing:DescribeTargetHealth", group["TargetGroupName"]):
            rows = client.describe_target_health(TargetGroupArn=group["TargetGroupArn"])
        known = {sought.vm, *sought.addresses}
        for row in rows["TargetHealthDescriptions"]:
            if row["Target"]["Id"] in known:
                port = row["Target"].get("Port", group.get("Port", ""))
                yield Relation(
                    kind="load balancer",
                    id=group["TargetGroupName"],
                    detail=f"target group, port {port}",
                )
    if len(groups) > MOST_CALLS:
        yield _too_many("load balancer", "target groups", len(groups))


def _classic_balancers(clients: Clients, sought: Sought) -> Iterator[Relation]:
    with speaking("elasticloadbalancing:DescribeLoadBalancers", "the account's load balancers"):
        pages = clients.service("elb").get_paginator("describe_load_balancers").paginate()
        rows = [row for page in pages for row in page["LoadBalancerDescriptions"]]
    for row in rows:
        if any(one["InstanceId"] == sought.vm for one in row.get("Instances", [])):
            yield Relation(
                kind="load balancer", id=row["LoadBalancerName"], detail="classic load balancer"
            )


def _alarms(clients: Clients, sought: Sought) -> Iterator[Relation]:
    known = {sought.vm, *sought.volumes}
    with speaking("cloudwatch:DescribeAlarms", "the account's alarms"):
        pages = iter(clients.service("cloudwatch").get_paginator("describe_alarms").paginate())
        for page in islice(pages, MOST_CALLS):
            for alarm in page.get("MetricAlarms", []):
                watched = {row["Value"] for row in alarm.get("Dimensions", [])}
                if watched & known:
                    metric = alarm.get("MetricName", "")
                    yield Relation(kind="alarm", id=alarm["AlarmName"], detail=metric)
        if next(pages, None) is not None:
            yield _too_many("alarm", "pages of alarms", MOST_CALLS)


def _records(clients: Clients, sought: Sought) -> Iterator[Relation]:
    client = clients.service("route53")
    with speaking("route53:ListHostedZones", "the account's DNS zones"):
        pages = client.get_paginator("list_hosted_zones").paginate()
        zones = [zone for page in pages for zone in page["HostedZones"]]
    for zone in zones[:MOST_CALLS]:
        with speaking("route53:ListResourceRecordSets", zone["Name"]):
            pages = client.get_paginator("list_resource_record_sets").paginate(
                HostedZoneId=zone["Id"]
            )
            for page in islice(pages, MOST_CALLS):
                yield from _pointing(page["ResourceRecordSets"], sought)
    if len(zones) > MOST_CALLS:
        yield _too_many("dns record", "DNS zones", len(zones))


def _pointing(records: Iterable[dict[str, Any]], sought: Sought) -> Iterator[Relation]:
    for record in records:
        values = {row["Value"].rstrip(".").lower() for row in record.get("ResourceRecords", [])}
        if values & (sought.addresses | sought.names):
            yield Relation(kind="dns record", id=record["Name"].rstrip("."), detail=record["Type"])


def _backups(clients: Clients, sought: Sought) -> Iterator[Relation]:
    """Backup plans choose by tag; that they hold this machine is seen by what they made of it."""
    if not sought.volumes:
        return
    with speaking("ec2:DescribeSnapshots", sought.vm):
        pages = clients.ec2.get_paginator("describe_snapshots").paginate(
            OwnerIds=["self"],
            Filters=[{"Name": "volume-id", "Values": list(sought.volumes)}],
        )
        rows = [row for page in pages for row in page["Snapshots"]]
    for row in rows:
        tags = tags_of(row.get("Tags", []))
        if not tags.keys() & set(_BACKUP_TAGS):
            continue
        policy = tags.get("aws:dlm:lifecycle-policy-id")
        name = policy or ("AWS Backup" if "aws:backup:source-resource" in tags else "DLM")
        yield Relation(kind="backup plan", id=name, detail="it has made snapshots of these disks")


def _too_many(kind: RelationKind, things: str, number: int) -> Relation:
    return Relation(
        kind=kind, id=UNKNOWN, detail=f"there are {number} {things}: not all were looked at"
    )
