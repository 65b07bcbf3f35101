"""Disks, ephemeral disks, the root image and network file systems.

Pages: "Upload a VHD to Azure or copy a managed disk to another region" (whole
MiB, sizes), "Azure managed disk types" (largest sizes), "Server-side
encryption of Azure Disk Storage", "Share an Azure managed disk".
"""

from typing import Any

from coldferry.choices import said_or
from coldferry.machine import Disk, Machine
from coldferry.rules import Outcome, Rule, Unfit
from coldferry.verdicts import BLOCK, dropped, equivalent, exact, impossible, lost, missing
from providers.azure import rules_disk_kind
from providers.azure.catalogue import GIB, Catalogue, Q, Snapshot
from providers.azure.ids import same
from providers.azure.vhd import padded_bytes

MAX_DATA_BYTES = 32767 * GIB
MAX_ROOT_BYTES = 4095 * GIB
MAX_ROOT_BYTES_BIOS = 2048 * GIB
"""A generation 1 VM boots from MBR, which ends at 2 TiB ("OS disk", managed disks overview)."""

OS_DISK = "OS disk"


def lun(machine: Machine, index: int) -> int:
    """The LUN of data disk ``index``: data disks count from 0 in the description's order."""
    return sum(not disk.root for disk in machine.disks[:index])


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
    target = OS_DISK if disk.root else f"LUN {lun(question.machine, index)}"
    return equivalent(
        "Azure counts disks by LUN.", target,
        f"{question.value} becomes {target}: mount by UUID or label, not by device name.",
    )  # fmt: skip


def _id(_question: Q) -> Outcome:
    return equivalent("A new disk is made.", None, "It has another id.")


def _root(question: Q) -> Outcome:
    return exact("The OS disk is the root.", question.value)


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


def _key(_question: Q) -> Outcome:
    return lost(
        "A customer's key cannot leave the source's key store.",
        "Encrypted with a platform-managed key instead; give the disk a disk encryption set "
        "after the move if a key of your own is required.",
    )


def _shared(question: Q) -> Outcome:
    if not question.value:
        return exact("Used by one machine.", target=False)
    return impossible(
        "A disk that several machines write to has no still moment.",
        "Detach it from all machines but one, or move its data by other means.",
        consequence=BLOCK,
    )


def _deleted(question: Q) -> Outcome:
    if question.value is False:
        return exact("The disk stays when the VM is deleted.", target=False)
    return equivalent(
        "Disks are detached, not deleted, with the VM.", target=False,
        difference="The disk stays when the VM is deleted.",
    )  # fmt: skip


def _ephemeral(question: Q) -> Outcome:
    return lost(
        "Its content ends with the halt, on every cloud.",
        f"{question.value} is not carried: put swap and scratch space elsewhere and mark its "
        "mount 'nofail'.",
    )


def _image(question: Q) -> Outcome:
    def meaning(found: Snapshot) -> str:
        size_gib = found.size_bytes / GIB
        return f"{found.name}, {found.os}, generation {found.generation}, {size_gib:g} GiB"

    return missing(
        "The root is made anew from an image at each start: name what stands for it at Azure.",
        [(snapshot.id, meaning(snapshot)) for snapshot in question.catalogue.snapshots],
    )


def _accept_image(question: Q, said: Any) -> Outcome:
    for snapshot in question.catalogue.snapshots:
        if same(snapshot.id, str(said)) or snapshot.name == said:
            return equivalent(
                "Chosen by a person.", snapshot.id,
                f"{question.value} becomes a persistent copy of snapshot {snapshot.name}.",
            )  # fmt: skip
    raise Unfit(f"there is no OS disk snapshot '{said}' in the resource group")


def _share(question: Q) -> Outcome:
    return lost(
        "A file system of the network is no disk of the machine.",
        f"{question.value}: its files are not copied; mount it remotely or move it by other means.",
    )


def _share_detail(_question: Q) -> Outcome:
    return dropped("Covered by the acknowledgement of the file system.")


def _nothing(question: Q) -> Outcome:
    return exact("There is nothing to carry.", question.value)


def _detail(_question: Q) -> Outcome:
    return dropped("Covered by the acknowledgement of the disk.")


_UPLOAD = "learn.microsoft.com: Upload a VHD to Azure or copy a managed disk to another region"
_ENCRYPTION = "learn.microsoft.com: Server-side encryption of Azure Disk Storage"
_OVERVIEW = "learn.microsoft.com: Introduction to Azure managed disks"
_SHARED = "learn.microsoft.com: Share an Azure managed disk"
_FILES = "learn.microsoft.com: NFS file shares in Azure Files"

RULES: dict[str, Rule[Catalogue]] = {
    **rules_disk_kind.RULES,
    "disks[].id": Rule("azure.disk.id", _id, source=_UPLOAD),
    "disks[].device": Rule("azure.disk.lun", _device, source=_OVERVIEW),
    "disks[].root": Rule("azure.disk.root", _root, source=_OVERVIEW),
    "disks[].size_bytes": Rule("azure.disk.size", _size, source=_UPLOAD),
    "disks[].encrypted": Rule("azure.disk.encryption", _encrypted, source=_ENCRYPTION),
    "disks[].key_id": Rule("azure.disk.key", _key, source=_ENCRYPTION),
    "disks[].shared": Rule("azure.disk.shared", _shared, source=_SHARED),
    "disks[].deleted_with_machine": Rule("azure.disk.kept", _deleted, source=_OVERVIEW),
    "ephemeral_disks[].device": Rule("azure.ephemeral", _ephemeral, source=_OVERVIEW),
    "ephemeral_disks[].size_bytes": Rule("azure.ephemeral.size", _detail, source=_OVERVIEW),
    "root_image": Rule("azure.root-image", _nothing),
    "root_image.image": Rule("azure.root-image", _image, _accept_image, source=_UPLOAD),
    "network_filesystems[].id": Rule("azure.share", _share, source=_FILES),
    "network_filesystems[].kind": Rule("azure.share.detail", _share_detail, source=_FILES),
    "network_filesystems[].address": Rule("azure.share.detail", _share_detail, source=_FILES),
    "network_filesystems[].mounted": Rule("azure.share.detail", _share_detail, source=_FILES),
}
