r"""Which firmware finds something to boot on a disk.

Sources: UEFI specification 2.10, section 3.5.1.1 (a disk without a boot entry
is started by ``\EFI\BOOT\BOOT<machine>.EFI`` of its system partition); GRUB
manual, "BIOS installation" (boot code in the first sector, the rest in a BIOS
boot partition on a GPT); UEFI table 5.8 (legacy boot attribute).
"""

import struct
from collections.abc import Iterator
from dataclasses import dataclass

from coldferry.guest import partitions
from coldferry.guest.mounted import Mounted
from coldferry.guest.places import DiskFound, Place
from coldferry.guest.steps import Steps
from coldferry.guest.tree import Tree
from coldferry.machine import Architecture, Firmware

_FALLBACKS: dict[str, Architecture] = {"bootx64.efi": "x86_64", "bootaa64.efi": "arm64"}
_PE_MACHINES: dict[int, Architecture] = {0x8664: "x86_64", 0xAA64: "arm64"}
_MOST_VENDORS = 32


@dataclass(frozen=True)
class Bootable:
    """``vendor_only`` names a system partition that only the old firmware's entry finds."""

    firmwares: tuple[Firmware, ...] = ()
    architecture: Architecture | None = None
    vendor_only: str = ""


def bootable(disk: DiskFound, steps: Steps) -> Bootable:
    """What of the disk a BIOS and what a UEFI firmware would start."""
    found: list[Firmware] = ["bios"] if _for_bios(disk) else []
    architecture, vendor_only = None, ""
    for place in disk.places:
        if place.partition is None or not is_esp(place.partition):
            continue
        fallback, vendor = _loaders(place, steps)
        if fallback or vendor:
            found.append("uefi")
            architecture = fallback
            vendor_only = "" if fallback else place.name
            break
    return Bootable(tuple(found), architecture, vendor_only)


def is_esp(partition: partitions.Partition) -> bool:
    """It is an EFI system partition."""
    return partition.type in (partitions.ESP, partitions.MBR_ESP)


def pe_machine(head: bytes) -> Architecture | None:
    """What a PE program (a loader, a kernel) is made for."""
    if len(head) < 64 or head[:2] != b"MZ":
        return None
    at = struct.unpack("<I", head[60:64])[0]
    if head[at : at + 4] != b"PE\0\0" or at + 6 > len(head):
        return None
    return _PE_MACHINES.get(struct.unpack("<H", head[at + 4 : at + 6])[0])


def _for_bios(disk: DiskFound) -> bool:
    table = disk.table
    if not any(table.boot_code):
        return False
    if table.kind == "mbr":
        return any(one.active for one in table.partitions) or b"GRUB" in table.boot_code
    return any(
        one.type == partitions.BIOS_BOOT or one.attributes & partitions.LEGACY_BOOT
        for one in table.partitions
    )


def _loaders(place: Place, steps: Steps) -> tuple[Architecture | None, bool]:
    """What the fallback loader is made for, if there is one, and whether there are others."""
    if place.tree is None:
        return None, False
    with steps.step(place.name):
        files = Mounted(place.tree, {}, steps)
        folder = _child(files, "", "efi")
        fallback = None
        for path in _files(files, _child(files, folder, "boot")):
            name = path.rpartition("/")[2].lower()
            if name in _FALLBACKS and fallback is None:
                fallback = pe_machine(files.read(path, 4096) or b"") or _FALLBACKS[name]
        vendors = list(_files(files, folder))[:_MOST_VENDORS]
        others = any(
            path.lower().endswith(".efi") for vendor in vendors for path in _files(files, vendor)
        )
    return fallback, others


def _child(files: Tree, folder: str | None, wanted: str) -> str | None:
    """FAT keeps case and does not count it."""
    if folder is None:
        return None
    names = files.names(folder or "/")
    return next((f"{folder}/{name}" for name in names if name.lower() == wanted), None)


def _files(files: Tree, folder: str | None) -> Iterator[str]:
    if folder is not None:
        yield from (f"{folder}/{name}" for name in files.names(folder))
