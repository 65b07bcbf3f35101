"""What was found on a machine's disks: a document that the child writes and the parent checks."""

from typing import Literal

from pydantic import BaseModel, ConfigDict

from coldferry.errors import Finding
from coldferry.machine import Architecture, Firmware


class Clue(BaseModel):
    """A frozen piece of evidence; unknown keys are refused."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Mount(Clue):
    """A line of the guest's own list of mounts, as it is written there."""

    source: str
    path: str
    kind: str
    options: tuple[str, ...] = ()


class Volume(Clue):
    """A stretch of a disk with a content of its own.

    ``name`` says where it is (``disk0p1``, ``disk0``, ``vg0/root``), ``kind``
    what is on it: ``ext4``, ``vfat``, ``swap``, ``lvm``, ``luks``,
    ``bitlocker``, ``unknown`` …
    """

    name: str
    kind: str
    uuid: str = ""
    label: str = ""
    size_bytes: int = 0


class Evidence(Clue):
    """What the disks say; None or empty where they say nothing."""

    firmwares: tuple[Firmware, ...] = ()
    """Every kind of firmware that finds something to boot on the root disk."""
    partition_table: Literal["gpt", "mbr"] | None = None
    """Of the root disk."""
    architecture: Architecture | None = None
    os_family: Literal["linux", "windows"] | None = None
    os_name: str = ""
    """As the guest calls itself: ``Debian GNU/Linux 12 (bookworm)``."""
    hostname: str = ""
    volumes: tuple[Volume, ...] = ()
    mounts: tuple[Mount, ...] = ()

    @property
    def firmware(self) -> Firmware | None:
        """The only firmware that the root disk boots with; None when it is none or both."""
        return self.firmwares[0] if len(self.firmwares) == 1 else None


class Inspection(Clue):
    """What a look at a machine's disks came to."""

    evidence: Evidence
    findings: tuple[Finding, ...] = ()
