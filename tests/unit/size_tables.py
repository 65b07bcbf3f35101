"""Every size of two real lists against the other: the machines, the catalogues, the plain search.

The search here is written from the lists' own rows and knows nothing of the chooser.
"""

import gzip
import json
import re
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from functools import cache
from math import ceil
from pathlib import Path
from typing import Any

import moto

from coldferry.leaves import Leaf
from coldferry.machine import Machine, Origin
from coldferry.rules import Question
from coldferry.translation import Verdict
from providers.aws.catalogue import Catalogue as AwsCatalogue
from providers.aws.catalogue import InstanceType
from providers.aws.describe import accelerators_of
from providers.aws.sizes import RULES as AWS_RULES
from providers.azure.catalogue import Catalogue as AzureCatalogue
from providers.azure.catalogue import DiskTier, Size
from providers.azure.sizes import RULES as AZURE_RULES
from tests.unit.machines import GIB, MIB, a_disk, a_machine, a_nic

Row = dict[str, Any]
AZURE_FILE = Path(__file__).parents[1] / "data" / "azure_sizes.json"
EC2_FILE = Path(moto.__file__).parent / "ec2" / "resources" / "instance_types.json.gz"

AZURE = json.loads(AZURE_FILE.read_text())
EC2: dict[str, Row] = json.loads(gzip.decompress(EC2_FILE.read_bytes()))

_BOOTS = {"legacy-bios": "bios", "uefi": "uefi", "V1": "bios", "V2": "uefi"}
_TOLD = ("GpuInfo", "FpgaInfo", "MediaAcceleratorInfo", "NeuronInfo", "InferenceAcceleratorInfo")


@dataclass(frozen=True)
class Shape:
    """What a machine has besides CPUs and memory."""

    name: str
    data_disks: int
    nics: int
    premium: bool


PLAIN = Shape("one disk, one interface", 0, 1, premium=False)
LADEN = Shape("ten disks, the root steady; three interfaces", 9, 3, premium=True)


def ec2_machines(shape: Shape) -> Iterator[Machine]:
    """A machine for every EC2 instance type and every way that it boots."""
    for name, row in EC2.items():
        known = {"x86_64", "arm64"} & set(row["ProcessorInfo"]["SupportedArchitectures"])
        for mode in row["SupportedBootModes"]:
            yield _machine(
                shape, "aws", name, vcpus=row["VCpuInfo"]["DefaultVCpus"],
                memory_bytes=row["MemoryInfo"]["SizeInMiB"] * MIB,
                architecture=min(known, default="unknown"), firmware=_BOOTS[mode],
                accelerators=accelerators_of(row), burstable=row["BurstablePerformanceSupported"],
                bare_metal=row["BareMetal"],
            )  # fmt: skip


def azure_machines(shape: Shape) -> Iterator[Machine]:
    """A machine for every Azure size and every generation that it boots."""
    for row in AZURE["sizes"]:
        for generation in row["generations"]:
            yield _machine(
                shape, "azure", row["name"], vcpus=row["vcpus"],
                memory_bytes=round(row["memory_gib"] * GIB), architecture=row["architecture"],
                firmware=_BOOTS[generation], accelerators=ceil(Fraction(row["gpus"])),
                burstable=row["name"].startswith("Standard_B"),
            )  # fmt: skip


def _machine(shape: Shape, provider: str, name: str, **facts: Any) -> Machine:
    root = a_disk(medium="steady ssd" if shape.premium else "ssd")
    return a_machine(
        origin=Origin(provider=provider, scope="s", id=name),
        instance_type=name,
        disks=(root, *(a_disk(root=False) for _ in range(shape.data_disks))),
        nics=tuple(a_nic(id=f"nic-{n}", primary=n == 0) for n in range(shape.nics)),
        **facts,
    )


