"""What would make the halt, the freeze or the reading fail, all at once; makes nothing.

Sources: "Enable stop protection for your EC2 instance"; "Stop and start Amazon EC2
instances" (a stopped instance keeps no capacity); "Key states of AWS KMS keys"; "Quotas
for Amazon EBS" (concurrent and pending snapshots, snapshots per Region).
"""

from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

from coldferry.errors import (
    ColdferryError,
    Denied,
    Finding,
    Gone,
    ProviderError,
    Unreachable,
    in_order,
)
from coldferry.machine import Disk
from coldferry.migration import MIGRATION_TAG
from coldferry.plan import Plan
from coldferry.ports import PowerState
from providers.aws import rights
from providers.aws.client import speaking
from providers.aws.instances import power_of, read_living, tags_of
from providers.aws.session import Clients

if TYPE_CHECKING:
    from mypy_boto3_ec2.type_defs import FilterTypeDef, SnapshotTypeDef

_AT_ONCE = 12
"""Reads at the same time: one person waits, and EC2 gives a hundred at once."""

_OF_A_VOLUME = {"st1": 1, "sc1": 1}
_OF_ANY_VOLUME = 5
"""Snapshots of one volume that may be in progress at once, by its type; no quota raises them."""

_PENDING = ("L-94D7AB7D", 100)
_IN_REGION = ("L-309BACF6", 100_000)
"""The quota's code, and the default that counts where it may not be read."""

_MOST_COUNTED = 5_000
"""Snapshots that are counted. An account with more learns of the Region's limit from EC2."""

_USABLE_KEY = "Enabled"


def findings(clients: Clients, vm: str, plan: Plan) -> list[Finding]:
    """All faults at once. Raises UnknownMachine, and Unreachable when AWS does not answer."""
    machine = plan.machine
    disks = [device.disk for device in plan.devices]
    keys = sorted({disk.key_id for disk in disks if disk.encrypted is True and disk.key_id})
    questions = rights.asked_of(
        clients, vm, stops=machine.stoppable is not False, freezes=bool(disks)
    )
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        lacking = [pool.submit(question) for question in questions]
        life = pool.submit(_life, clients, vm, plan)
        limits = pool.submit(_limits, clients, disks, plan.migration) if disks else None
        known = {key: pool.submit(_key, clients, key) for key in keys}
        states = {key: asked.result() for key, asked in known.items()}
        actions = [action for asked in lacking if (action := asked.result())]
        found = [
            *_permissions(vm, actions),
            *life.result(),
            *_keys(disks, states),
            *(limits.result() if limits else ()),
        ]
    return in_order(found)


def _permissions(vm: str, actions: list[str]) -> Iterator[Finding]:
    if actions:
        yield Finding(
            "refuse", "permissions", vm,
            f"The credentials lack {', '.join(actions)} for {vm}.",
            "Allow them in the policy of the role or user.",
        )  # fmt: skip


def _life(clients: Clients, vm: str, plan: Plan) -> list[Finding]:
    """Whether it can be stopped, and what a stop gives up."""
    machine = plan.machine
    instance = read_living(clients, vm)
    if machine.stoppable is False or power_of(instance) is PowerState.STOPPED:
        return []
    found = []
    if _protected(clients, vm):
        found.append(Finding(
            "refuse", "stop-protected", vm,
            f"{vm} is protected against being stopped.",
            f"Lift the protection with 'aws ec2 modify-instance-attribute --instance-id {vm} "
            "--no-disable-api-stop'.",
        ))  # fmt: skip
    if not instance.get("CapacityReservationId"):
        scarce = bool(machine.accelerators) or machine.bare_metal is True
        found.append(Finding(
            "warn" if scarce else "inform", "capacity-given-up", vm,
            f"A stopped {machine.instance_type} keeps no place in {machine.zone}: starting {vm} "
            "again, as a rollback does, may have to wait for one.",
            "An On-Demand Capacity Reservation keeps it a place.",
        ))  # fmt: skip
    return found


def _protected(clients: Clients, vm: str) -> bool:
    try:
        with speaking("ec2:DescribeInstanceAttribute", vm):
            answer = clients.ec2.describe_instance_attribute(
                InstanceId=vm, Attribute="disableApiStop"
            )
    except Denied:
        return False  # the halt would tell
    return answer.get("DisableApiStop", {}).get("Value") is True


