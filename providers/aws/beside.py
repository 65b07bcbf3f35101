"""What a person put at the migration's VM: it never goes with it.

Pages: "Terminate Amazon EC2 instances" (a volume or interface whose DeleteOnTermination is true
goes with the instance; others are detached, and stay), "Enable termination protection",
DeleteSecurityGroup of the EC2 API reference (one that an interface is behind stays).
"""

from collections.abc import Iterator
from typing import Any

from coldferry.errors import Conflict, Finding
from coldferry.ports import FOREIGN
from providers.aws.client import speaking
from providers.aws.listing import made_by, rows
from providers.aws.session import Clients


def foreign(clients: Clients, row: Any, migration: str) -> Iterator[Finding]:
    """Each volume, interface and Elastic IP address at the instance that is not the migration's.

    ``refuse`` for what EC2 would delete with the instance, and for an interface that is behind
    our group; ``warn`` for what stays when it is gone.
    """
    vm = row["InstanceId"]
    volumes, nics = _ids(clients, "volume", migration), _ids(clients, "interface", migration)
    for word, id_, goes in _parts(row):
        if id_ not in (volumes if word == "Volume" else nics):
            yield _found(word, id_, vm, goes=goes)
    for nic in row.get("NetworkInterfaces", []):
        address = nic.get("Association", {})
        if nic["NetworkInterfaceId"] in nics and address.get("IpOwnerId", "amazon") != "amazon":
            yield _found("Elastic IP address", address.get("PublicIp", ""), vm, goes=False)
    yield from _holding(clients, nics, migration)
    if _protected(clients, vm):
        yield Finding(
            "refuse", "protected", vm,
            f"{vm} is protected against being terminated.",
            f"Lift the protection with 'aws ec2 modify-instance-attribute --instance-id {vm} "
            "--no-disable-api-termination', or keep the machine.",
        )  # fmt: skip


def refuse_termination(clients: Clients, row: Any, migration: str) -> None:
    """Raise Conflict, right before it is terminated, for what would go with it and is not ours."""
    volumes, nics = _ids(clients, "volume", migration), _ids(clients, "interface", migration)
    taken = [
        id_
        for word, id_, goes in _parts(row)
        if goes and id_ not in (volumes if word == "Volume" else nics)
    ]
    if taken:
        raise Conflict(
            f"EC2 would delete {', '.join(taken)} with {row['InstanceId']}, and that is not this "
            "migration's.",
            "Detach it, or set its DeleteOnTermination to false; then run the same command again.",
        )


def _parts(row: Any) -> list[tuple[str, str, bool]]:
    """Word, id, and whether it goes with the instance, of all that is attached."""
    volumes = [
        ("Volume", str(one["Ebs"]["VolumeId"]), bool(one["Ebs"].get("DeleteOnTermination")))
        for one in row.get("BlockDeviceMappings", [])
        if "VolumeId" in one.get("Ebs", {})
    ]
    nics = [
        (
            "Network interface",
            str(one["NetworkInterfaceId"]),
            bool(one.get("Attachment", {}).get("DeleteOnTermination")),
        )
        for one in row.get("NetworkInterfaces", [])
    ]
    return volumes + nics


def _ids(clients: Clients, what: str, migration: str) -> set[str]:
    call, key = {
        "volume": ("describe_volumes", "VolumeId"),
        "interface": ("describe_network_interfaces", "NetworkInterfaceId"),
    }[what]
    return {one[key] for one in rows(clients, call, f"what {migration} made", made_by(migration))}


def _found(word: str, id_: str, vm: str, *, goes: bool) -> Finding:
    what = f"{word} {id_} at {vm} is not this migration's"
    if goes:
        return Finding(
            "refuse", FOREIGN, id_, f"{what}, and EC2 would delete it with that.",
            f"Detach it, or set the DeleteOnTermination of {id_} to false.",
        )  # fmt: skip
    return Finding("warn", FOREIGN, id_, f"{what}: it is taken off, and stays.")


def _holding(clients: Clients, nics: set[str], migration: str) -> Iterator[Finding]:
    """Interfaces of others behind our group, which then could not be deleted."""
    groups = rows(clients, "describe_security_groups", migration, made_by(migration))
    ids = [one["GroupId"] for one in groups]
    behind = rows(clients, "describe_network_interfaces", migration, {"group-id": ids})
    for id_ in sorted({one["NetworkInterfaceId"] for one in behind} - nics):
        yield Finding(
            "refuse", FOREIGN, id_,
            f"Network interface {id_} is not this migration's, and is behind its security group.",
            f"Give {id_} another group.",
        )  # fmt: skip


def _protected(clients: Clients, vm: str) -> bool:
    with speaking("ec2:DescribeInstanceAttribute", vm):
        told = clients.ec2.describe_instance_attribute(
            InstanceId=vm, Attribute="disableApiTermination"
        )
    return bool(told.get("DisableApiTermination", {}).get("Value"))
