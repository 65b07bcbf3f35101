"""The new machine: made without its disks, stopped, then given the proven ones; left stopped.

Pages: RunInstances of the EC2 API reference (one call makes and tags the instance, its volumes
and its interfaces; a client token whose instance was terminated is refused with
IdempotentInstanceTerminated); "Amazon EC2 instance state changes".
"""

import json
from collections.abc import Sequence
from typing import Any

from coldferry.addresses import AUTOMATIC
from coldferry.errors import CorruptCopy, Gone, ProviderError, Transient, UnknownMachine
from coldferry.plan import Plan
from coldferry.ports import PowerState, VerifiedDisk
from providers.aws import deny_all, frame, new_volumes, power, stakes
from providers.aws.client import speaking
from providers.aws.instances import power_of, read_instance
from providers.aws.listing import made_by, rows, tagging
from providers.aws.pauses import Pauses
from providers.aws.rules_labels import NAME
from providers.aws.session import Clients
from providers.aws.snapshots import wait_completed
from providers.aws.target_tags import FRAME, PROVEN_TAG, disk_tags, our_tags, tag_of, tokens

_LAUNCHED_WITHIN_S = 600.0
_SHOWN_WITHIN_S = 30.0
_STOP_TIMEOUT_S = 900.0
_LIVING = ("pending", "running", "stopping", "stopped")


def allocate(clients: Clients, plan: Plan, disks: Sequence[VerifiedDisk]) -> str:
    """Make the machine and leave it stopped; find it when it is there. Its instance id.

    Raises CorruptCopy for a disk without proof, Conflict when a name is a stranger's, or when
    somebody started the machine before it was finished.
    """
    _refuse_unproven(plan, disks)
    row = find_vm_or_none_of_it(clients, plan.migration)
    if row is not None and tag_of(row, PROVEN_TAG):
        return str(row["InstanceId"])
    if row is not None:
        new_volumes.refuse_started(clients, plan.migration, row)
    subnet = deny_all.place_of(clients, plan)
    group = deny_all.ensure_group(clients, plan, subnet["VpcId"])
    wait_completed(clients, [disk.ref for disk in disks])
    requests = new_volumes.wanted(clients, plan, {one.device.name: one.ref for one in disks})
    volumes = new_volumes.ensure_volumes(clients, plan, subnet["AvailabilityZone"], requests)
    if row is None:
        image = frame.ensure_frame(clients, plan, new_volumes.root_place(plan))
        vm = launch(clients, plan.migration, _request(plan, image, group))
    else:
        vm = str(row["InstanceId"])
    settle(clients, vm)
    power.stop(clients, vm, force=True, timeout_s=_STOP_TIMEOUT_S)
    new_volumes.attach(clients, plan, vm, volumes)
    _let_forward(clients, plan, vm)
    stakes.record_proof(clients, plan.migration, vm)
    return vm


def find_vm(clients: Clients, migration: str) -> Any:
    """The row of the migration's own instance, None when there is none that lives."""
    filters = {**made_by(migration), "instance-state-name": _LIVING}
    found = rows(clients, "describe_instances", f"the machine of {migration}", filters)
    return found[0] if found else None


def find_vm_or_none_of_it(
    clients: Clients, migration: str, within_s: float = _SHOWN_WITHIN_S
) -> Any:
    """As :func:`find_vm`; None when nothing of a finished machine is there either.

    "Eventual consistency" of the EC2 API: what was made lately may not be listed yet, and what was
    deleted may be still. So both are looked at again for a while before Conflict is raised.
    """
    pauses = Pauses(within_s)
    while (row := find_vm(clients, migration)) is None:
        volumes = new_volumes.used(clients, migration)
        if not volumes:
            return None
        if pauses.over:
            raise new_volumes.left_over(migration, volumes)
        pauses.pause()
    return row


def vm_tags(plan: Plan) -> dict[str, str]:
    """The machine's own tags as translated, its name, and ours."""
    own = {
        str(plan.value(f"tags[{i}].key")): str(plan.value(f"tags[{i}].value") or "")
        for i in range(len(plan.machine.tags))
        if plan.value(f"tags[{i}].key") is not None
    }
    return own | {NAME: str(plan.value("name"))} | our_tags(plan)


def wanted_address(plan: Plan, index: int) -> str | None:
    """The fixed address of interface ``index``, None when EC2 picks one."""
    address = plan.value(f"nics[{index}].private_address")
    return None if address in (None, AUTOMATIC) else str(address)


def interfaces(row: Any) -> list[Any]:
    """An instance's interfaces by device index."""
    return sorted(
        row.get("NetworkInterfaces", []),
        key=lambda one: one.get("Attachment", {}).get("DeviceIndex", 0),
    )


