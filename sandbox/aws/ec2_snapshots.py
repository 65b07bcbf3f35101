"""EC2's snapshots and volumes with content, and pending before completed.

moto copies no bytes, completes snapshots at once, ignores CopyTagsFromSource,
ExcludeDataVolumeIds and encryption by default, and lets an AMI's snapshot be
deleted. Sources: CreateSnapshot, CreateSnapshots, DeleteSnapshot, CopySnapshot
of the EC2 API reference; StartSnapshot of the EBS direct API reference.
"""

from types import SimpleNamespace
from typing import Any

from moto.core.models import DEFAULT_ACCOUNT_ID
from moto.core.responses import ActionResult
from moto.ec2.exceptions import EC2ClientError
from moto.ec2.models import ec2_backends
from moto.ec2.models.elastic_block_store import EBSBackend, Snapshot
from moto.ec2.responses.elastic_block_store import ElasticBlockStore
from moto.ec2.utils import random_snapshot_id
from moto.kms.models import kms_backends

from sandbox.aws.errors import AwsError
from sandbox.aws.gaps import quota
from sandbox.aws.patching import replace
from sandbox.aws.world import current

ACCOUNT_ID = str(DEFAULT_ACCOUNT_ID)
# What EC2 shows as the volume of a snapshot that was never a volume.
NO_VOLUME_ID = "vol-ffffffff"
# Snapshots of one volume in progress at once ("Quotas for Amazon EBS").
AT_ONCE, AT_ONCE_OF_OTHERS = {"st1": 1, "sc1": 1}, 5


def encryption_of(
    region: str, wanted: dict[str, Any], parent_id: str | None
) -> tuple[bool, str | None]:
    """Whether a direct snapshot is encrypted, and with which key.

    Source: StartSnapshot: a child inherits, a key needs Encrypted, and with
    encryption by default an unencrypted parent cannot be used.
    """
    backend: Any = ec2_backends[ACCOUNT_ID][region]
    by_default = bool(backend.ebs_encryption_by_default)
    key_arn: str | None = wanted.get("KmsKeyArn")
    if parent_id:
        parent = backend.snapshots[parent_id]
        if by_default and not parent.encrypted:
            message = "An unencrypted parent cannot be used with encryption by default."
            raise AwsError(400, "ValidationException", message, "INVALID_PARAMETER_VALUE")
        return bool(parent.encrypted), parent.kms_key_id
    if key_arn and wanted.get("Encrypted") is False:
        message = "KmsKeyArn needs Encrypted."
        raise AwsError(400, "ValidationException", message, "INVALID_PARAMETER_VALUE")
    if not (wanted.get("Encrypted") or key_arn or by_default):
        return False, None
    default = backend.default_kms_key_id or backend._create_default_encryption_key()
    return True, key_arn or default


def add_direct_snapshot(
    region: str,
    size_gib: int,
    description: str,
    tags: dict[str, str],
    encrypted: bool,
    kms_key_id: str | None,
) -> str:
    """Make the EC2 side of a StartSnapshot, so DescribeSnapshots shows it."""
    backend: Any = ec2_backends[ACCOUNT_ID][region]
    snapshot_id = str(random_snapshot_id())
    volume = SimpleNamespace(id=NO_VOLUME_ID, size=size_gib)
    snapshot = Snapshot(backend, snapshot_id, volume, description, encrypted, kms_key_id)
    backend.snapshots[snapshot_id] = snapshot
    snapshot.add_tags(tags)
    return snapshot_id


def check_limits(backend: Any, volume_ids: list[str]) -> None:
    """Refuse snapshots beyond what EC2 makes of a volume at once, or the account may have.

    Sources: "Quotas for Amazon EBS"; "Error codes" of the EC2 API reference.
    """
    own = [one for one in backend.snapshots.values() if one.owner_id == ACCOUNT_ID]
    pending = [one.volume.id for one in own if one.status == "pending"]
    for volume_id in volume_ids:
        most = AT_ONCE.get(backend.get_volume(volume_id).volume_type, AT_ONCE_OF_OTHERS)
        if pending.count(volume_id) >= most:
            message = f"You have reached the limit of {most} concurrent snapshots of {volume_id}."
            raise EC2ClientError("ConcurrentSnapshotLimitExceeded", message)
    if len(pending) + len(volume_ids) > quota("ebs", "L-94D7AB7D"):
        message = "You have reached the limit of pending snapshots in this account."
        raise EC2ClientError("PendingSnapshotLimitExceeded", message)
    if len(own) + len(volume_ids) > quota("ebs", "L-309BACF6"):
        message = "You have reached the limit of snapshots in this region."
        raise EC2ClientError("SnapshotLimitExceeded", message)


