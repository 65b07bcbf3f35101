"""What a guest is made of, before it is a disk: files, drivers, partitions, boot code."""

import hashlib
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

Firmware = Literal["bios", "uefi", "both"]
Compression = Literal["zstd", "gzip", "xz", "lz4"]

EPOCH_S = 1_700_000_000
"""The moment at which everything in an image was made."""

_NAMES = uuid.UUID("c01dfe44-0000-5000-8000-67756573740a")


@dataclass(frozen=True)
class Link:
    """A symbolic link."""

    to: str


@dataclass(frozen=True)
class Partition:
    """One more partition behind the root file system; ``content`` starts at its first byte.

    It may be in a file.
    """

    label: str
    gpt_type: str
    mbr_type: int
    size_mib: int
    content: bytes | Path = b""


@dataclass
class Recipe:
    """A guest as a plant may change it; paths are absolute."""

    name: str
    firmware: Firmware
    kernel: str
    table: Literal["gpt", "dos"] = "gpt"
    compression: Compression = "zstd"
    microcode: bool = False
    has_initramfs: bool = True
    """Its boot loader hands the kernel one."""
    files: dict[str, str | bytes | Path | Link] = field(default_factory=dict)
    folders: set[str] = field(default_factory=set)
    """Beside those that files are in."""
    executable: set[str] = field(default_factory=set)
    fstab: list[str] = field(default_factory=list)
    root_argument: str = ""
    command_line: str = ""
    early_drivers: set[str] = field(default_factory=set)
    """In the initramfs, with what they depend on."""
    drivers: set[str] = field(default_factory=set)
    """In /usr/lib/modules, with what they depend on."""
    not_built_in: set[str] = field(default_factory=set)
    """Taken out of modules.builtin: the kernel's list, not the kernel."""
    packages: list[tuple[str, str]] = field(default_factory=list)
    """Name and version of what dpkg says is installed."""
    root_mib: int = 88
    boot_code: bool = True
    efi_loaders: tuple[str, ...] = ("EFI/BOOT/BOOTX64.EFI", "EFI/debian/grubx64.efi")
    partitions: list[Partition] = field(default_factory=list)
    root_pokes: list[Callable[[Path], None]] = field(default_factory=list)
    """What is done to the image of the root file system, last."""
    disk_pokes: list[Callable[[Path], None]] = field(default_factory=list)
    """What is done to the whole image, last."""

    def uuid(self, what: str) -> str:
        """The UUID of one part; follows from the guest's name alone."""
        return str(uuid.uuid5(_NAMES, f"{self.name}/{what}"))

    @property
    def bios(self) -> bool:
        """It is made to be started by a BIOS."""
        return self.firmware in {"bios", "both"}

    @property
    def uefi(self) -> bool:
        """It is made to be started by UEFI."""
        return self.firmware in {"uefi", "both"}

    @property
    def efi_serial(self) -> str:
        """The FAT volume id of the EFI system partition, eight hex digits."""
        return self.uuid("esp")[:8].upper()

    def noise(self, what: str, length: int) -> bytes:
        """Bytes that no compression makes smaller, and that follow from the guest's name."""
        return hashlib.shake_256(f"{self.name}/{what}".encode()).digest(length)