def _refuse_unproven(plan: Plan, disks: Sequence[VerifiedDisk]) -> None:
    expected = [device.name for device in plan.devices]
    if sorted(disk.device.name for disk in disks) != sorted(expected):
        raise CorruptCopy(
            f"The machine needs the disks {', '.join(expected)}; "
            f"{', '.join(disk.device.name for disk in disks) or 'none'} were copied.",
            "Run the same command again.",
        )
    unproven = [disk.device.name for disk in disks if not disk.proof.equal]
    if unproven:
        raise CorruptCopy(
            f"{', '.join(unproven)} is not proven to equal the source.",
            "Run the same command again: a machine is made from proven disks only.",
        )


def launch(clients: Clients, migration: str, request: dict[str, Any]) -> str:
    """Make the instance, or find the one that this request made; its id."""
    ended = Gone("The machine that an earlier call made was terminated.")
    # With the request in it: the same token for another request would be refused.
    for token in tokens(migration, "machine", json.dumps(request, sort_keys=True)):
        try:
            with speaking("ec2:RunInstances", migration, {"IdempotentInstanceTerminated": ended}):
                answer = clients.ec2.run_instances(ClientToken=token, **request)
        except Gone as error:
            if error is ended:
                continue
            raise
        return str(answer["Instances"][0]["InstanceId"])
    raise ProviderError(f"The machine of {migration} is terminated again and again.")


def _request(plan: Plan, image: str, group: str) -> dict[str, Any]:
    tags = our_tags(plan)
    asked: dict[str, Any] = {
        "ImageId": image,
        "InstanceType": plan.value("instance_type"),
        "MinCount": 1,
        "MaxCount": 1,
        "InstanceInitiatedShutdownBehavior": "stop",
        "NetworkInterfaces": [
            interface(plan, index, place, group, wanted_address(plan, index))
            for place, index in enumerate(deny_all.nic_order(plan))
        ],
        "TagSpecifications": [
            *tagging("instance", vm_tags(plan)),
            *tagging("volume", disk_tags(plan, FRAME)),
            *tagging("network-interface", tags),
        ],
    }
    if plan.value("tenancy") == "dedicated":
        asked["Placement"] = {"Tenancy": "dedicated"}
    if plan.value("key_names"):
        asked["KeyName"] = str(plan.value("key_names"))
    return asked


def interface(
    plan: Plan, index: int, place: int, group: str, address: str | None = None
) -> dict[str, Any]:
    """What interface ``index`` is asked for with; EC2 picks its address where none is given."""
    asked: dict[str, Any] = {
        "DeviceIndex": place,
        "SubnetId": plan.value(f"nics[{index}].subnet_id"),
        "Groups": [group],
        "DeleteOnTermination": True,
        "Description": plan.object_name(f"nic{index}"),
    }
    if len(plan.machine.nics) == 1:  # EC2 takes it of a machine with one only, and gives no others
        asked["AssociatePublicIpAddress"] = False
    if address:
        asked["PrivateIpAddress"] = address
    return asked


def settle(clients: Clients, vm: str) -> None:
    """Until it is not starting any more. Raises ProviderError when EC2 ended it at its launch."""
    pauses = Pauses(_LAUNCHED_WITHIN_S)
    while True:
        try:
            row = read_instance(clients, vm)
        except UnknownMachine:
            row = None  # EC2 does not show at once what it has just made
        state = power_of(row) if row is not None else PowerState.STARTING
        if row is not None and state is PowerState.GONE:
            why = row.get("StateReason", {}).get("Code", "no reason given")
            raise ProviderError(
                f"EC2 ended the new machine {vm} at its launch ({why}).",
                "Mend what it says; then run the same command again.",
            )
        if state is not PowerState.STARTING:
            return
        if pauses.over:
            raise Transient(f"{vm} is still starting after {_LAUNCHED_WITHIN_S:.0f} s.")
        pauses.pause()


def _let_forward(clients: Clients, plan: Plan, vm: str) -> None:
    """Interfaces that forward packets take those that are not for them ("SourceDestCheck")."""
    shown = interfaces(read_instance(clients, vm))
    for index, nic in zip(deny_all.nic_order(plan), shown, strict=False):
        if plan.value(f"nics[{index}].forwards_packets") and nic.get("SourceDestCheck"):
            interface = nic["NetworkInterfaceId"]
            with speaking("ec2:ModifyNetworkInterfaceAttribute", interface):
                clients.ec2.modify_network_interface_attribute(
                    NetworkInterfaceId=interface, SourceDestCheck={"Value": False}
                )
