"""What RunInstances refuses, and the block devices a launch gets.

moto accepts any AMI id, type, architecture and interface. Sources: RunInstances
of the EC2 API reference; "Block device mappings for volumes on instances";
"Enable enhanced networking with ENA"; "Error codes". AWS does not document
every code here; those are the ones its answers are known to carry.
"""

import copy
from typing import Any

from moto.ec2.exceptions import EC2ClientError
from moto.ec2.models.instance_types import INSTANCE_TYPE_OFFERINGS, INSTANCE_TYPES

from sandbox.aws.ec2_groups import check_network
from sandbox.aws.ec2_network import check_free
from sandbox.aws.ec2_volumes import check_size


def find_image(backend: Any, image_id: str | None) -> Any:
    """The AMI of a launch, or InvalidAMIID."""
    if not image_id:
        raise EC2ClientError("MissingParameter", "The request must contain the parameter ImageId")
    if not image_id.startswith("ami-"):
        raise EC2ClientError("InvalidAMIID.Malformed", f'Invalid id: "{image_id}"')
    ami = backend.amis.get(image_id)
    if ami is None:
        message = f"The image id '[{image_id}]' does not exist"
        raise EC2ClientError("InvalidAMIID.NotFound", message)
    return ami


def check_type(region: str, name: str, ami: Any) -> dict[str, Any]:
    """The facts of an instance type that can start this AMI in this region."""
    offered = INSTANCE_TYPE_OFFERINGS["region"].get(region, [])
    if name not in INSTANCE_TYPES or not any(row["InstanceType"] == name for row in offered):
        message = f"Invalid value '{name}' for InstanceType."
        raise EC2ClientError("InvalidParameterValue", message)
    facts: dict[str, Any] = INSTANCE_TYPES[name]
    processors = facts.get("ProcessorInfo", {}).get("SupportedArchitectures", [])
    if processors and ami.architecture not in processors:
        message = (
            f"The architecture '{','.join(processors)}' of the specified instance type does not "
            f"match the architecture '{ami.architecture}' of the specified AMI. Specify an "
            "instance type and an AMI that have matching architectures, and try again."
        )
        raise EC2ClientError("InvalidParameterValue", message)
    kinds = facts.get("SupportedVirtualizationTypes", [])
    if kinds and ami.virtualization_type not in kinds:
        message = f"Virtualization type '{ami.virtualization_type}' is not supported by '{name}'."
        raise EC2ClientError("InvalidParameterCombination", message)
    if facts.get("NetworkInfo", {}).get("EnaSupport") == "required" and not ami.ena_support:
        message = (
            "Enhanced networking with the Elastic Network Adapter (ENA) is required for the "
            f"'{name}' instance type. Ensure that you are using an AMI that is enabled for ENA."
        )
        raise EC2ClientError("InvalidParameterCombination", message)
    modes = facts.get("SupportedBootModes") or ["legacy-bios"]
    if ami.boot_mode in ("uefi", "legacy-bios") and ami.boot_mode not in modes:
        message = f"The boot mode '{ami.boot_mode}' is not supported by '{name}'."
        raise EC2ClientError("InvalidParameterCombination", message)
    return facts


def boot_mode_of(facts: dict[str, Any], ami: Any) -> str:
    """What the instance really boots with.

    Source: "Instance launch behavior with Amazon EC2 boot modes": without a
    boot mode Graviton types use UEFI, the others legacy BIOS.
    """
    modes = facts.get("SupportedBootModes") or ["legacy-bios"]
    if ami.boot_mode == "uefi-preferred":
        return "uefi" if "uefi" in modes else "legacy-bios"
    if ami.boot_mode:
        return str(ami.boot_mode)
    return "uefi" if ami.architecture.startswith("arm64") else "legacy-bios"


