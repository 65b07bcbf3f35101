"""Disks and the root image.

Pages: "Upload a VHD to Azure or copy a managed disk to another region" (whole
MiB, sizes), "Azure managed disk types" (largest sizes), "Server-side
encryption of Azure Disk Storage".
"""

from collections.abc import Iterable

from coldferry.choices import said_or
from coldferry.machine import Disk, Machine
from coldferry.placement import DISK, kept
from coldferry.root_images import Offer, root_image
from coldferry.rules import Outcome, Rule
from coldferry.verdicts import BLOCK, equivalent, exact, impossible
from providers.azure import rules_disk_kind
from providers.azure.catalogue import GIB, Catalogue, Q
from providers.azure.vhd import padded_bytes
from providers.azure.words import AZURE

MAX_DATA_BYTES = 32767 * GIB
MAX_ROOT_BYTES = 4095 * GIB
MAX_ROOT_BYTES_BIOS = 2048 * GIB
"""A generation 1 VM boots from MBR, which ends at 2 TiB ("OS disk", managed disks overview)."""

OS_DISK = "OS disk"


def lun(machine: Machine, copied: Iterable[int], index: int) -> int:
    """The LUN of data disk ``index``: data disks that are copied count from 0, in their order."""
    return sum(n < index and not machine.disks[n].root for n in copied)


def _size(question: Q) -> Outcome:
    disk: Disk = question.item("disks")
    largest = MAX_DATA_BYTES
    if disk.root:
        bios = said_or(question.machine.firmware, question.answers, "firmware") == "bios"
        largest = MAX_ROOT_BYTES_BIOS if bios else MAX_ROOT_BYTES
    target = padded_bytes(disk.size_bytes)
    if target > largest:
        return impossible(
            f"The largest {'OS' if disk.root else 'data'} disk has {largest // GIB} GiB.",
            f"This disk has {disk.size_bytes / GIB:.0f} GiB: shrink it at the source first.",
            consequence=BLOCK,
        )
    if target == disk.size_bytes:
        return exact("A whole number of MiB.", target)
    return equivalent(
        "Azure's disks are whole MiB, 20 at least.", target,
        f"{target - disk.size_bytes} bytes of zeros follow the disk's end.",
    )  # fmt: skip


def _device(question: Q) -> Outcome:
    index = question.leaf.index[0]
    disk: Disk = question.item("disks")
    copied = kept(question.machine, question.answers)
    target = OS_DISK if disk.root else f"LUN {lun(question.machine, copied, index)}"
    return equivalent(
        "Azure counts disks by LUN.", target,
        f"{question.value} becomes {target}: mount by UUID or label, not by device name.",
    )  # fmt: skip


def _encrypted(question: Q) -> Outcome:
    if question.value is True:
        return equivalent(
            "Azure encrypts every disk at rest.", target=True,
            difference="With a key of Azure's own (platform-managed key).",
        )  # fmt: skip
    return equivalent(
        "Azure encrypts every disk at rest.", target=True,
        difference="Encrypted at Azure, also where the source is not.",
    )  # fmt: skip


def _deleted(question: Q) -> Outcome:
    if question.value is False:
        return exact("The disk stays when the VM is deleted.", target=False)
    return equivalent(
        "Disks are detached, not deleted, with the VM.", target=False,
        difference="The disk stays when the VM is deleted.",
    )  # fmt: skip


def _snapshots(question: Q) -> list[Offer]:
    return [
        (
            found.id,
            found.name,
            f"{found.os}, generation {found.generation}, {found.size_bytes / GIB:g} GiB",
        )
        for found in question.catalogue.snapshots
    ]


RULES: dict[str, Rule[Catalogue]] = {
    **rules_disk_kind.RULES,
    **root_image(AZURE, "an OS disk snapshot", _snapshots),
    "disks[].device": AZURE.rule(
        "disk.lun", _device, about="disks", may=("equivalent",), follows=(DISK,),
        says="The root becomes the OS disk, the others LUNs in their order.",
    ),
    "disks[].size_bytes": AZURE.rule(
        "disk.size", _size, about="upload", follows=("firmware",),
        may=("exact", "equivalent", "impossible, block"),
        says="Sizes are whole MiB, 20 at least; a disk larger than Azure has blocks the migration.",
    ),
    "disks[].encrypted": AZURE.rule(
        "disk.encryption", _encrypted, about="encryption", may=("equivalent",),
        says="Every disk is encrypted at rest, with a key of Azure's own.",
    ),
    "disks[].deleted_with_machine": AZURE.rule(
        "disk.kept", _deleted, about="disks", may=("exact", "equivalent"),
        says="The disks stay when the VM is deleted.",
    ),
}  # fmt: skip