def azure_catalogue() -> AzureCatalogue:
    """The list as the live catalogue has it; what no page says is what the API's silence means."""
    sizes = tuple(
        Size(
            name=row["name"], family=row["family"], vcpus=row["vcpus"],
            memory_bytes=round(row["memory_gib"] * GIB), architecture=row["architecture"],
            generations=tuple(row["generations"]), max_data_disks=row["max_data_disks"],
            max_nics=row["max_nics"], premium_io=bool(row["premium_storage"]),
            controllers=tuple(word.upper() for word in row["controllers"] or ["SCSI"]),
            trusted_launch=True, gpus=ceil(Fraction(row["gpus"])),
        )
        for row in AZURE["sizes"]
    )  # fmt: skip
    tiers = tuple(
        DiskTier(kind=kind, tier=kind, max_bytes=1024 * GIB, iops=500, throughput_bytes_s=60 * MIB)
        for kind in ("StandardSSD_LRS", "Premium_LRS")
    )
    return AzureCatalogue(location="somewhere", sizes=sizes, disk_tiers=tiers)


def ec2_catalogue() -> AwsCatalogue:
    """All instance types that the double knows, as rows of the live catalogue."""
    return AwsCatalogue(region="somewhere", types=tuple(_instance_type(r) for r in EC2.values()))


def _instance_type(row: Row) -> InstanceType:
    ebs, network = row["EbsInfo"], row["NetworkInfo"]
    return InstanceType(
        name=row["InstanceType"],
        vcpus=row["VCpuInfo"]["DefaultVCpus"],
        memory_bytes=row["MemoryInfo"]["SizeInMiB"] * MIB,
        architectures=tuple(row["ProcessorInfo"]["SupportedArchitectures"]),
        firmwares=tuple(_BOOTS[mode] for mode in row["SupportedBootModes"]),
        max_nics=network["MaximumNetworkInterfaces"],
        max_disks=ebs["MaximumEbsAttachments"],
        shared_attachments=ebs["AttachmentLimitType"] == "shared",
        ebs_root="ebs" in row["SupportedRootDeviceTypes"],
        nitro=row["BareMetal"] or row["Hypervisor"] == "nitro",
        virtualization=tuple(row["SupportedVirtualizationTypes"]),
        bare_metal=row["BareMetal"],
        burstable=row["BurstablePerformanceSupported"],
        accelerators=accelerators_of(row),
        current=row["CurrentGeneration"],
        on_demand="on-demand" in row["SupportedUsageClasses"],
    )


@dataclass(frozen=True)
class Fit:
    """A machine, what the rule chose, and the sizes that the plain search finds enough.

    Sizes are ``(memory_bytes, vcpus)`` by name. ``asked`` says why no size is chosen
    whatever is on offer, empty when that is not so.
    """

    machine: Machine
    chosen: str | None
    enough: dict[str, tuple[int, int]]
    asked: str

    @property
    def kind(self) -> str:
        """``exact``, ``equivalent``, ``none`` or ``asked``, as the published table counts."""
        if self.asked or self.chosen is None:
            return "asked" if self.asked else "none"
        same = self.enough[self.chosen] == (self.machine.memory_bytes, self.machine.vcpus)
        return "exact" if same else "equivalent"


def fits_at_azure(shape: Shape) -> list[Fit]:
    """Every EC2 instance type against the Azure list."""
    catalogue = azure_catalogue()
    return [
        Fit(m, _chosen(AZURE_RULES, m, catalogue), _enough_at_azure(m, shape), _asked(m))
        for m in ec2_machines(shape)
    ]


def fits_at_ec2(shape: Shape) -> list[Fit]:
    """Every Azure size against the EC2 instance types."""
    catalogue = ec2_catalogue()
    return [
        Fit(m, _chosen(AWS_RULES, m, catalogue), _enough_at_ec2(m, shape), _asked(m))
        for m in azure_machines(shape)
    ]


def _chosen(rules: Any, machine: Machine, catalogue: Any) -> str | None:
    leaf = Leaf("instance_type", "instance_type", (), machine.instance_type)
    outcome = rules["instance_type"].decide(Question(leaf, machine, catalogue, {}))
    return None if outcome.verdict is Verdict.MISSING else outcome.target


