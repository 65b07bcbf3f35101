"""What was found on a machine's disks: a document that the child writes and the parent checks."""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator

from coldferry.contents import DiskContent
from coldferry.errors import Finding
from coldferry.machine import Architecture, Firmware

CODES = frozenset({
    "no-storage-driver", "no-network-driver", "fstab-device-name", "fstab-no-nofail",
    "network-pinned-to-mac", "network-static-address", "datasource-pinned", "no-serial-console",
    "source-agent", "no-target-agent", "swap-on-root-disk", "temporary-disk-mount",
    "encrypted-volume", "bitlocker", "firmware-mismatch", "no-bootloader", "boot-device-name",
    "unclean-filesystem", "network-filesystem-mounted", "windows-boot-driver-missing",
    "windows-boot-driver-late", "windows-page-file", "windows-licence", "windows-hibernated",
    "unreadable-filesystem", "no-partition-table", "not-inspected",
})  # fmt: skip
"""Every finding that a look at a guest can come to; ``docs/inspection.md`` explains each."""

MOST_FINDINGS = 100
MOST_VOLUMES = 200
MOST_MOUNTS = 256
_WORD_CHARACTERS = 4096

Word = Annotated[str, Field(max_length=_WORD_CHARACTERS)]


class Clue(BaseModel):
    """A frozen piece of evidence; unknown keys are refused."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Mount(Clue):
    """A line of the guest's own list of mounts, as it is written there."""

    source: Word
    path: Word
    kind: Word
    options: tuple[Word, ...] = ()


class Volume(Clue):
    """A stretch of a disk with a content of its own.

    ``name`` says where it is (``disk0p1``, ``disk0``, ``vg0/root``), ``kind``
    what is on it: ``ext4``, ``vfat``, ``swap``, ``lvm``, ``luks``,
    ``bitlocker``, ``unknown`` …
    """

    name: Word
    kind: Word
    uuid: Word = ""
    label: Word = ""
    part_uuid: Word = ""
    size_bytes: int = 0


class Evidence(Clue):
    """What the disks say; None or empty where they say nothing."""

    firmwares: tuple[Firmware, ...] = ()
    """Every kind of firmware that finds something to boot on the root disk."""
    partition_table: Literal["gpt", "mbr"] | None = None
    """Of the root disk."""
    architecture: Architecture | None = None
    os_family: Literal["linux", "windows"] | None = None
    os_name: Word = ""
    """As the guest calls itself: ``Debian GNU/Linux 12 (bookworm)``."""
    hostname: Word = ""
    volumes: tuple[Volume, ...] = Field(default=(), max_length=MOST_VOLUMES)
    mounts: tuple[Mount, ...] = Field(default=(), max_length=MOST_MOUNTS)

    @property
    def firmware(self) -> Firmware | None:
        """The only firmware that the root disk boots with; None when it is none or both."""
        return self.firmwares[0] if len(self.firmwares) == 1 else None


NO_EVIDENCE = Evidence()
"""Of disks that nobody looked at."""


class Inspection(Clue):
    """What a look at a machine's disks came to."""

    evidence: Evidence = NO_EVIDENCE
    contents: tuple[DiskContent, ...] = ()
    """What is allocated of each device then; the looking process says it, never what it reads."""
    fetched_bytes: int = 0
    """What the look fetched from the provider."""
    findings: tuple[Finding, ...] = Field(default=(), max_length=MOST_FINDINGS + 1)

    @field_validator("findings")
    @classmethod
    def _honest(cls, findings: tuple[Finding, ...]) -> tuple[Finding, ...]:
        """The child read hostile bytes: it may inform and warn, in words of bounded length."""
        for finding in findings:
            words = (finding.subject, finding.what, finding.do)
            if finding.severity not in ("warn", "inform") or finding.code not in CODES:
                raise ValueError("a finding of a kind that no check makes")
            if any(len(word) > _WORD_CHARACTERS for word in words):
                raise ValueError("a finding of too many words")
        return findings
