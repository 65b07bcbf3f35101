"""AMIs that keep what they were registered with.

moto keeps name and description only, replaces the block devices by an invented
15 GiB snapshot and accepts a name twice. Sources: RegisterImage, CreateImage of
the EC2 API reference; "Instance launch behavior with Amazon EC2 boot modes";
"AMI billing information fields"; "Error codes" (InvalidAMIName.Duplicate).
"""

import copy
import re
from typing import Any

from moto.core.responses import ActionResult
from moto.ec2.exceptions import EC2ClientError
from moto.ec2.models.amis import Ami, AmiBackend
from moto.ec2.responses.amis import AmisResponse
from moto.ec2.utils import random_ami_id

from sandbox.aws.ec2_snapshots import require_completed
from sandbox.aws.ec2_volumes import check_size
from sandbox.aws.patching import replace
from sandbox.aws.world import current

# RegisterImage's billing product of Windows Server, and the fields it gives.
WINDOWS_BILLING_PRODUCT = "bp-6ba54002"
_NAME = re.compile(r"[A-Za-z0-9()\[\] ./\-'@_]{3,128}")
_BOOT_MODES = (None, "legacy-bios", "uefi", "uefi-preferred")


def register_image(self: Any) -> ActionResult:
    """RegisterImage: checks every parameter, then keeps every parameter."""
    backend, get = self.ec2_backend, self._get_param
    name = get("Name") or ""
    check_name(backend, name)
    boot_mode, tpm, imds = get("BootMode"), get("TpmSupport"), get("ImdsSupport")
    if boot_mode not in _BOOT_MODES:
        raise _bad(f"'{boot_mode}' is not a boot mode.")
    if tpm not in (None, "v2.0") or (tpm and boot_mode != "uefi"):
        raise _bad("TpmSupport must be v2.0 and needs BootMode uefi.")
    if imds not in (None, "v2.0"):
        raise _bad("ImdsSupport must be v2.0.")
    mappings = [_image_mapping(backend, row) for row in get("BlockDeviceMappings", [])]
    root = get("RootDeviceName")
    stored = bool(get("ImageLocation"))
    if not stored and root not in [row["DeviceName"] for row in mappings if "Ebs" in row]:
        message = "The request must contain ImageLocation, or a block device for RootDeviceName"
        raise EC2ClientError("MissingParameter", message)
    self.error_on_dryrun()
    windows = WINDOWS_BILLING_PRODUCT in (get("BillingProducts") or [])
    ami = _new_ami(backend, name, get("Description", ""))
    ami.image_location = get("ImageLocation") or f"{backend.account_id}/{name}"
    ami.architecture = get("Architecture") or "i386"
    ami.virtualization_type = get("VirtualizationType") or "paravirtual"
    ami.root_device_name = root or "/dev/sda1"
    ami.root_device_type = "instance-store" if stored else "ebs"
    ami.ena_support = bool(get("EnaSupport"))
    ami.sriov = get("SriovNetSupport")
    ami.boot_mode, ami.tpm_support, ami.imds_support = boot_mode, tpm, imds
    ami.platform = "windows" if windows else None
    ami.platform_details = "Windows" if windows else "Linux/UNIX"
    ami.usage_operation = "RunInstances:0002" if windows else "RunInstances"
    ami.kept_mappings = mappings
    tags = self._parse_tag_specification()
    ami.add_tags(tags.get("image", {}))
    return ActionResult({"ImageId": ami.id})


def check_name(backend: Any, name: str) -> None:
    """Refuse a malformed name and one that is taken."""
    if not _NAME.fullmatch(name):
        raise EC2ClientError("InvalidAMIName.Malformed", f"AMI name '{name}' is malformed.")
    for ami in backend.amis.values():
        if ami.name == name:
            message = f"AMI name {name} is already in use by AMI {ami.id}"
            raise EC2ClientError("InvalidAMIName.Duplicate", message)


def create_image(self: Any, instance_id: str, name: str, description: str, **kwargs: Any) -> Any:
    """CreateImage: snapshots of the instance's volumes, as an AMI."""
    check_name(self, name)
    instance = self.get_instance(instance_id)
    ami = _new_ami(self, name, description)
    mappings = []
    for device, attached in instance.get_block_device_mapping:
        volume = self.get_volume(attached.volume_id)
        snapshot = self.create_snapshot(
            volume.id, f"Created by CreateImage({instance_id}) for {ami.id}"
        )
        ebs = {
            "SnapshotId": snapshot.id,
            "VolumeSize": volume.size,
            "VolumeType": volume.volume_type,
            "DeleteOnTermination": attached.delete_on_termination,
            "Encrypted": volume.encrypted,
        }
        mappings.append({"DeviceName": device, "Ebs": ebs})
    ami.kept_mappings = mappings
    ami.instance_id = instance_id
    for field in (
        *("architecture", "virtualization_type", "root_device_name", "root_device_type"),
        *("ena_support", "boot_mode", "tpm_support", "platform", "platform_details"),
        "usage_operation",
    ):
        setattr(ami, field, getattr(instance, field, None))
    for spec in kwargs.get("tag_specifications") or []:
        if spec["ResourceType"] == "image":
            ami.add_tags({tag["Key"]: tag["Value"] for tag in spec["Tags"]})
    return ami


def _new_ami(backend: Any, name: str, description: str) -> Any:
    ami: Any = Ami(backend, str(random_ami_id()), name=name, description=description)
    # moto's constructor invents a snapshot; AWS has none but the given ones.
    backend.snapshots.pop(ami.ebs_snapshot.id, None)
    current().store.drop_snapshot(ami.ebs_snapshot.id)
    ami.kept_mappings = []
    backend.amis[ami.id] = ami
    return ami


def _image_mapping(backend: Any, row: dict[str, Any]) -> dict[str, Any]:
    kept = copy.deepcopy(row)
    if "Ebs" not in kept:
        return kept
    ebs = kept["Ebs"]
    ebs.setdefault("VolumeType", "gp2")
    ebs.setdefault("DeleteOnTermination", True)
    snapshot_id = ebs.get("SnapshotId")
    ebs["VolumeSize"] = check_size(backend, ebs.get("VolumeSize"), ebs["VolumeType"], snapshot_id)
    if snapshot_id:
        ebs["Encrypted"] = bool(require_completed(backend, snapshot_id).encrypted)
    return kept


def _mappings(self: Any) -> list[dict[str, Any]]:
    kept: list[dict[str, Any]] = self.__dict__.get("kept_mappings", [])
    return kept


def _bad(message: str) -> EC2ClientError:
    return EC2ClientError("InvalidParameterValue", message)


def _copy_image(self: Any, *args: Any, **kwargs: Any) -> None:
    """Moto's CopyImage loses the block devices; better refused than wrong."""
    raise NotImplementedError("CopyImage is not modelled")


replace(AmisResponse, "register_image", register_image)
replace(AmiBackend, "create_image", create_image)
replace(AmiBackend, "copy_image", _copy_image)
replace(Ami, "block_device_mappings", property(_mappings))
