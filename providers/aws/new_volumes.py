"""The new machine's volumes: made from proven snapshots, attached while it is stopped.

Pages: CreateVolume, AttachVolume, DetachVolume of the EC2 API reference; "Detach an Amazon EBS
volume from an Amazon EC2 instance" (a root volume while the instance is stopped); "Device names
for volumes on Amazon EC2 instances"; "Preserve data when an instance is terminated".
"""

from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Any

from coldferry.errors import Conflict, Gone, ProviderError, Transient
from coldferry.plan import Plan
from providers.aws.client import speaking
from providers.aws.listing import made_by, rows, tagging
from providers.aws.pauses import Pauses
from providers.aws.rules_storage import ROOT_DEVICE, device_names
from providers.aws.session import Clients
from providers.aws.target_tags import (
    DEVICE_TAG,
    FRAME,
    PROVEN_TAG,
    disk_tags,
    long_gone,
    tag_of,
    tokens,
)
from providers.aws.volumes import attachment_to

_GIB = 1 << 30
_MIB = 1 << 20
_READY_WITHIN_S = 600.0
_SHOWN_WITHIN_S = 60.0
_ROOT = "root"


def places(plan: Plan) -> dict[str, str]:
    """EC2's device name of each volume by our word for its device; one made of an image is root."""
    names = device_names(plan.machine)
    found = {device.name: str(names[device.index]) for device in plan.devices}
    if not any(device.disk.root for device in plan.devices):
        taken = ROOT_DEVICE in found.values()
        found[_ROOT] = "/dev/sda1" if taken else ROOT_DEVICE
    return found


def root_place(plan: Plan) -> str:
    """The device name that the machine boots from."""
    roots = [device.name for device in plan.devices if device.disk.root]
    return places(plan)[roots[0] if roots else _ROOT]


def wanted(clients: Clients, plan: Plan, refs: Mapping[str, str]) -> dict[str, dict[str, Any]]:
    """What each volume is asked for with, by device; ``refs`` are the proven snapshots."""
    found = {device.name: asked(plan, device.index) for device in plan.devices}
    for name, request in found.items():
        request["SnapshotId"] = refs[name]
    if _ROOT in places(plan):
        found[_ROOT] = {
            "SnapshotId": _root_of_image(clients, str(plan.value("root_image.image"))),
            "VolumeType": "gp3",
        }
    return found


