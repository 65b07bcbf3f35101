"""Whether the credentials may do what a migration from AWS does, asked without doing it.

EC2 answers a DryRun; EBS direct has none, so it is asked about a snapshot that does
not exist. Sources: "Actions, resources, and condition keys for Amazon EC2"; "Common
errors" of the EBS direct APIs. A service control policy and a permissions boundary
count as they do in earnest; what AWS tells neither way is no lack.
"""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from coldferry.errors import ColdferryError, Denied, Unreachable
from coldferry.migration import ATTEMPT_TAG, MIGRATION_TAG
from providers.aws.client import dry_run, speaking
from providers.aws.session import Clients

if TYPE_CHECKING:
    from mypy_boto3_ec2 import EC2Client

_ABSENT_SNAPSHOT = "snap-0ffffffffffffffff"
_OUR_TAG: Any = [{"Key": ATTEMPT_TAG}]
_FROZEN: Any = [
    {"ResourceType": "snapshot", "Tags": [{"Key": MIGRATION_TAG, "Value": "dry-run"}]},
]


def _snapshots(ec2: "EC2Client", vm: str) -> object:
    return ec2.create_snapshots(
        DryRun=True, InstanceSpecification={"InstanceId": vm}, TagSpecifications=_FROZEN
    )


def _user_data(ec2: "EC2Client", vm: str) -> object:
    return ec2.describe_instance_attribute(DryRun=True, InstanceId=vm, Attribute="userData")


OF_A_MACHINE: dict[str, Callable[["EC2Client", str], object]] = {
    "DescribeInstanceAttribute": _user_data,
    "StopInstances": lambda ec2, vm: ec2.stop_instances(DryRun=True, InstanceIds=[vm]),
    "StartInstances": lambda ec2, vm: ec2.start_instances(DryRun=True, InstanceIds=[vm]),
    "RebootInstances": lambda ec2, vm: ec2.reboot_instances(DryRun=True, InstanceIds=[vm]),
    "CreateSnapshots": _snapshots,
    "CreateTags": lambda ec2, vm: ec2.create_tags(DryRun=True, Resources=[vm], Tags=_OUR_TAG),
    "DeleteTags": lambda ec2, vm: ec2.delete_tags(DryRun=True, Resources=[vm], Tags=_OUR_TAG),
}
"""EC2's actions on one machine, each as a call that does nothing."""

_OF_POWER = ("StopInstances", "StartInstances")
_OF_TAGS = ("CreateTags", "DeleteTags")


def asked_of(clients: Clients, vm: str, *, stops: bool, freezes: bool) -> list[Callable[[], str]]:
    """Questions to put at the same time; each answers the action that is lacking, or nothing.

    ``stops`` is False of a machine that is not halted, ``freezes`` of one without disks.
    """
    wanted = [*(_OF_POWER if stops else ()), *_OF_TAGS]
    wanted += ["CreateSnapshots"] if freezes else []

    def question(action: str) -> Callable[[], str]:
        name, ask = f"ec2:{action}", OF_A_MACHINE[action]
        return lambda: "" if _may(lambda: ask(clients.ec2, vm), name, vm) else name

    questions = [question(action) for action in wanted]
    if freezes:
        questions += [lambda: _delete(clients), lambda: _blocks(clients)]
    return questions


def newest_of_ours(clients: Clients) -> str | None:
    """The newest completed snapshot here that bears a migration's tag."""
    with speaking("ec2:DescribeSnapshots", "our snapshots"):
        rows = clients.ec2.describe_snapshots(
            OwnerIds=["self"],
            Filters=[
                {"Name": "tag-key", "Values": [MIGRATION_TAG]},
                {"Name": "status", "Values": ["completed"]},
            ],
        )["Snapshots"]
    return max(rows, key=lambda row: row["StartTime"])["SnapshotId"] if rows else None


def delete(ec2: "EC2Client", snapshot: str) -> object:
    """DeleteSnapshot as a dry run: the policy allows it of our snapshots only."""
    return ec2.delete_snapshot(DryRun=True, SnapshotId=snapshot)


def list_absent_blocks(clients: Clients) -> object:
    """ListSnapshotBlocks of a snapshot that does not exist: not found comes after allowed."""
    return clients.ebs.list_snapshot_blocks(SnapshotId=_ABSENT_SNAPSHOT)


def _may(call: Callable[[], object], action: str, subject: str) -> bool:
    return dry_run(call, action, subject) is not False


def _delete(clients: Clients) -> str:
    """Only where there is a snapshot of ours: of no other may it be asked."""
    action = "ec2:DeleteSnapshot"
    one = newest_of_ours(clients)
    if one is None or _may(lambda: delete(clients.ec2, one), action, one):
        return ""
    return action


def _blocks(clients: Clients) -> str:
    action = "ebs:ListSnapshotBlocks"
    try:
        with speaking(action, "a snapshot that does not exist"):
            list_absent_blocks(clients)
    except Denied:
        return action
    except Unreachable:
        raise
    except ColdferryError:
        return ""  # not found is the good answer
    return ""
