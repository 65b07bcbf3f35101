"""What a migration takes of Azure as its target: calls, what bounds them, and what is paid for.

Pages: "Upload a VHD to Azure" (an upload is as fast as a Standard HDD of its
size, and is billed as one until its access ends), "Understand Azure Disk
Storage billing" (a disk is billed as the next larger tier; Standard disks by
the operation, too), "Linux Virtual Machines Pricing", "Bandwidth pricing".
"""

from collections import Counter
from collections.abc import Sequence

from coldferry.contents import DiskContent
from coldferry.estimating import Bound, Charge, Share, Terms
from coldferry.plan import Device, Plan
from coldferry.traffic import End, listings
from providers.azure import vhd
from providers.azure.page_reader import LIMITS

END = End(LIMITS, commit_bytes=vhd.FOOTER_BYTES, commit_writes=1)

_GIB = 1 << 30
_HOURS_A_MONTH = 730
_TIERS = (
    (4, 1), (8, 2), (16, 3), (32, 4), (64, 6), (128, 10), (256, 15), (512, 20), (1024, 30),
    (2048, 40), (4096, 50), (8192, 60), (16384, 70), (32767, 80),
)  # fmt: skip
"""GiB up to which a tier goes, and its number ("Azure managed disk types")."""

_LETTERS = {"Standard": "S", "StandardSSD": "E", "Premium": "P"}
_SMALLEST_HDD = 4
_BY_OPERATION = ("Standard", "StandardSSD")

_MANAGE, _MANAGE_DISK, _MANAGE_NIC = 66, 34, 6
"""Calls of the Resource Manager: for a machine, more for each disk and each interface.

Counted on the double, whose operations end at the first or second look: slow ones take more.
"""


def target_share(plan: Plan, contents: Sequence[DiskContent], terms: Terms, location: str) -> Share:
    """Of a machine that is brought here once, without anything that has to be repeated."""
    writes = sum(one.traffic.writes for one in contents)
    reads = sum(one.traffic.back_reads for one in contents)
    lists = sum(listings(one.size_bytes, one.stretches) for one in contents)
    nics = len(plan.machine.nics)
    return Share(
        calls={
            "azure: write": writes,
            "azure: read": reads,
            "azure: list": lists,
            "azure: manage": _MANAGE + _MANAGE_DISK * len(contents) + _MANAGE_NIC * nics,
        },
        bounds=tuple(_bounds(contents, terms)),
        charges=tuple(_charges(plan, contents, terms, location)),
        needs=dict(_needs(plan)),
    )


def tier(kind: str, size_bytes: int) -> str:
    """``E10``: what a disk of this kind and size is billed as; with its redundancy but for LRS."""
    family, _, redundancy = kind.partition("_")
    number = next((n for most, n in _TIERS if size_bytes <= most * _GIB), _TIERS[-1][1])
    if family == "Standard":
        number = max(number, _SMALLEST_HDD)
    suffix = "" if redundancy == "LRS" else f"-{redundancy}"
    return f"{_LETTERS.get(family, family)}{number}{suffix}"


def _bounds(contents: Sequence[DiskContent], terms: Terms) -> list[Bound]:
    found = []
    for one in contents:
        disk = tier("Standard_LRS", vhd.padded_bytes(one.size_bytes))
        moved = {"copy": one.traffic.sent_bytes, "read back": one.traffic.back_bytes}
        rate = {"copy": f"azure.upload.{disk}", "read back": f"azure.read-back.{disk}"}
        for step, amount in moved.items():
            if per_s := terms.rates.each(rate[step]):
                found.append(
                    Bound(
                        step=step, name="disk limit", amount=amount, per_s=per_s,
                        device=one.device,
                    )
                )  # fmt: skip
    return found


def _charges(
    plan: Plan, contents: Sequence[DiskContent], terms: Terms, location: str
) -> list[Charge]:
    writes = sum(one.traffic.writes for one in contents)
    back_gib = sum(one.traffic.back_bytes for one in contents) / _GIB
    size = str(plan.value("instance_type"))
    return [
        Charge(
            what="writing pages", item="azure.operation.Standard", place=location, quantity=writes
        ),
        *_read_back(plan, contents, location),
        Charge(
            what="data out of the target, to read it back", item="azure.egress.gib",
            place=location, quantity=0 if terms.worker == "target" else back_gib,
        ),
        Charge(
            what=f"the new machine, {size}, once it runs", item=f"azure.vm-hour.{size}",
            place=location, quantity=_HOURS_A_MONTH, period="a month",
        ),
        *(_disk(plan, device, location) for device in plan.devices),
        *_image_root(plan, location),
    ]  # fmt: skip


def _read_back(plan: Plan, contents: Sequence[DiskContent], location: str) -> list[Charge]:
    """Premium disks have no charge for operations."""
    reads = Counter[str]()
    for device, one in zip(plan.devices, contents, strict=True):
        reads[_kind(plan, device).partition("_")[0]] += one.traffic.back_reads
    return [
        Charge(
            what=f"reading pages back from {family} disks", item=f"azure.operation.{family}",
            place=location, quantity=count,
        )
        for family, count in reads.items()
        if family in _BY_OPERATION
    ]  # fmt: skip


def _disk(plan: Plan, device: Device, location: str) -> Charge:
    billed = tier(_kind(plan, device), vhd.padded_bytes(device.disk.size_bytes))
    return Charge(
        what=f"{device.name}, {billed}", item=f"azure.disk-month.{billed}", place=location,
        quantity=1, period="a month",
    )  # fmt: skip


def _image_root(plan: Plan, location: str) -> list[Charge]:
    """The disk that is made of a snapshot; its size is the snapshot's."""
    if plan.machine.root_image is None:
        return []
    return [
        Charge(
            what="the root disk, made of a snapshot", item="azure.disk-month.of-a-snapshot",
            place=location, quantity=1, period="a month",
        )
    ]  # fmt: skip


def _needs(plan: Plan) -> Counter[str]:
    needs = Counter[str]()
    needs["vCPUs"] = plan.machine.vcpus
    needs["network interfaces"] = len(plan.machine.nics)
    for device in plan.devices:
        needs[f"{_kind(plan, device).partition('_')[0]} disks"] += 1
    return needs


def _kind(plan: Plan, device: Device) -> str:
    return str(plan.value(f"disks[{device.index}].kind"))