def create_snapshot(
    self: Any,
    volume_id: str,
    description: str,
    owner_id: str | None = None,
    from_ami: str | None = None,
) -> Any:
    """CreateSnapshot: keep the volume's blocks of this moment."""
    if owner_id is None:
        check_limits(self, [volume_id])
    snapshot = _create_snapshot(self, volume_id, description or "", owner_id, from_ami)
    snapshot.kms_key_id = snapshot.volume.kms_key_id
    current().store.snapshot_volume(snapshot, self.region_name, current().delays.snapshot_s)
    return snapshot


def create_snapshots(self: Any) -> ActionResult:
    """CreateSnapshots: one crash-consistent set of an instance's volumes."""
    wanted = self._get_param("InstanceSpecification", {})
    self.error_on_dryrun()
    backend = self.ec2_backend
    instance = backend.get_instance(wanted["InstanceId"])
    left_out = set(wanted.get("ExcludeDataVolumeIds") or [])
    chosen = []
    for device, attached in instance.get_block_device_mapping:
        if device == instance.root_device_name:
            if wanted.get("ExcludeBootVolume"):
                continue
        elif attached.volume_id in left_out:
            continue
        chosen.append(attached.volume_id)
    check_limits(backend, chosen)
    snapshots = []
    for volume_id in chosen:
        snapshot = backend.create_snapshot(volume_id, self._get_param("Description", ""))
        if self._get_param("CopyTagsFromSource") == "volume":
            volume_tags = backend.get_volume(volume_id).get_tags()
            snapshot.add_tags({tag["key"]: tag["value"] for tag in volume_tags})
        snapshot.add_tags(self._parse_tag_specification().get("snapshot", {}))
        snapshots.append(snapshot)
    return ActionResult({"Snapshots": snapshots})


def copy_snapshot(self: Any, source_snapshot_id: str, *args: Any, **kwargs: Any) -> Any:
    """CopySnapshot: the same blocks under a new id and a new lineage."""
    snapshot = _copy_snapshot(self, source_snapshot_id, *args, **kwargs)
    delay_s = current().delays.snapshot_s
    current().store.copy_snapshot(snapshot.id, source_snapshot_id, self.region_name, delay_s)
    return snapshot


def delete_snapshot(self: Any, snapshot_id: str) -> Any:
    """DeleteSnapshot: refused while an AMI is built on it."""
    for ami in self.amis.values():
        used = [row.get("Ebs", {}).get("SnapshotId") for row in ami.block_device_mappings]
        if snapshot_id in used:
            message = f"The snapshot {snapshot_id} is currently in use by {ami.id}"
            raise EC2ClientError("InvalidSnapshot.InUse", message)
    snapshot = _delete_snapshot(self, snapshot_id)
    current().store.drop_snapshot(snapshot_id)
    return snapshot


def usable_key(snapshot_id: str, region: str) -> bool:
    """Whether the KMS key of a snapshot, if it has one that is known here, is enabled."""
    snapshot = ec2_backends[ACCOUNT_ID][region].snapshots.get(snapshot_id)
    named = str(getattr(snapshot, "kms_key_id", None) or "").rpartition("/")[2]
    key = kms_backends[ACCOUNT_ID][region].keys.get(named)
    return key is None or key.key_state == "Enabled"


def require_completed(backend: Any, snapshot_id: str) -> Any:
    """The snapshot if it can be used for a volume or an AMI.

    Source: "Error codes" of the EC2 API reference, IncorrectState.
    """
    snapshot = backend.snapshots.get(snapshot_id)
    if snapshot is None:
        message = f"The snapshot '{snapshot_id}' does not exist."
        raise EC2ClientError("InvalidSnapshot.NotFound", message)
    if snapshot.status != "completed":
        message = f"Snapshot is in invalid state - {snapshot.status}"
        raise EC2ClientError("IncorrectState", message)
    return snapshot


def _status(self: Any) -> str:
    record = current().store.snapshots.get(self.id)
    return record.status if record else "completed"


def _progress(self: Any) -> str:
    return "100%" if self.status == "completed" else "0%"


_create_snapshot = replace(EBSBackend, "create_snapshot", create_snapshot)
_copy_snapshot = replace(EBSBackend, "copy_snapshot", copy_snapshot)
_delete_snapshot = replace(EBSBackend, "delete_snapshot", delete_snapshot)
replace(ElasticBlockStore, "create_snapshots", create_snapshots)
# moto's constructor sets status; what it sets is not what counts.
replace(Snapshot, "status", property(_status, lambda self, value: None))
replace(Snapshot, "state", property(_status))
replace(Snapshot, "progress", property(_progress))
