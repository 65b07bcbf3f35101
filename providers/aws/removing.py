"""Removing an instance that was moved, with those of its volumes that were copied.

Pages: "Terminate Amazon EC2 instances" (a volume whose DeleteOnTermination is false stays, and
so does an interface that was attached later), "Enable termination protection",
"ModifyInstanceAttribute" of the EC2 API reference, "Instance" (LaunchTime is of its last start)
and "VolumeAttachment" there. All that is to go is made to go with the
instance, in its one call: nothing is left that no tag tells of.
"""

from collections.abc import Collection, Iterator, Sequence
from typing import TYPE_CHECKING

from coldferry import removing
from coldferry.abilities import Removal
from coldferry.erasing import erased
from coldferry.errors import Conflict, Finding, Transient, UnknownMachine
from coldferry.ports import Erased, Owned, PowerState
from coldferry.removing import SOURCE_DISK, SOURCE_INTERFACE, SOURCE_MACHINE
from providers.aws.client import speaking
from providers.aws.instances import power_of, read_living
from providers.aws.inventory import read_volumes
from providers.aws.marks import read_marks
from providers.aws.pauses import Pauses
from providers.aws.session import Clients
from providers.aws.volumes import attachment_to

if TYPE_CHECKING:
    from mypy_boto3_ec2.type_defs import InstanceTypeDef, VolumeTypeDef

_GONE_WITHIN_S = 600.0


def removal(clients: Clients, vm: str, migration: str, copied: Collection[str]) -> Removal:
    """See :meth:`coldferry.abilities.Removing.removal`."""
    instance, volumes = read_living(clients, vm), read_volumes(clients, vm)
    attached = [volume["VolumeId"] for volume in volumes]
    things = [Owned(migration, SOURCE_MACHINE, vm)]
    things += [Owned(migration, SOURCE_DISK, one) for one in sorted({*attached} & {*copied})]
    things += [Owned(migration, SOURCE_INTERFACE, one) for one in _going_with(instance)]
    return Removal(tuple(things), tuple(_findings(clients, instance, migration, volumes, copied)))


def remove(clients: Clients, vm: str, migration: str, copied: Collection[str]) -> list[Erased]:
    """See :meth:`coldferry.abilities.Removing.remove`. Raises Transient when it lasts too long."""
    try:
        looked = removal(clients, vm, migration, copied)
    except UnknownMachine:
        return []
    if held := [one for one in looked.findings if one.severity == "refuse"]:
        raise Conflict(" ".join(one.what for one in held), " ".join(one.do for one in held))
    _let_disks_go(clients, vm, [one.id for one in looked.things if one.kind == SOURCE_DISK])
    with speaking("ec2:TerminateInstances", vm):
        answer = clients.ec2.terminate_instances(InstanceIds=[vm])["ResponseMetadata"]
    _wait(clients, looked.things)
    said = f"{answer['HTTPStatusCode']}, request {answer['RequestId']}"
    return [erased(one, "ec2:TerminateInstances", said) for one in looked.things]


def remaining(clients: Clients, things: Sequence[Owned]) -> list[Owned]:
    """See :meth:`coldferry.abilities.Removing.remaining`."""
    there = _instances(clients, _ids(things, SOURCE_MACHINE))
    there |= _volumes(clients, _ids(things, SOURCE_DISK))
    there |= _interfaces(clients, _ids(things, SOURCE_INTERFACE))
    return [one for one in things if one.id in there]


