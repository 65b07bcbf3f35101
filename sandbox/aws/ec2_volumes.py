"""Volumes that hold their snapshot's blocks, and EC2's rules for attaching.

moto ignores the snapshot's size and state, type limits, zones and the volume's
being attached already. Sources: CreateVolume, AttachVolume of the EC2 API
reference; "Amazon EBS volume types" (sizes, IOPS, throughput).
"""

from datetime import timedelta
from typing import Any

from moto.ec2.exceptions import EC2ClientError
from moto.ec2.models.elastic_block_store import EBSBackend, VolumeAttachment
from moto.ec2.responses.elastic_block_store import ElasticBlockStore

from sandbox.aws.ec2_snapshots import require_completed
from sandbox.aws.patching import once_per_token, replace
from sandbox.aws.world import current

# Smallest and largest size in GiB.
SIZES_GIB = {
    "standard": (1, 1_024),
    "gp2": (1, 16_384),
    "gp3": (1, 65_536),
    "io1": (4, 16_384),
    "io2": (4, 65_536),
    "st1": (125, 16_384),
    "sc1": (125, 16_384),
}
GP3_IOPS, GP3_THROUGHPUT_MIBPS = (3_000, 80_000), (125, 2_000)


def check_size(backend: Any, size_gib: int | None, kind: str, snapshot_id: str | None) -> int:
    """The size a new volume gets; refuses what CreateVolume refuses."""
    if snapshot_id:
        snapshot_gib = int(require_completed(backend, snapshot_id).volume.size)
        size_gib = snapshot_gib if size_gib is None else int(size_gib)
        if size_gib < snapshot_gib:
            message = f"Volume of size {size_gib}GB is smaller than snapshot '{snapshot_id}'"
            raise EC2ClientError("InvalidParameterValue", f"{message}, expect >= {snapshot_gib}GB")
    if size_gib is None:
        raise EC2ClientError("MissingParameter", "The request must contain size or snapshotId")
    if kind not in SIZES_GIB:
        raise EC2ClientError("UnknownVolumeType", f"Unknown volume type '{kind}'")
    least, most = SIZES_GIB[kind]
    if not least <= int(size_gib) <= most:
        message = f"Volume size {size_gib} GiB is not valid for {kind}: {least} to {most} GiB."
        raise EC2ClientError("InvalidParameterValue", message)
    return int(size_gib)


def create_volume(
    self: Any,
    size: int | None,
    zone_name: str,
    snapshot_id: str | None = None,
    encrypted: bool = False,
    kms_key_id: str | None = None,
    volume_type: str | None = None,
    iops: int | None = None,
    throughput: int | None = None,
    multi_attach_enabled: bool | None = None,
) -> Any:
    """CreateVolume: content, encryption and size of the snapshot."""
    kind = volume_type or "gp2"
    size_gib = check_size(self, size, kind, snapshot_id)
    if kind == "gp3":
        for value, (least, most) in ((iops, GP3_IOPS), (throughput, GP3_THROUGHPUT_MIBPS)):
            if value is not None and not least <= int(value) <= most:
                message = f"{value} is not within {least} to {most} for gp3."
                raise EC2ClientError("InvalidParameterValue", message)
        throughput = throughput or GP3_THROUGHPUT_MIBPS[0]
    if snapshot_id and self.snapshots[snapshot_id].encrypted:
        encrypted = True
        kms_key_id = kms_key_id or self.snapshots[snapshot_id].kms_key_id
    encrypted = encrypted or bool(self.ebs_encryption_by_default)
    volume = _create_volume(
        self,
        size=size_gib,
        zone_name=zone_name,
        snapshot_id=snapshot_id,
        encrypted=encrypted,
        kms_key_id=kms_key_id,
        volume_type=kind,
        iops=iops,
        throughput=throughput,
        multi_attach_enabled=multi_attach_enabled,
    )
    if kind == "gp2":
        # "3 IOPS per GiB of volume size, from 100 to 16,000".
        volume.iops = max(100, min(16_000, 3 * size_gib))
    current().store.fill_volume(volume.id, snapshot_id)
    return volume


def delete_volume(self: Any, volume_id: str) -> Any:
    """DeleteVolume: forgets the content too."""
    volume = _delete_volume(self, volume_id)
    current().store.drop_volume(volume_id)
    return volume


def attach_volume(
    self: Any,
    volume_id: str,
    instance_id: str,
    device_path: str,
    delete_on_termination: bool = False,
) -> Any:
    """AttachVolume: one instance (unless multi-attach), one zone, a free device name."""
    volume, instance = self.get_volume(volume_id), self.get_instance(instance_id)
    if volume.attachment and not volume.multi_attach_enabled:
        message = f"{volume_id} is already attached to an instance"
        raise EC2ClientError("VolumeInUse", message)
    if volume.zone and volume.zone.name != instance.placement.zone:
        message = f"The volume '{volume_id}' is not in the same availability zone as the instance"
        raise EC2ClientError("InvalidVolume.ZoneMismatch", message)
    if device_path in instance.block_device_mapping:
        message = f"Invalid value '{device_path}' for unixDevice. Attachment point is in use"
        raise EC2ClientError("InvalidParameterValue", message)
    attached = _attach_volume(self, volume_id, instance_id, device_path, delete_on_termination)
    if instance.state == "stopped":  # which takes a real one longer than a second
        since = instance.launch_time + timedelta(seconds=1)
        attached.attach_time = max(attached.attach_time, since)
    return attached


def detach_volume(self: Any, volume_id: str, instance_id: str | None, device_path: str) -> Any:
    """DetachVolume: the instance need not be named."""
    attached = self.get_volume(volume_id).attachment
    if instance_id is None and attached is None:
        raise EC2ClientError("IncorrectState", f"Volume '{volume_id}' is in the 'available' state.")
    holder = self.get_instance(instance_id or attached.instance.id)
    ending = holder.state == "stopped" or getattr(holder, "terminating", False)
    if attached is not None and not ending and attached.device == holder.root_device_name:
        message = f"Unable to detach root volume '{volume_id}' from instance '{holder.id}'"
        raise EC2ClientError("OperationNotPermitted", message)
    return _detach_volume(self, volume_id, holder.id, device_path)


def _deleted_with_instance(self: Any) -> bool:
    mapped = self.instance.block_device_mapping.get(self.device)
    return bool(mapped and mapped.delete_on_termination)


_create_volume = replace(EBSBackend, "create_volume", create_volume)
_delete_volume = replace(EBSBackend, "delete_volume", delete_volume)
_attach_volume = replace(EBSBackend, "attach_volume", attach_volume)
_detach_volume = replace(EBSBackend, "detach_volume", detach_volume)
replace(VolumeAttachment, "delete_on_termination", property(_deleted_with_instance))
replace(
    ElasticBlockStore,
    "create_volume",
    once_per_token("CreateVolume", ElasticBlockStore.create_volume),
)
