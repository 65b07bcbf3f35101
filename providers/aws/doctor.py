"""Whether the credentials, the clock and the endpoints are fit for a migration.

Makes nothing: writes are asked for with DryRun, and EBS direct, which has no
DryRun, is asked about a snapshot that does not exist. Sources: "Actions,
resources, and condition keys for Amazon EC2"; "Quotas for Amazon EBS".
"""

import base64
import hashlib
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from functools import partial
from typing import TYPE_CHECKING

from coldferry.errors import BadInput, ColdferryError, Denied, Gone, Unreachable
from coldferry.ports import Check
from providers.aws import rights
from providers.aws.client import dry_run, speaking
from providers.aws.session import Clients

if TYPE_CHECKING:
    from mypy_boto3_ec2.type_defs import DescribeInstancesResultTypeDef, InstanceTypeDef

_MOST_SKEW_S = 300.0
"""AWS refuses a signature that is five minutes off."""

_QUOTAS = (
    ("L-C125AE42", "block reads per second"),
    ("L-18E976AB", "block listings per second"),
    ("L-309BACF6", "snapshots in the region"),
)


def diagnose(clients: Clients) -> Iterator[Check]:
    """Identity, clock, endpoints, permissions, data path, quotas; never raises a provider's no.

    After credentials that are not taken, or an endpoint that is silent, it
    ends: the rest would say the same again. Raises BadInput for a block that
    cannot be used as it is.
    """
    try:
        with speaking("sts:GetCallerIdentity", "these credentials"):
            identity = clients.sts.get_caller_identity()
    except BadInput:
        raise
    except ColdferryError as error:
        yield Check("identity", ok=False, what=error.what, do=error.do)
        return
    yield Check("identity", ok=True, what=f"AWS knows these credentials as {identity['Arn']}.")
    yield _clock(identity["ResponseMetadata"]["HTTPHeaders"].get("date", ""))
    try:
        with speaking("ec2:DescribeInstances", "the region's machines"):
            machines = clients.ec2.describe_instances(MaxResults=100)
    except ColdferryError as error:
        yield Check("ec2 endpoint", ok=False, what=error.what, do=error.do)
        if isinstance(error, Unreachable):
            return
        machine = None
    else:
        yield Check("ec2 endpoint", ok=True, what=f"EC2 answers in {clients.region}.")
        machine = _some_machine(machines)
    yield from _permissions(clients, machine)
    yield _data_path(clients)
    yield _a_block(clients)
    yield from _other_services(clients)
    yield from _quotas(clients)


def _clock(date: str) -> Check:
    try:
        skew_s = abs((datetime.now(UTC) - parsedate_to_datetime(date)).total_seconds())
    except (TypeError, ValueError):
        return Check("clock", ok=None, what="The answer of AWS bears no date to compare with.")
    if skew_s < _MOST_SKEW_S:
        return Check("clock", ok=True, what=f"This machine's clock is {skew_s:.0f} s off.")
    return Check(
        "clock", ok=False,
        what=f"This machine's clock is {skew_s:.0f} s off: AWS will refuse its signatures.",
        do="Let it follow a time server.",
    )  # fmt: skip


def _some_machine(answer: "DescribeInstancesResultTypeDef") -> "InstanceTypeDef | None":
    """One that lives: AWS looks at the ids before it looks at a dry run."""
    for reservation in answer["Reservations"]:
        for instance in reservation.get("Instances", []):
            if instance["State"]["Name"] in ("pending", "running", "stopping", "stopped"):
                return instance
    return None


def _permissions(clients: Clients, machine: "InstanceTypeDef | None") -> Iterator[Check]:
    ec2 = clients.ec2
    reads: list[tuple[str, Callable[[], object]]] = [
        ("DescribeInstances", lambda: ec2.describe_instances(DryRun=True)),
        ("DescribeInstanceTypes", lambda: ec2.describe_instance_types(DryRun=True)),
        ("DescribeVolumes", lambda: ec2.describe_volumes(DryRun=True)),
        ("DescribeImages", lambda: ec2.describe_images(DryRun=True, Owners=["self"])),
        ("DescribeSnapshots", lambda: ec2.describe_snapshots(DryRun=True, OwnerIds=["self"])),
        ("DescribeSubnets", lambda: ec2.describe_subnets(DryRun=True)),
        ("DescribeVpcs", lambda: ec2.describe_vpcs(DryRun=True)),
        ("DescribeDhcpOptions", lambda: ec2.describe_dhcp_options(DryRun=True)),
        ("DescribeNetworkInterfaces", lambda: ec2.describe_network_interfaces(DryRun=True)),
        ("DescribeSecurityGroups", lambda: ec2.describe_security_groups(DryRun=True)),
        (
            "DescribeInstanceTypeOfferings",
            lambda: ec2.describe_instance_type_offerings(DryRun=True, MaxResults=5),
        ),
        ("DescribeKeyPairs", lambda: ec2.describe_key_pairs(DryRun=True)),
        ("GetEbsEncryptionByDefault", lambda: ec2.get_ebs_encryption_by_default(DryRun=True)),
    ]
    for action, call in reads:
        yield _allowed(action, call, "the region")
    if machine is None:
        for action in rights.OF_A_MACHINE:
            yield Check(
                f"ec2:{action}", ok=None, what="There is no machine here to ask about.",
                do="Start one, or see the policy.",
            )  # fmt: skip
        return
    vm = machine["InstanceId"]
    for action, ask in rights.OF_A_MACHINE.items():
        yield _allowed(action, partial(ask, ec2, vm), vm)
    yield _may_delete(clients)