def _findings(
    clients: Clients,
    instance: "InstanceTypeDef",
    migration: str,
    volumes: "Sequence[VolumeTypeDef]",
    copied: Collection[str],
) -> Iterator[Finding]:
    vm = instance["InstanceId"]
    marks = read_marks(clients, vm)
    strange = removing.not_moved(vm, migration, marks)
    yield from strange
    if not strange and marks is not None:
        held = [attachment_to(volume, vm) for volume in volumes]
        used = [instance.get("LaunchTime"), *(one.get("AttachTime") for one in held if one)]
        yield from removing.newer(vm, marks, used)
    if (power := power_of(instance)) is not PowerState.STOPPED:
        yield removing.still_runs(vm, power)
    with speaking("ec2:DescribeInstanceAttribute", vm):
        told = clients.ec2.describe_instance_attribute(
            InstanceId=vm, Attribute="disableApiTermination"
        )
    if told.get("DisableApiTermination", {}).get("Value"):
        yield Finding(
            "refuse", "protected", vm,
            f"{vm} is protected against being terminated.",
            f"Lift the protection with 'aws ec2 modify-instance-attribute --instance-id {vm} "
            "--no-disable-api-termination', or leave the machine where it is.",
        )  # fmt: skip
    for volume in volumes:
        if volume["VolumeId"] not in copied or len(volume.get("Attachments", [])) > 1:
            yield removing.not_copied(vm, volume["VolumeId"])
    for one in sorted({*copied} - {volume["VolumeId"] for volume in volumes}):
        yield removing.away(vm, one)


def _going_with(instance: "InstanceTypeDef") -> list[str]:
    """The interfaces that EC2 deletes with the instance; others are detached, and stay."""
    return sorted(
        nic["NetworkInterfaceId"]
        for nic in instance.get("NetworkInterfaces", [])
        if "NetworkInterfaceId" in nic and nic.get("Attachment", {}).get("DeleteOnTermination")
    )


def _let_disks_go(clients: Clients, vm: str, ids: Collection[str]) -> None:
    """Set DeleteOnTermination of those volumes, as a fresh read finds them at the instance."""
    rows = [(one, attachment_to(one, vm)) for one in read_volumes(clients, vm)]
    staying = [
        (volume["VolumeId"], hold["Device"])
        for volume, hold in rows
        if hold is not None and volume["VolumeId"] in ids and not hold.get("DeleteOnTermination")
    ]
    for volume_id, device in staying:
        with speaking("ec2:ModifyInstanceAttribute", vm):
            clients.ec2.modify_instance_attribute(
                InstanceId=vm,
                BlockDeviceMappings=[
                    {
                        "DeviceName": device,
                        "Ebs": {"DeleteOnTermination": True, "VolumeId": volume_id},
                    }
                ],
            )


def _wait(clients: Clients, things: Sequence[Owned]) -> None:
    pauses = Pauses(_GONE_WITHIN_S)
    while left := remaining(clients, things):
        if pauses.over:
            raise Transient(
                f"EC2 still shows {', '.join(one.id for one in left)} of what was terminated.",
                "Run the same command again: it waits on.",
            )
        pauses.pause()


def _ids(things: Sequence[Owned], kind: str) -> list[str]:
    return [one.id for one in things if one.kind == kind]


def _instances(clients: Clients, ids: list[str]) -> set[str]:
    if not ids:
        return set()
    with speaking("ec2:DescribeInstances", "what was terminated"):
        rows = clients.ec2.describe_instances(Filters=[{"Name": "instance-id", "Values": ids}])
    return {
        instance["InstanceId"]
        for reservation in rows["Reservations"]
        for instance in reservation.get("Instances", [])
        if instance["State"]["Name"] != "terminated"
    }


def _volumes(clients: Clients, ids: list[str]) -> set[str]:
    if not ids:
        return set()
    with speaking("ec2:DescribeVolumes", "what was terminated"):
        rows = clients.ec2.describe_volumes(Filters=[{"Name": "volume-id", "Values": ids}])
    return {volume["VolumeId"] for volume in rows["Volumes"]}


def _interfaces(clients: Clients, ids: list[str]) -> set[str]:
    if not ids:
        return set()
    with speaking("ec2:DescribeNetworkInterfaces", "what was terminated"):
        rows = clients.ec2.describe_network_interfaces(
            Filters=[{"Name": "network-interface-id", "Values": ids}]
        )
    return {row.get("NetworkInterfaceId", "") for row in rows["NetworkInterfaces"]}
