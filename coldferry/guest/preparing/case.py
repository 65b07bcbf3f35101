"""What a remedy is made from, and what it is made of."""

import re
from collections.abc import Callable
from dataclasses import dataclass

from coldferry.errors import Finding
from coldferry.guest.evidence import Inspection, Mount
from coldferry.guest.needs import GuestNeeds
from coldferry.machine import Machine

LINUX_KINDS = frozenset({"ext2", "ext3", "ext4", "xfs", "btrfs"})
_DISK = re.compile(r"(/dev/(?:sd|xvd|vd|hd)[a-z]{1,3})(\d*)|(/dev/nvme\d+n\d+)(?:p(\d+))?")


@dataclass(frozen=True)
class Case:
    """One finding, its machine and what is known of its guest.

    ``needs`` is the target's, ``left`` the source's; ``install_agents`` allows a download.
    """

    finding: Finding
    machine: Machine
    inspection: Inspection
    needs: GuestNeeds
    left: GuestNeeds
    install_agents: bool = False

    def mounts(self, path: str) -> list[Mount]:
        """The lines of fstab for that path: one, but for ``none`` and ``swap``."""
        return [mount for mount in self.inspection.evidence.mounts if mount.path == path]

    def root_uuid(self) -> str:
        """The UUID of the root file system; empty unless the disks leave no doubt."""
        for root in self.mounts("/"):
            if root.source.startswith("UUID="):
                return root.source.removeprefix("UUID=").strip("\"'")
        disk = next((i for i, disk in enumerate(self.machine.disks) if disk.root), None)
        there = [
            volume.uuid
            for volume in self.inspection.evidence.volumes
            if volume.kind in LINUX_KINDS and re.fullmatch(rf"disk{disk}(?:p\d+)?", volume.name)
        ]
        return there[0] if len(there) == 1 else ""

    def uuid_of(self, mount: Mount) -> str:
        """The UUID of what is mounted; empty where only the running guest can tell.

        A kernel's name is taken only where the source's own description gives
        the disk that very name: a wrong UUID is worse than none.
        """
        if mount.path == "/":
            return self.root_uuid()
        named = _DISK.fullmatch(mount.source)
        if named is None:
            return ""
        device, part = named[1] or named[3], named[2] or named[4]
        for number, disk in enumerate(self.machine.disks):
            if disk.device == device:
                wanted = f"disk{number}p{part}" if part else f"disk{number}"
                return next(
                    (v.uuid for v in self.inspection.evidence.volumes if v.name == wanted), ""
                )
        return ""


@dataclass(frozen=True)
class Step:
    """A call of one function of ``piece``, a file beside this one, with words to be quoted.

    ``only_if`` says what must hold in the running guest for the step to mend anything.
    """

    piece: str
    function: str
    words: tuple[str, ...] = ()
    only_if: str = ""


@dataclass(frozen=True)
class Remedy:
    """What is done about one finding: steps, or the reason why a person has to."""

    finding: Finding
    steps: tuple[Step, ...] = ()
    why_not: str = ""

    @property
    def only_if(self) -> str:
        """What must hold in the running guest for it to be mended; empty when nothing must."""
        return next((step.only_if for step in self.steps if step.only_if), "")


Mend = Callable[[Case], tuple[Step, ...] | str]
"""The steps for one finding; or a sentence that says why a person has to."""