def _key(clients: Clients, key: str) -> str | None:
    """The key's state, None when we may not see it; empty where it cannot be told."""
    try:
        with speaking("kms:DescribeKey", key):
            answer = clients.service("kms").describe_key(KeyId=key)
    except Denied:
        return None
    except Gone:
        return "gone"
    except Unreachable:
        raise
    except ProviderError:
        return ""
    return str(answer["KeyMetadata"].get("KeyState", ""))


def _keys(disks: list[Disk], states: dict[str, str | None]) -> Iterator[Finding]:
    for disk in disks:
        state = states.get(disk.key_id or "", "")
        if state is None:
            # Of EBS's own key that is no lack: it lets everybody in the account read by EBS.
            yield Finding(
                "warn", "key-unread", disk.id,
                f"Nobody let us look at {disk.key_id}, the KMS key of the disk {disk.id}: whether "
                "the disk can be read shows when it is.",
                "Allow kms:DescribeKey and kms:Decrypt on a key of your own, or look into the "
                "disks before (an inspection reads them).",
            )  # fmt: skip
        elif state not in (_USABLE_KEY, ""):
            yield Finding(
                "refuse", "key-unusable", disk.id,
                f"The disk {disk.id} cannot be read: its KMS key {disk.key_id} is {state}.",
                "Enable the key, or cancel its deletion.",
            )  # fmt: skip


def _limits(clients: Clients, disks: list[Disk], migration: str) -> list[Finding]:
    """Whether EC2 would take one more snapshot of each disk; those of this migration are there."""
    with ThreadPoolExecutor(4) as pool:
        pending_limit = pool.submit(_quota, clients, *_PENDING)
        region_limit = pool.submit(_quota, clients, *_IN_REGION)
        counted = pool.submit(_count, clients)
        ours = pool.submit(
            _list, clients, [{"Name": f"tag:{MIGRATION_TAG}", "Values": [migration]}]
        )
        rows = _list(clients, [{"Name": "status", "Values": ["pending"]}])
        have = {row["VolumeId"] for row in ours.result() if row["State"] != "error"}
        pending = [
            row for row in rows if tags_of(row.get("Tags", [])).get(MIGRATION_TAG) != migration
        ]
        needed = [disk for disk in disks if disk.id not in have]
        return [
            *_in_progress(needed, Counter(row["VolumeId"] for row in pending)),
            *_over("pending-snapshots", "snapshots in progress", len(needed), len(pending),
                   pending_limit.result()),
            *_over("quota-snapshots", "snapshots in the region", len(needed), counted.result(),
                   region_limit.result()),
        ]  # fmt: skip


def _in_progress(disks: list[Disk], pending: "Counter[str]") -> Iterator[Finding]:
    for disk in disks:
        most = _OF_A_VOLUME.get(disk.kind, _OF_ANY_VOLUME)
        if pending[disk.id] >= most:
            yield Finding(
                "refuse", "snapshots-in-progress", disk.id,
                f"{pending[disk.id]} snapshots of the disk {disk.id} are in progress, and EC2 "
                f"makes {most} of a {disk.kind} volume at a time.",
                "Wait until they are completed, and hold back what makes them.",
            )  # fmt: skip


def _over(code: str, of: str, needed: int, used: int, limit: int) -> Iterator[Finding]:
    left = max(0, limit - used)
    if needed > left:
        yield Finding(
            "refuse", code, of,
            f"The quota of {limit} {of} leaves {left}, and the freeze makes {needed}.",
            "Ask AWS to raise the quota, or remove snapshots that are not needed.",
        )  # fmt: skip


def _quota(clients: Clients, code: str, default: int) -> int:
    try:
        with speaking("servicequotas:GetServiceQuota", code):
            quota = clients.quotas.get_service_quota(ServiceCode="ebs", QuotaCode=code)["Quota"]
    except Unreachable:
        raise
    except ColdferryError:
        return default
    return int(quota.get("Value", default))


def _list(clients: Clients, filters: "list[FilterTypeDef]") -> "list[SnapshotTypeDef]":
    with speaking("ec2:DescribeSnapshots", "the account's snapshots"):
        pages = clients.ec2.get_paginator("describe_snapshots").paginate(
            OwnerIds=["self"], Filters=filters
        )
        return [row for page in pages for row in page["Snapshots"]]


def _count(clients: Clients) -> int:
    """The account's snapshots here, as far as they are counted."""
    with speaking("ec2:DescribeSnapshots", "the account's snapshots"):
        pages = clients.ec2.get_paginator("describe_snapshots").paginate(
            OwnerIds=["self"], PaginationConfig={"MaxItems": _MOST_COUNTED, "PageSize": 1000}
        )
        return sum(len(page["Snapshots"]) for page in pages)
