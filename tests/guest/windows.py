r"""A Windows system as far as an inspection looks at one: hives, drivers, and where it boots.

It is written by these tests and by nobody else: no file of Microsoft's is in it,
and nothing ever started it. Each plant spoils one thing of a healthy one.
"""

import os
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from tests.guest.hives import Value, hive
from tests.guest.ntfs import MIB, ntfs
from tests.guest.packages import run

SYSTEM, SOFTWARE = "/Windows/System32/config/SYSTEM", "/Windows/System32/config/SOFTWARE"
SET = "ControlSet002"
SERVICES = rf"{SET}\Services"
MEMORY = rf"{SET}\Control\Session Manager\Memory Management"
VERSION = r"Microsoft\Windows NT\CurrentVersion"
DRIVERS = ("vmbus", "storvsc", "stornvme")
DATA_PARTITION = uuid.UUID("5f0e7d7c-1a4b-4c7e-9d53-2b6f2a9c8e10")
"""Of the data volume on the second disk."""

Keys = dict[str, dict[str, Value]]


@dataclass
class Windows:
    """What is on its system drive: the keys of two hives, and all other files."""

    system: Keys = field(default_factory=dict)
    software: Keys = field(default_factory=dict)
    files: dict[str, bytes] = field(default_factory=dict)
    dirty: bool = False

    def content(self) -> dict[str, bytes]:
        """All files; a plant's own hive stays."""
        return {
            SYSTEM: hive(self.system),
            SOFTWARE: hive(self.software, "SOFTWARE"),
        } | self.files


def healthy() -> Windows:
    """A server that starts at both clouds."""
    system: Keys = {
        "Select": {"Current": 2, "Default": 2, "Failed": 0, "LastKnownGood": 1},
        r"ControlSet001\Services\vmbus": {"Start": 3},
        rf"{SERVICES}\Tcpip\Parameters": {"Hostname": "win-01", "Domain": ""},
        rf"{SET}\Control\ComputerName\ComputerName": {"ComputerName": "WIN-01"},
        rf"{SET}\Control\Session Manager\Environment": {"PROCESSOR_ARCHITECTURE": "AMD64"},
        rf"{SET}\Control\Power": {"HibernateEnabled": 1},
        rf"{SET}\Control\Session Manager\Power": {"HiberbootEnabled": 1},
        MEMORY: {"PagingFiles": ["?:\\pagefile.sys"]},
        "MountedDevices": {
            "\\DosDevices\\C:": b"DMIO:ID:" + bytes(16),
            "\\DosDevices\\E:": b"DMIO:ID:" + DATA_PARTITION.bytes_le,
        },
    }
    for name in DRIVERS:
        system[rf"{SERVICES}\{name}"] = {
            "Start": 0, "Type": 1, "ImagePath": rf"System32\drivers\{name}.sys",
        }  # fmt: skip
    software: Keys = {
        VERSION: {
            "ProductName": "Windows Server 2022 Datacenter",
            "CurrentBuild": "20348",
            "SystemRoot": "C:\\Windows",
        }
    }
    drivers = {f"/Windows/System32/drivers/{name}.sys": b"MZ" for name in DRIVERS}
    return Windows(system, software, drivers)


Plant = Callable[[Windows], None]
PLANTS: dict[str, Plant] = {}
"""By the finding that it gives, and which of its causes it is."""


def plant(name: str) -> Callable[[Plant], Plant]:
    """Keep a plant under its name."""

    def known(spoil: Plant) -> Plant:
        PLANTS[name] = spoil
        return spoil

    return known


@plant("windows-boot-driver-missing/service")
def _no_service(guest: Windows) -> None:
    del guest.system[rf"{SERVICES}\storvsc"]


@plant("windows-boot-driver-missing/file")
def _no_file(guest: Windows) -> None:
    del guest.files["/Windows/System32/drivers/storvsc.sys"]


@plant("windows-boot-driver-late/start")
def _on_demand(guest: Windows) -> None:
    guest.system[rf"{SERVICES}\storvsc"]["Start"] = 3


@plant("windows-boot-driver-late/override")
def _overridden(guest: Windows) -> None:
    guest.system[rf"{SERVICES}\storvsc\StartOverride"] = {"0": 3}


@plant("windows-page-file/temporary-disk")
def _paging_to_nowhere(guest: Windows) -> None:
    guest.system[MEMORY] = {"PagingFiles": ["D:\\pagefile.sys 0 0"]}


@plant("windows-page-file/other-disk")
def _paging_elsewhere(guest: Windows) -> None:
    guest.system[MEMORY] = {
        "PagingFiles": ["c:\\pagefile.sys 16 16", "e:\\pagefile.sys 1024 4096"]
    }  # fmt: skip


@plant("windows-hibernated/hibernated")
def _hibernated(guest: Windows) -> None:
    guest.files["/hiberfil.sys"] = b"hibr" + bytes(8192)


@plant("windows-hibernated/fast-startup")
def _fast(guest: Windows) -> None:
    guest.files["/hiberfil.sys"] = bytes(8192)


@plant("source-agent/service")
def _agent(guest: Windows) -> None:
    guest.system[rf"{SERVICES}\AmazonSSMAgent"] = {"Start": 2}


@plant("unclean-filesystem/dirty")
def _dirty(guest: Windows) -> None:
    guest.dirty = True


def system_drive(image: Path, guest: Windows) -> Path:
    """Its file system."""
    return ntfs(image, guest.content(), label="Windows", dirty=guest.dirty)


def esp(image: Path) -> Path:
    """The partition that UEFI firmware starts it from."""
    image.touch()
    os.truncate(image, 34 * MIB)
    run("mkfs.vfat", "-F", "32", "-s", "1", image)
    run("mmd", "-i", image, "::/EFI", "::/EFI/Boot", "::/EFI/Microsoft")
    run("mcopy", "-i", image, "-", "::/EFI/Boot/bootx64.efi", feed=b"MZ" + bytes(62))
    return image