def _may_delete(clients: Clients) -> Check:
    """Only of a snapshot of ours: the policy allows no other."""
    action = "DeleteSnapshot"
    try:
        one = rights.newest_of_ours(clients)
    except ColdferryError as error:
        return Check(f"ec2:{action}", ok=None, what=error.what, do=error.do)
    if one is None:
        return Check(f"ec2:{action}", ok=None, what="There is no snapshot of ours to ask about.")
    return _allowed(action, partial(rights.delete, clients.ec2, one), one)


def _allowed(action: str, call: Callable[[], object], subject: str) -> Check:
    name = f"ec2:{action}"
    try:
        allowed = dry_run(call, name, subject)
    except ColdferryError as error:
        return Check(name, ok=None, what=error.what, do=error.do)
    if allowed is None:
        return Check(name, ok=None, what=f"AWS does not tell whether {name} is allowed.")
    if allowed:
        return Check(name, ok=True, what=f"{name} is allowed.")
    return Check(
        name, ok=False, what=f"{name} is not allowed.",
        do=f"Allow {name} in the policy of the role or user.",
    )  # fmt: skip


def _data_path(clients: Clients) -> Check:
    """Not found is the good answer: it comes after the permission was checked."""
    name = "ebs:ListSnapshotBlocks"
    try:
        with speaking(name, "a snapshot that does not exist"):
            rights.list_absent_blocks(clients)
    except Gone:
        return Check(name, ok=True, what="EBS direct answers and lets us list blocks.")
    except (Denied, Unreachable) as error:
        return Check(name, ok=False, what=error.what, do=error.do)
    except ColdferryError as error:
        return Check(name, ok=None, what=error.what, do=error.do)
    return Check(name, ok=None, what="EBS direct knows a snapshot that does not exist.")


def _a_block(clients: Clients) -> Check:
    """Read one block of our own newest snapshot: no other question reaches the data itself."""
    name = "ebs:GetSnapshotBlock"
    try:
        snapshot = rights.newest_of_ours(clients)
        if snapshot is None:
            return Check(
                name, ok=None, what="There is no snapshot of ours: no block could be read.",
                do="A first migration or 'coldferry plan --inspect' shows it.",
            )  # fmt: skip
        with speaking(name, snapshot):
            blocks = clients.ebs.list_snapshot_blocks(SnapshotId=snapshot, MaxResults=100)["Blocks"]
            if not blocks:
                return Check(name, ok=None, what=f"{snapshot} is empty: no block could be read.")
            answer = clients.ebs.get_snapshot_block(
                SnapshotId=snapshot,
                BlockIndex=blocks[0]["BlockIndex"],
                BlockToken=blocks[0]["BlockToken"],
            )
            block = answer["BlockData"].read()
    except ColdferryError as error:
        return Check(name, ok=False, what=error.what, do=error.do)
    if base64.b64encode(hashlib.sha256(block).digest()).decode() != answer["Checksum"]:
        return Check(
            name, ok=False, what=f"A block of {snapshot} came with another digest.",
            do="Look for a proxy that changes traffic.",
        )  # fmt: skip
    return Check(name, ok=True, what=f"A block of {snapshot} was read, and its digest is right.")


def _other_services(clients: Clients) -> Iterator[Check]:
    """File systems a description must know of; what stands around a machine it can do without."""
    for service, action, call in (
        ("efs", "elasticfilesystem:DescribeFileSystems", _efs),
        ("fsx", "fsx:DescribeFileSystems", _fsx),
    ):
        if clients.offers(service):
            yield _answers(clients, action, call, needed=True)
    for action, call in (
        ("elasticloadbalancing:DescribeTargetGroups", _target_groups),
        ("elasticloadbalancing:DescribeLoadBalancers", _classic_balancers),
        ("cloudwatch:DescribeAlarms", _alarms),
        ("route53:ListHostedZones", _zones),
    ):
        yield _answers(clients, action, call, needed=False)


def _answers(
    clients: Clients, action: str, call: Callable[[Clients], object], *, needed: bool
) -> Check:
    try:
        with speaking(action, "the account"):
            call(clients)
    except ColdferryError as error:
        without = "" if needed else " A description then says that it is unknown."
        return Check(action, ok=False if needed else None, what=error.what, do=error.do + without)
    return Check(action, ok=True, what=f"{action} is allowed.")


def _efs(clients: Clients) -> object:
    return clients.efs.describe_file_systems(MaxItems=1)


def _fsx(clients: Clients) -> object:
    return clients.fsx.describe_file_systems(MaxResults=1)


def _target_groups(clients: Clients) -> object:
    return clients.service("elbv2").describe_target_groups(PageSize=1)


def _classic_balancers(clients: Clients) -> object:
    return clients.service("elb").describe_load_balancers(PageSize=1)


def _alarms(clients: Clients) -> object:
    return clients.service("cloudwatch").describe_alarms(MaxRecords=1)


def _zones(clients: Clients) -> object:
    return clients.service("route53").list_hosted_zones(MaxItems="1")


def _quotas(clients: Clients) -> Iterator[Check]:
    for code, words in _QUOTAS:
        name = f"quota of {words}"
        try:
            with speaking("servicequotas:GetServiceQuota", code):
                quota = clients.quotas.get_service_quota(ServiceCode="ebs", QuotaCode=code)
        except ColdferryError as error:
            yield Check(
                name, ok=None, what=f"Unknown: {error.what}",
                do="The default of AWS is assumed.",
            )  # fmt: skip
        else:
            yield Check(name, ok=True, what=f"{quota['Quota'].get('Value', 0):.0f}.")