def _asked(machine: Machine) -> str:
    if machine.architecture == "unknown":
        return "its architecture is none that moves"
    return "it has accelerators" if machine.accelerators else ""


@cache
def _plain_at_azure() -> list[Row]:
    def out(name: str) -> bool:
        letters = name.removeprefix("Standard_")
        special = letters[0] in "BNH" or letters[:2] in ("DC", "EC")
        return special or re.search(r"\d-\d", letters) is not None

    return [
        row
        for row in AZURE["sizes"]
        if not out(row["name"]) and (row["controllers"] is None or "SCSI" in row["controllers"])
    ]


def _enough_at_azure(machine: Machine, shape: Shape) -> dict[str, tuple[int, int]]:
    generation = {"bios": "V1", "uefi": "V2"}[machine.firmware]
    found = {}
    for row in _plain_at_azure():
        memory_bytes = row["memory_gib"] * 1024**3
        if (
            memory_bytes >= machine.memory_bytes
            and row["vcpus"] >= machine.vcpus
            and row["architecture"] == machine.architecture
            and generation in row["generations"]
            and row["max_data_disks"] >= shape.data_disks
            and row["max_nics"] >= shape.nics
            and (row["premium_storage"] or not shape.premium)
        ):
            found[row["name"]] = (int(memory_bytes), row["vcpus"])
    return found


@cache
def _plain_at_ec2() -> dict[str, Row]:
    return {
        name: row
        for name, row in EC2.items()
        if not row["BareMetal"]
        and not row["BurstablePerformanceSupported"]
        and not any(word in row for word in _TOLD)
        and not re.match(r"(t|hpc|trn|g|p|f|inf|dl|vt)\d", name)
        and row["Hypervisor"] == "nitro"
        and "hvm" in row["SupportedVirtualizationTypes"]
        and "ebs" in row["SupportedRootDeviceTypes"]
        and "on-demand" in row["SupportedUsageClasses"]
    }


def _enough_at_ec2(machine: Machine, shape: Shape) -> dict[str, tuple[int, int]]:
    mode = {"bios": "legacy-bios", "uefi": "uefi"}[machine.firmware]
    found = {}
    for name, row in _plain_at_ec2().items():
        places = row["EbsInfo"]["MaximumEbsAttachments"]
        if row["EbsInfo"]["AttachmentLimitType"] == "shared":
            places -= shape.nics - 1
        memory_bytes = row["MemoryInfo"]["SizeInMiB"] * 1024**2
        vcpus = row["VCpuInfo"]["DefaultVCpus"]
        if (
            memory_bytes >= machine.memory_bytes
            and vcpus >= machine.vcpus
            and machine.architecture in row["ProcessorInfo"]["SupportedArchitectures"]
            and mode in row["SupportedBootModes"]
            and places >= 1 + shape.data_disks
            and row["NetworkInfo"]["MaximumNetworkInterfaces"] >= shape.nics
        ):
            found[name] = (memory_bytes, vcpus)
    return found


def published(at_azure: dict[str, list[Fit]], at_ec2: dict[str, list[Fit]]) -> str:
    """The table of docs/sizes.md."""
    head = "| from, to | machine | boots by | machines | exact | equivalent | none | asked |"
    lines = [head, "|---|---|---|---|---|---|---|---|"]
    for words, by_shape in (("EC2 to Azure", at_azure), ("Azure to EC2", at_ec2)):
        for shape, fits in by_shape.items():
            lines += [_line(words, shape, boot, fits) for boot in ("bios", "uefi")]
    return "\n".join(lines)


def _line(words: str, shape: str, boot: str, fits: Iterable[Fit]) -> str:
    count = Counter(fit.kind for fit in fits if fit.machine.firmware == boot)
    cells = [count.total(), *(count[kind] for kind in ("exact", "equivalent", "none", "asked"))]
    return f"| {words} | {shape} | {boot.upper()} | {' | '.join(map(str, cells))} |"