def asked(plan: Plan, index: int) -> dict[str, Any]:
    """Type, size and figures of a disk as planned, in EC2's words and units."""
    path = f"disks[{index}]"
    kind, iops = str(plan.value(f"{path}.kind")), plan.value(f"{path}.iops")
    found: dict[str, Any] = {
        "VolumeType": kind, "Size": -(-int(plan.value(f"{path}.size_bytes")) // _GIB),
    }  # fmt: skip
    if kind in ("gp3", "io1", "io2") and iops:
        found["Iops"] = int(iops)
    rate = plan.value(f"{path}.throughput_bytes_s")
    if kind == "gp3" and rate:
        found["Throughput"] = int(rate) // _MIB
    return found


def ours(clients: Clients, migration: str) -> dict[str, Any]:
    """The migration's volumes by device; of two for one device the one that is attached."""
    found = rows(clients, "describe_volumes", f"the disks of {migration}", made_by(migration))
    found = [row for row in found if row.get("State") not in ("deleting", "deleted", "error")]
    found.sort(key=lambda row: row.get("State") == "in-use")
    return {tag_of(row, DEVICE_TAG) or row["VolumeId"]: row for row in found}


def ensure_volumes(
    clients: Clients, plan: Plan, zone: str, requests: Mapping[str, dict[str, Any]]
) -> dict[str, str]:
    """The id of each device's volume, available or at its machine; made where it is not there."""
    there = ours(clients, plan.migration)
    found = {}
    for device, request in requests.items():
        if device in there:
            found[device] = str(there[device]["VolumeId"])
        else:
            found[device] = _made(clients, plan, zone, device, request)
    return found


def used(clients: Clients, migration: str) -> list[str]:
    """Volumes that the new machine was finished with: it may have written to them since."""
    return [
        str(row["VolumeId"])
        for row in ours(clients, migration).values()
        if tag_of(row, PROVEN_TAG) is not None
    ]


def left_over(migration: str, volumes: Sequence[str]) -> Conflict:
    """The error for volumes whose machine is gone."""
    return Conflict(
        f"The machine that {migration} made is gone, and its volumes {', '.join(volumes)} are "
        "there: they may hold what it wrote.",
        "Roll the migration back, which asks what is to become of them.",
    )


def refuse_started(clients: Clients, migration: str, row: Any) -> None:
    """Raise Conflict where somebody started the unfinished machine with volumes at it.

    Its guest may have written to them, and is not what was proven any more. Both moments are in
    whole seconds: a start may follow within the one in which a volume was attached, while we
    attach to what has been launched and stopped, which takes longer.
    """
    vm, launched = str(row["InstanceId"]), row["LaunchTime"]
    ran = [
        str(volume["VolumeId"])
        for device, volume in ours(clients, migration).items()
        if device != FRAME
        and (hold := attachment_to(volume, vm)) is not None
        and hold["AttachTime"] <= launched
    ]
    if ran:
        raise Conflict(
            f"{vm} was started before it was finished, with {', '.join(ran)}: they may hold what "
            "it wrote.",
            f"Roll {migration} back, and plan it anew.",
        )


def attach(clients: Clients, plan: Plan, vm: str, volumes: Mapping[str, str]) -> None:
    """Put each at its place on the stopped machine, instead of the empty disk it was made with."""
    _take_frame(clients, plan, vm)
    for device, place in places(plan).items():
        volume = volumes[device]
        row = _seen(clients, volume)
        if row is None or attachment_to(row, vm) is None:
            _attach(clients, volume, vm, place)
    for device in places(plan):
        _wait(clients, volumes[device], "in-use")
    _let_go(clients, plan, vm)


def _attach(clients: Clients, volume: str, vm: str, place: str) -> None:
    try:
        with speaking("ec2:AttachVolume", volume):
            clients.ec2.attach_volume(VolumeId=volume, InstanceId=vm, Device=place)
    except Conflict:
        row = _seen(clients, volume)
        if row is None or attachment_to(row, vm) is None:
            raise  # else the reply to an earlier try was lost


def _made(clients: Clients, plan: Plan, zone: str, device: str, request: dict[str, Any]) -> str:
    again = False
    for token in tokens(plan.migration, device, zone, str(sorted(request.items()))):
        with speaking("ec2:CreateVolume", f"{device} of {plan.migration}"):
            answer = clients.ec2.create_volume(
                AvailabilityZone=zone, ClientToken=token,
                TagSpecifications=tagging("volume", disk_tags(plan, device)), **request,
            )  # fmt: skip
        volume = answer["VolumeId"]
        if volume in clients.erased or long_gone(answer["CreateTime"], answer):
            continue
        try:
            _wait(clients, volume, "available")
        except Gone:
            clients.erased.add(volume)
            if again:
                raise
            again = True  # it may have been an earlier one's token: once more with another
        else:
            return volume
    raise ProviderError(f"The volume {device} of {plan.migration} is deleted again and again.")


def _wait(clients: Clients, volume: str, state: str) -> None:
    """Raises Gone when EC2 shows none, as it does when the key of an encrypted one is closed."""
    pauses, shown = Pauses(_READY_WITHIN_S), Pauses(_SHOWN_WITHIN_S)
    while True:
        row = _seen(clients, volume)
        found = str(row["State"]) if row is not None else ""
        if found == state:
            return
        if found == "error":
            raise ProviderError(f"EC2 could not make the volume {volume}.")
        if row is None and shown.over:
            raise Gone(
                f"EC2 shows no volume {volume}, which it has just made.",
                "Where disks are encrypted, see that their KMS key can be used; then run it again.",
            )
        if pauses.over:
            raise Transient(f"Volume {volume} is still {found}, not {state}.")
        pauses.pause()


def _seen(clients: Clients, volume: str) -> Any:
    found = rows(clients, "describe_volumes", volume, {"volume-id": volume})
    return found[0] if found else None


def _take_frame(clients: Clients, plan: Plan, vm: str) -> None:
    """Detach and delete the empty disk, on a fresh read and only if it is that."""
    row = ours(clients, plan.migration).get(FRAME)
    if row is None:
        return
    volume = row["VolumeId"]
    if attachment_to(row, vm) is not None:
        # Off already where the reply to an earlier try was lost; waiting tells.
        with suppress(Conflict, Gone), speaking("ec2:DetachVolume", volume):
            clients.ec2.detach_volume(VolumeId=volume, InstanceId=vm)
    _wait(clients, volume, "available")
    with suppress(Gone), speaking("ec2:DeleteVolume", volume):
        clients.ec2.delete_volume(VolumeId=volume)


def _let_go(clients: Clients, plan: Plan, vm: str) -> None:
    """What is to end with the machine is said of each attachment; it is not while attaching."""
    there = ours(clients, plan.migration)
    going: list[Any] = [
        {"DeviceName": places(plan)[device.name], "Ebs": {"DeleteOnTermination": True}}
        for device in plan.devices
        if plan.value(f"disks[{device.index}].deleted_with_machine")
        and not (attachment_to(there[device.name], vm) or {}).get("DeleteOnTermination")
    ]
    if going:
        with speaking("ec2:ModifyInstanceAttribute", vm):
            clients.ec2.modify_instance_attribute(InstanceId=vm, BlockDeviceMappings=going)


def _root_of_image(clients: Clients, image: str) -> str:
    """The snapshot that an image of the account has for its root."""
    found = rows(clients, "describe_images", image, {"image-id": image})
    for row in found:
        for mapping in row.get("BlockDeviceMappings", []):
            snapshot = mapping.get("Ebs", {}).get("SnapshotId")
            if mapping.get("DeviceName") == row.get("RootDeviceName") and snapshot:
                return str(snapshot)
    raise Conflict(
        f"There is no image {image} with an EBS root in this account any more.",
        "Plan again, and answer another one.",
    )
