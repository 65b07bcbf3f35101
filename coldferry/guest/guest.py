"""All that a check is given."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import cached_property

from coldferry.errors import Finding
from coldferry.guest.drivers import Kernel, kernel_of
from coldferry.guest.evidence import Evidence
from coldferry.guest.firmware import Bootable
from coldferry.guest.initramfs import Initramfs, read_initramfs
from coldferry.guest.kernels import Entry, boot_entries
from coldferry.guest.mounted import Mounted
from coldferry.guest.needs import GuestNeeds
from coldferry.guest.places import DiskFound, Place, Trouble
from coldferry.guest.registry import Registry
from coldferry.guest.steps import Steps
from coldferry.guest.systems.system import System
from coldferry.machine import Machine

Check = Callable[["Guest"], Iterator[Finding]]
"""A check reads, and yields what a person should know; it raises nothing but OSError."""


@dataclass
class Guest:
    """A machine's disks as they were found, with the question.

    ``needs`` is what the target asks of a guest, ``left`` what the source
    leaves in one. ``halted`` says that the disks were frozen after the halt.
    """

    disks: list[DiskFound]
    places: list[Place]
    system: System | None
    boots: Bootable
    evidence: Evidence
    machine: Machine
    needs: GuestNeeds
    left: GuestNeeds
    halted: bool
    root_disk: int | None
    steps: Steps
    troubles: list[Trouble] = field(default_factory=list)
    _images: dict[str, Initramfs] = field(default_factory=dict)
    _kernels: dict[str, Kernel] = field(default_factory=dict)

    @property
    def linux(self) -> Mounted | None:
        """The files of a Linux system; None when it is another one, or none was found."""
        return self.system.files if self.system and self.system.family == "linux" else None

    @property
    def registry(self) -> Registry | None:
        """Of a Windows system; None when it is another one, or none was found."""
        return self.system.registry if self.system else None

    @cached_property
    def entries(self) -> list[Entry]:
        """What a Linux guest's boot loaders start, the default first."""
        return boot_entries(self.linux) if self.linux else []

    def initramfs(self, path: str) -> Initramfs:
        """What one holds; read once. Its trouble is kept among the guest's."""
        assert self.linux is not None
        if path not in self._images:
            with self.steps.step(path):
                found = read_initramfs(self.linux, path, self.steps)
            if found.trouble:
                self.troubles.append(Trouble(path, found.trouble))
            self._images[path] = found
        return self._images[path]

    def kernel(self, path: str) -> Kernel:
        """A kernel and its drivers; read once."""
        assert self.linux is not None
        if path not in self._kernels:
            self._kernels[path] = kernel_of(self.linux, path)
        return self._kernels[path]

    def on_root_disk(self, place: Place) -> bool:
        """A part of it lies there."""
        return self.root_disk in place.disks
