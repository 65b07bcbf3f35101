"""One instance as EC2 shows it now, and what its state means."""

import re
from typing import TYPE_CHECKING

from coldferry.errors import UnknownMachine
from coldferry.ports import PowerState
from providers.aws.client import speaking, unknown_machine
from providers.aws.session import Clients

if TYPE_CHECKING:
    from mypy_boto3_ec2.type_defs import InstanceTypeDef, TagTypeDef

_INSTANCE_ID = re.compile(r"i-[0-9a-f]{8,17}")

# "Amazon EC2 instance state changes".
_POWERS = {
    "pending": PowerState.STARTING,
    "running": PowerState.RUNNING,
    "stopping": PowerState.STOPPING,
    "stopped": PowerState.STOPPED,
    "shutting-down": PowerState.GONE,
    "terminated": PowerState.GONE,
}


def read_instance(clients: Clients, vm: str) -> "InstanceTypeDef":
    """The instance, also a terminated one. Raises UnknownMachine."""
    if not _INSTANCE_ID.fullmatch(vm):
        raise unknown_machine(repr(vm)[:80])
    with speaking("ec2:DescribeInstances", vm):
        answer = clients.ec2.describe_instances(InstanceIds=[vm])
    for reservation in answer["Reservations"]:
        for instance in reservation.get("Instances", []):
            return instance
    raise unknown_machine(vm)


def read_living(clients: Clients, vm: str) -> "InstanceTypeDef":
    """The instance. Raises UnknownMachine when it is terminated or about to be."""
    instance = read_instance(clients, vm)
    if power_of(instance) is PowerState.GONE:
        raise UnknownMachine(
            f"The EC2 instance {vm} is terminated: its disks may be gone already.",
            "Choose another machine, or restore this one from a backup first.",
        )
    return instance


def living(clients: Clients) -> list[str]:
    """The ids of all instances here that are not terminated, in order."""
    states = [name for name, power in _POWERS.items() if power is not PowerState.GONE]
    with speaking("ec2:DescribeInstances", "the machines"):
        pages = clients.ec2.get_paginator("describe_instances").paginate(
            Filters=[{"Name": "instance-state-name", "Values": states}]
        )
        return sorted(
            instance["InstanceId"]
            for page in pages
            for reservation in page["Reservations"]
            for instance in reservation.get("Instances", [])
        )


def power_of(instance: "InstanceTypeDef") -> PowerState:
    """EC2's state in the contract's words."""
    return _POWERS[instance["State"]["Name"]]


def tags_of(rows: "list[TagTypeDef]") -> dict[str, str]:
    """Tag rows as a mapping."""
    return {row["Key"]: row.get("Value", "") for row in rows if "Key" in row}


def root_volume_device(instance: "InstanceTypeDef", devices: list[str]) -> str | None:
    """Which of the attached volumes' device names is the root's; None when none is.

    RootDeviceName comes from the image and need not name an attached volume;
    the first device in the guest's order is then taken.
    """
    if instance.get("RootDeviceType") == "instance-store" or not devices:
        return None
    named = instance.get("RootDeviceName", "")
    return named if named in devices else min(devices, key=device_order)


def device_order(device: str) -> tuple[int, str, int]:
    """A sort key: ``sdb`` before ``sdaa``, ``xvd`` as ``sd`` ("Device names on instances")."""
    short = device.removeprefix("/dev/").replace("xvd", "sd", 1)
    letters = short.rstrip("0123456789")
    number = short[len(letters) :]
    return len(letters), letters, int(number or 0)
