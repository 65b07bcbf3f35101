"""What this target offers: kinds of virtual hardware, and every name that is free."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from pydantic import Field

from coldferry.machine import Machine
from coldferry.offered import Row, origin_mark
from coldferry.rules import Question

HARDWARE = "vmx-13"
"""The hardware family in every envelope: ESXi 6.5, the first that reads SHA-256 manifests."""

MAX_DISK_BYTES = 62 << 40
MAX_NICS = 10
MAX_CONTROLLERS = 4


@dataclass(frozen=True)
class Profile:
    """One kind of virtual hardware: what disks hang on, and what interfaces are.

    ``controller`` is the ResourceType of DSP0243's table and CIM's (6 SCSI, 20 other storage),
    ``places`` the units that one has for disks. ``needs`` are the drivers that a guest must
    have, in words.
    """

    name: str
    controller: int
    disks: str
    places: tuple[int, ...]
    nics: str
    needs: str

    @property
    def most_disks(self) -> int:
        """On all of its controllers."""
        return MAX_CONTROLLERS * len(self.places)

    def place(self, number: int) -> tuple[int, int]:
        """Controller and unit of the disk ``number``, counted from 0."""
        controller, at = divmod(number, len(self.places))
        return controller, self.places[at]

    def device(self, number: int) -> str:
        """``scsi0:1``, as VMware counts them."""
        controller, unit = self.place(number)
        return f"{'scsi' if self.controller == 6 else 'sata'}{controller}:{unit}"


_SCSI_UNITS = tuple(unit for unit in range(16) if unit != 7)  # 7 is the controller itself

PROFILES: Mapping[str, Profile] = {
    profile.name: profile
    for profile in (
        Profile(
            "paravirtual", 6, "VirtualSCSI", _SCSI_UNITS, "VmxNet3",
            "paravirtual SCSI and VMXNET3: the guest needs vmw_pvscsi and vmxnet3, as Linux "
            "has, or VMware Tools",
        ),
        Profile(
            "lsi-sas", 6, "lsilogicsas", _SCSI_UNITS, "E1000e",
            "LSI Logic SAS and E1000E: Windows Server has both drivers, Linux mptsas and e1000e",
        ),
        Profile(
            "sata", 20, "vmware.sata.ahci", tuple(range(30)), "E1000e",
            "SATA and E1000E: the guest needs ahci and e1000e, as nearly all have but kernels "
            "that are made for one cloud",
        ),
    )
}  # fmt: skip

MOST_DISKS = max(profile.most_disks for profile in PROFILES.values())


class Catalogue(Row):
    """A folder: ``taken`` has the names of its packages, each with what it was made for."""

    folder: str
    taken: dict[str, str] = Field(default_factory=dict)

    def is_taken(self, name: str, machine: Machine) -> bool:
        """A package bears the name, whatever its case, and was not made for this machine."""
        owner = self.taken.get(name.lower())
        return owner is not None and owner != origin_mark(machine)


Q = Question[Catalogue]
"""What a rule of this target is asked."""


def name_of(path: Path) -> str:
    """What a package's name is, as :attr:`Catalogue.taken` has it."""
    return path.name.lower().removesuffix(".ova").removesuffix(".ovf")
