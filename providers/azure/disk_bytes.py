"""A managed disk's page blob, behind a SAS that Azure Resource Manager gives out.

Pages: "Disks - Grant Access". A second grant does not end the first, so a SAS
that ended mid-disk is renewed without a revoke, which would seal an upload.
"""

import ssl

from providers.azure.client import Arm
from providers.azure.kinds import DISK, Kind
from providers.azure.pages import PageBlob


class _GrantedPlace:
    """Where a disk's bytes are, asked of ARM each time."""

    denied = ""

    def __init__(self, arm: Arm, name: str, level: str, kind: Kind) -> None:
        self._arm = arm
        self._kind = kind
        self._name = name
        self._level = level
        self.subject = f"{kind.word} '{name}'"
        self.action = f"{kind.arm_type}/beginGetAccess/action"

    @property
    def trust(self) -> ssl.SSLContext | None:
        return self._arm.trust

    def url(self) -> str:
        return self._arm.grant(self._kind, self._name, self._level)

    def renewable(self) -> bool:
        return True


def disk_bytes(arm: Arm, name: str, level: str, kind: Kind = DISK) -> PageBlob:
    """One disk's bytes; ``level`` is ``Read`` or ``Write``. Asks for access when first used."""
    return PageBlob(_GrantedPlace(arm, name, level, kind))