def cpu_options(facts: dict[str, Any], wanted: dict[str, Any]) -> dict[str, int]:
    """Cores and threads as asked, or the type's own. Source: "CPU options"."""
    cpus = facts.get("VCpuInfo", {})
    threads = int(cpus.get("DefaultThreadsPerCore") or 1)
    cores = int(cpus.get("DefaultCores") or int(cpus.get("DefaultVCpus") or 1) // threads or 1)
    chosen = {
        "CoreCount": int(wanted.get("CoreCount") or cores),
        "ThreadsPerCore": int(wanted.get("ThreadsPerCore") or threads),
    }
    allowed = (
        chosen["CoreCount"] in (cpus.get("ValidCores") or range(1, cores + 1)),
        chosen["ThreadsPerCore"] in (cpus.get("ValidThreadsPerCore") or range(1, threads + 1)),
    )
    if not all(allowed):
        raise EC2ClientError("InvalidParameterValue", f"CpuOptions {chosen} are not valid.")
    return chosen


def check_interfaces(backend: Any, facts: dict[str, Any], specs: list[dict[str, Any]]) -> Any:
    """Refuse interfaces AWS would; answer the primary one's subnet, or None."""
    if not specs:
        return None
    indexes = [int(spec.get("DeviceIndex", 0)) for spec in specs]
    if 0 not in indexes or len(set(indexes)) != len(indexes):
        message = "Interfaces need different device indexes, one of them 0."
        raise EC2ClientError("InvalidParameterCombination", message)
    most = int(facts.get("NetworkInfo", {}).get("MaximumNetworkInterfaces") or len(specs))
    if len(specs) > most:
        message = f"Number of network interfaces exceeds the limit of {most}."
        raise EC2ClientError("AttachmentLimitExceeded", message)
    if len(specs) > 1 and any(spec.get("AssociatePublicIpAddress") for spec in specs):
        message = "AssociatePublicIpAddress needs a launch with one network interface."
        raise EC2ClientError("InvalidParameterCombination", message)
    subnets = []
    for spec in specs:
        if eni_id := spec.get("NetworkInterfaceId"):
            eni = backend.get_network_interface(eni_id)
            check_free(eni)
            subnets.append(eni.subnet)
        else:
            subnets.append(backend.get_subnet(spec["SubnetId"]) if "SubnetId" in spec else None)
            if subnets[-1] is not None:
                check_network(backend, spec.get("Groups") or [], subnets[-1])
    if len({subnet.availability_zone for subnet in subnets if subnet}) > 1:
        message = "The network interfaces are not in the same availability zone."
        raise EC2ClientError("InvalidParameterCombination", message)
    if len({subnet.vpc_id for subnet in subnets if subnet}) > 1:
        message = "The network interfaces are not in the same network."
        raise EC2ClientError("InvalidParameterCombination", message)
    return subnets[indexes.index(0)]


def merged_devices(
    backend: Any, ami: Any, given: list[dict[str, Any]]
) -> list[tuple[str, dict[str, Any]]]:
    """Device name and EBS parameters of each volume: the AMI's, then those given on top."""
    devices: dict[str, dict[str, Any]] = {
        row["DeviceName"]: copy.deepcopy(row["Ebs"])
        for row in ami.block_device_mappings
        if "Ebs" in row
    }
    for row in given:
        name = row["DeviceName"]
        if row.get("NoDevice") is not None:
            devices.pop(name, None)
        elif "Ebs" in row:
            own = {key: value for key, value in row["Ebs"].items() if value is not None}
            if name in devices and own.get("VolumeType") not in (None, "gp3", "io1", "io2"):
                devices[name].pop("Iops", None)
                devices[name].pop("Throughput", None)
            devices[name] = {**devices.get(name, {"DeleteOnTermination": False}), **own}
    for name, ebs in devices.items():
        ebs["VolumeSize"] = check_size(
            backend, ebs.get("VolumeSize"), ebs.get("VolumeType") or "gp2", ebs.get("SnapshotId")
        )
        if ebs.get("SnapshotId") is None and name == ami.root_device_name:
            raise EC2ClientError("InvalidBlockDeviceMapping", "The root device has no snapshot.")
    return list(devices.items())
