"""The neutral description of an EC2 instance: pure, from an :class:`Inventory`.

Sources: Instance, InstanceTypeInfo, Image of the EC2 API reference; "Instance
launch behavior with Amazon EC2 boot modes"; "AMI billing information fields".
"""

import hashlib
import re
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any, Literal

from coldferry.machine import (
    UNKNOWN,
    Architecture,
    Firmware,
    Licence,
    Machine,
    Origin,
    RootImage,
    Tag,
    Unknown,
    UserData,
)
from coldferry.migration import TAG_PREFIX
from providers.aws.instances import tags_of
from providers.aws.inventory import Inventory
from providers.aws.networking import dns_of, nics_of
from providers.aws.volumes import disks_of, ephemeral_disks_of

if TYPE_CHECKING:
    from mypy_boto3_ec2.type_defs import InstanceTypeInfoTypeDef

_MIB = 2**20
_ACCELERATED = re.compile(r"(g|gr|p|f|vt|dl|inf|trn)\d", re.ASCII)
_ARCHITECTURES: dict[str, Architecture] = {"x86_64": "x86_64", "arm64": "arm64"}
_FIRMWARE: dict[str, Firmware] = {"legacy-bios": "bios", "uefi": "uefi"}


def machine_of(inventory: Inventory, scope: str) -> Machine:
    """``scope`` is ``<account>/<region>``. Our own tags are left out."""
    instance = inventory.instance
    vm = instance["InstanceId"]
    tags = tags_of(instance.get("Tags", []))
    placement = instance.get("Placement", {})
    firmware = _firmware(inventory)
    key = instance.get("KeyName")
    return Machine(
        origin=Origin(provider="aws", scope=scope, id=vm),
        name=tags.get("Name") or vm,
        # The name in the guest is the guest's business; this is what EC2 gives it at the start.
        hostname=instance.get("PrivateDnsName") or UNKNOWN,
        instance_type=instance.get("InstanceType", UNKNOWN),
        vcpus=_vcpus(inventory),
        memory_bytes=inventory.facts["MemoryInfo"]["SizeInMiB"] * _MIB,
        accelerators=accelerators_of(inventory.facts),
        burstable=inventory.facts.get("BurstablePerformanceSupported", UNKNOWN),
        bare_metal=inventory.facts.get("BareMetal", UNKNOWN),
        architecture=_architecture(inventory),
        firmware=firmware,
        # EC2 does not tell the guest's setting; without UEFI there is none.
        secure_boot=False if firmware == "bios" else UNKNOWN,
        tpm=_tpm(inventory),
        os_family=_os_family(inventory),
        zone=placement.get("AvailabilityZone") or UNKNOWN,
        tenancy=placement.get("Tenancy") or UNKNOWN,
        # "Stop and start Amazon EC2 instances": only one with an EBS root can be stopped.
        stoppable=_root_image(inventory) is None,
        dns=dns_of(inventory),
        nics=nics_of(inventory),
        disks=disks_of(inventory),
        ephemeral_disks=ephemeral_disks_of(inventory),
        root_image=_root_image(inventory),
        network_filesystems=inventory.file_systems,
        tags=tuple(
            Tag(key=name, value=value)
            for name, value in sorted(tags.items())
            if not name.lower().startswith(TAG_PREFIX)  # EC2 tells cases apart, targets may not
        ),
        user_data=_user_data(inventory.user_data),
        key_names=(key,) if key else (),
        profile=instance.get("IamInstanceProfile", {}).get("Arn"),
        relations=inventory.relations,
        licence=_licence(inventory),
    )


def _vcpus(inventory: Inventory) -> int:
    """As started with; the type's default when EC2 says nothing else."""
    chosen = inventory.instance.get("CpuOptions", {})
    if "CoreCount" in chosen and "ThreadsPerCore" in chosen:
        return chosen["CoreCount"] * chosen["ThreadsPerCore"]
    return inventory.facts["VCpuInfo"]["DefaultVCpus"]


def accelerators_of(facts: "InstanceTypeInfoTypeDef") -> int:
    """GPUs, FPGAs, media and machine learning chips of an instance type.

    A part of a GPU has the count 0 and is one logical GPU. Inferentia is told twice, as
    Neuron devices and as inference accelerators. A type of an accelerated family of which
    EC2 tells no chip counts as one ("Amazon EC2 instance type naming conventions").
    """

    def count(rows: Iterable[Mapping[str, Any]]) -> int:
        return sum(
            max(int(row.get("Count", 0)), int(row.get("LogicalGpuCount", 0))) for row in rows
        )

    told = (
        count(facts.get("GpuInfo", {}).get("Gpus", []))
        + count(facts.get("FpgaInfo", {}).get("Fpgas", []))
        + count(facts.get("MediaAcceleratorInfo", {}).get("Accelerators", []))
        + max(
            count(facts.get("NeuronInfo", {}).get("NeuronDevices", [])),
            count(facts.get("InferenceAcceleratorInfo", {}).get("Accelerators", [])),
        )
    )
    return told or int(_ACCELERATED.match(str(facts.get("InstanceType", ""))) is not None)


def _architecture(inventory: Inventory) -> Architecture | Unknown:
    own = inventory.instance.get("Architecture")
    if own is None and inventory.image is not None:
        own = inventory.image.get("Architecture")
    return _ARCHITECTURES.get(own or "", UNKNOWN)


def _firmware(inventory: Inventory) -> Firmware | Unknown:
    """From what it booted with, then what was asked for, then what the type can only do."""
    image = inventory.image
    words = [
        inventory.instance.get("CurrentInstanceBootMode"),
        inventory.instance.get("BootMode"),
        image.get("BootMode") if image is not None else None,
    ]
    can = inventory.facts.get("SupportedBootModes", [])
    if len(can) == 1:
        words.append(can[0])
    # "uefi-preferred" leaves the choice to the type and says nothing by itself.
    return next((_FIRMWARE[word] for word in words if word in _FIRMWARE), UNKNOWN)


def _tpm(inventory: Inventory) -> str | None:
    """EC2 says v2.0 of an instance that is configured for NitroTPM, and nothing of others."""
    support = inventory.instance.get("TpmSupport")
    return support.removeprefix("v") if support else None


def _platform(inventory: Inventory) -> str | Unknown:
    image = inventory.image
    own = inventory.instance.get("PlatformDetails")
    return own or (image.get("PlatformDetails") if image is not None else None) or UNKNOWN


def _os_family(inventory: Inventory) -> Literal["linux", "windows"] | Unknown:
    platform = _platform(inventory).lower()
    if "windows" in platform or str(inventory.instance.get("Platform", "")).lower() == "windows":
        return "windows"
    known = ("linux", "red hat", "suse", "ubuntu")
    return "linux" if any(word in platform for word in known) else UNKNOWN


def _root_image(inventory: Inventory) -> RootImage | None:
    if inventory.instance.get("RootDeviceType") != "instance-store":
        return None
    return RootImage(image=inventory.instance.get("ImageId") or UNKNOWN)


def _user_data(data: bytes) -> UserData | None:
    if not data:
        return None
    return UserData(sha256=hashlib.sha256(data).hexdigest(), size_bytes=len(data))


def _licence(inventory: Inventory) -> Licence:
    rows = inventory.instance.get("ProductCodes", [])
    codes = {row["ProductCodeId"] for row in rows if "ProductCodeId" in row}
    return Licence(platform=_platform(inventory), product_codes=tuple(sorted(codes)))
