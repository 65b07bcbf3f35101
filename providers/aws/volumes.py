"""Volumes and instance store disks in the description's words.

Sources: Volume, VolumeAttachment, InstanceStorageInfo of the EC2 API reference.
"""

from typing import TYPE_CHECKING

from coldferry.machine import UNKNOWN, Disk, EphemeralDisk
from providers.aws.instances import device_order, root_volume_device
from providers.aws.inventory import Inventory
from providers.aws.volume_figures import figures_of

if TYPE_CHECKING:
    from mypy_boto3_ec2.type_defs import VolumeAttachmentTypeDef, VolumeTypeDef

_GIB = 2**30
_GB = 10**9


def disks_of(inventory: Inventory) -> tuple[Disk, ...]:
    """The attached volumes, root first, then by device name."""
    vm = inventory.instance["InstanceId"]
    attached = {
        attachment["Device"]: (volume, attachment)
        for volume in inventory.volumes
        if (attachment := attachment_to(volume, vm)) is not None
    }
    root = root_volume_device(inventory.instance, list(attached))
    ordered = sorted(attached, key=lambda device: (device != root, device_order(device)))
    return tuple(_disk(*attached[device], root=device == root) for device in ordered)


def attachment_to(volume: "VolumeTypeDef", vm: str) -> "VolumeAttachmentTypeDef | None":
    """How the volume hangs on this instance; None when it does not, or not any more."""
    for attachment in volume.get("Attachments", []):
        away = attachment.get("State") in ("detached", "detaching")
        if attachment.get("InstanceId") == vm and "Device" in attachment and not away:
            return attachment
    return None


def _disk(volume: "VolumeTypeDef", attachment: "VolumeAttachmentTypeDef", *, root: bool) -> Disk:
    kind = str(volume.get("VolumeType", UNKNOWN))
    figures = figures_of(kind, volume["Size"], volume.get("Iops"), volume.get("Throughput"))
    return Disk(
        id=volume["VolumeId"],
        device=attachment["Device"],
        root=root,
        size_bytes=volume["Size"] * _GIB,
        kind=kind,
        medium=figures.medium,
        iops=figures.iops,
        throughput_bytes_s=figures.throughput_bytes_s,
        encrypted=volume.get("Encrypted", UNKNOWN),
        key_id=volume.get("KmsKeyId"),
        shared=volume.get("MultiAttachEnabled", False),
        deleted_with_machine=attachment.get("DeleteOnTermination", UNKNOWN),
    )


def ephemeral_disks_of(inventory: Inventory) -> tuple[EphemeralDisk, ...]:
    """Instance store disks of the type, ``ephemeral0`` and on; NVMe ones are always attached."""
    storage = inventory.facts.get("InstanceStorageInfo", {})
    sizes = [
        disk["SizeInGB"] * _GB if "SizeInGB" in disk else None
        for disk in storage.get("Disks", [])
        for _ in range(disk.get("Count", 1))
    ]
    return tuple(
        EphemeralDisk(device=f"ephemeral{index}", size_bytes=UNKNOWN if size is None else size)
        for index, size in enumerate(sizes)
    )
