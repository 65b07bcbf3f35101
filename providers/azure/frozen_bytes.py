"""Reading frozen disks: one SAS a snapshot, page ranges, the VHD's footer hidden.

Pages: "Snapshots - Grant Access", "Get Page Ranges", "Get Blob", "Download a Linux VHD from
Azure" (what is given out is a fixed VHD: the disk's bytes and a footer of 512), "Create an
incremental snapshot for managed disks" (no more than five snapshots of a disk at once).
"""

import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from coldferry.errors import Conflict, Drifted, ProviderError
from coldferry.migration import MIGRATION_TAG
from coldferry.ports import FrozenDisk
from providers.azure import vhd
from providers.azure.client import Arm
from providers.azure.ids import last, properties, tag
from providers.azure.kinds import SNAPSHOT
from providers.azure.page_reader import PageReader
from providers.azure.pages import PageBlob


class Granted:
    """The addresses that were given out, a snapshot's for all its readers; kept in memory only."""

    def __init__(self, arm: Arm) -> None:
        self._arm = arm
        self._lock = threading.Lock()
        self._asking: dict[str, threading.Lock] = {}
        self._addresses: dict[str, str] = {}

    def address(self, name: str, refused: str) -> str:
        """The snapshot's address; a new one when the one in use is the one that was ``refused``."""
        with self._lock:
            asking = self._asking.setdefault(name, threading.Lock())
        with asking:
            known = self._addresses.get(name, "")
            if not known or known == refused:
                known = self._arm.grant(SNAPSHOT, name, "Read")
                self._addresses[name] = known
            return known


class SharedPlace:
    """Where a snapshot's bytes are."""

    denied = ""
    action = f"{SNAPSHOT.arm_type}/beginGetAccess/action"

    def __init__(self, arm: Arm, granted: Granted, name: str) -> None:
        self._arm = arm
        self._granted = granted
        self._name = name
        self._had = ""
        self.subject = f"{SNAPSHOT.word} '{name}'"

    @property
    def trust(self) -> ssl.SSLContext | None:
        return self._arm.trust

    def url(self) -> str:
        self._had = self._granted.address(self._name, self._had)
        return self._had

    def renewable(self) -> bool:
        return True


class FrozenReader(PageReader):
    """A snapshot of a disk; see ``coldferry.ports.DiskReader`` and ``CountingReader``."""

    @property
    def fetched_bytes(self) -> int:
        """Bodies of all ranges that came."""
        return self.blob.got_bytes


@contextmanager
def open_frozen(arm: Arm, granted: Granted, frozen: FrozenDisk) -> Iterator[FrozenReader]:
    """Connections of its own, closed at the end; the access lasts until the release.

    Raises Drifted when the disk's size changed, Conflict for a snapshot of another migration.
    """
    name = last(frozen.ref)
    snapshot = arm.get(SNAPSHOT, name)
    if tag(snapshot, MIGRATION_TAG) != frozen.migration:
        raise Conflict(f"Snapshot '{name}' is not one of migration {frozen.migration}.")
    size_bytes = int(properties(snapshot).get("diskSizeBytes") or 0)
    planned = frozen.device.disk.size_bytes
    if size_bytes != planned:
        raise Drifted(
            f"Disk '{last(frozen.device.disk.id)}' holds {size_bytes} bytes in '{name}', "
            f"{planned} in the plan.",
            "Roll the migration back and plan it anew.",
            resumable=False,
        )
    blob = PageBlob(SharedPlace(arm, granted, name))
    try:
        _check_length(blob, size_bytes)
        yield FrozenReader(blob, size_bytes)
    finally:
        blob.close()


def _check_length(blob: PageBlob, size_bytes: int) -> None:
    """What is given out has to be the disk and a footer: else no offset in it is sure."""
    length = blob.head().get("content-length", "")
    if length != str(size_bytes + vhd.FOOTER_BYTES):
        raise ProviderError(
            f"Azure gives out {length or 'no'} bytes of {blob.place.subject}, whose disk has "
            f"{size_bytes}: that is no fixed VHD of it.",
            "Report it: its disk may be of a kind that is exported in another format.",
        )
