"""Instance types as EC2 lists them, with the zones that have them.

Pages: DescribeInstanceTypes (InstanceTypeInfo) and DescribeInstanceTypeOfferings of
the EC2 API reference.
"""

from collections.abc import Iterator
from typing import TYPE_CHECKING

from providers.aws.catalogue import InstanceType
from providers.aws.client import speaking
from providers.aws.describe import accelerators_of
from providers.aws.session import Clients

if TYPE_CHECKING:
    from mypy_boto3_ec2.type_defs import InstanceTypeInfoTypeDef

_MIB = 1 << 20
_FIRMWARES = {"legacy-bios": "bios", "uefi": "uefi"}


def instance_types(clients: Clients) -> Iterator[InstanceType]:
    """Every type that the region offers."""
    zones = _zones(clients)
    with speaking("ec2:DescribeInstanceTypes", "the region's instance types"):
        pages = clients.ec2.get_paginator("describe_instance_types").paginate()
        rows = [row for page in pages for row in page["InstanceTypes"]]
    for row in sorted(rows, key=lambda row: str(row.get("InstanceType"))):
        if row.get("InstanceType") in zones:
            yield type_of(row, zones[row["InstanceType"]])


def type_of(row: "InstanceTypeInfoTypeDef", zones: tuple[str, ...]) -> InstanceType:
    """One row of DescribeInstanceTypes."""
    ebs, network = row.get("EbsInfo", {}), row.get("NetworkInfo", {})
    speed = ebs.get("EbsOptimizedInfo", {})
    throughput = speed.get("MaximumThroughputInMBps")
    nvme = ebs.get("NvmeSupport", "unsupported")
    metal = bool(row.get("BareMetal"))
    return InstanceType(
        name=row["InstanceType"],
        vcpus=row["VCpuInfo"]["DefaultVCpus"],
        memory_bytes=row["MemoryInfo"]["SizeInMiB"] * _MIB,
        architectures=tuple(row.get("ProcessorInfo", {}).get("SupportedArchitectures", [])),
        firmwares=tuple(_FIRMWARES.get(mode, mode) for mode in row.get("SupportedBootModes", [])),
        max_nics=network.get("MaximumNetworkInterfaces", 1),
        max_disks=ebs.get("MaximumEbsAttachments"),
        shared_attachments=ebs.get("AttachmentLimitType") == "shared",
        ebs_iops=speed.get("MaximumIops"),
        ebs_throughput_bytes_s=None if throughput is None else round(throughput * 1_000_000),
        ebs_root="ebs" in row.get("SupportedRootDeviceTypes", ["ebs"]),
        nvme=nvme,
        ena=network.get("EnaSupport", "unsupported"),
        nitro=row.get("Hypervisor") == "nitro" or (metal and nvme == "required"),
        tpm=tuple(row.get("NitroTpmInfo", {}).get("SupportedVersions", [])),
        virtualization=tuple(row.get("SupportedVirtualizationTypes", [])),
        zones=zones,
        bare_metal=metal,
        burstable=bool(row.get("BurstablePerformanceSupported")),
        accelerators=accelerators_of(row),
        ephemeral_bytes=row.get("InstanceStorageInfo", {}).get("TotalSizeInGB", 0) * 10**9,
        current=bool(row.get("CurrentGeneration", True)),
        on_demand="on-demand" in row.get("SupportedUsageClasses", ["on-demand"]),
    )


def _zones(clients: Clients) -> dict[str, tuple[str, ...]]:
    found: dict[str, set[str]] = {}
    with speaking("ec2:DescribeInstanceTypeOfferings", "the region's zones"):
        pages = clients.ec2.get_paginator("describe_instance_type_offerings").paginate(
            LocationType="availability-zone"
        )
        for page in pages:
            for row in page["InstanceTypeOfferings"]:
                found.setdefault(row["InstanceType"], set()).add(row["Location"])
    return {name: tuple(sorted(zones)) for name, zones in found.items()}
