"""What was written to a disk between two of its snapshots: the page ranges that differ.

Pages: "Get Page Ranges" (``x-ms-previous-snapshot-url``: the address of an earlier snapshot of the
same managed disk; what was written and what was cleared is listed), "Create an incremental snapshot
for managed disks" (between incremental snapshots of one disk, and not across the resizing of a disk
beyond 4 TiB).

No answer says that it is one of differences, and there are services that list all pages instead
(Azurite). What was cleared since is missing there, would be taken for the same, and no read-back
would show it: the manifest would have what was there before. So one more question is asked, with
an address where there is no snapshot: whoever compares refuses it ("PreviousSnapshotNotFound").
"""

from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import urlsplit, urlunsplit

from coldferry.disk import Extent
from coldferry.errors import ProviderError, Transient
from coldferry.migration import MIGRATION_TAG
from coldferry.ports import FrozenDisk
from providers.azure.client import Arm
from providers.azure.frozen_bytes import Granted, SharedPlace
from providers.azure.ids import last, properties, tag
from providers.azure.kinds import SNAPSHOT
from providers.azure.page_reader import extents_of
from providers.azure.pages import PAGE_BYTES, PageBlob


class ChangedPages:
    """A :class:`coldferry.disk.Changes`; ``blob`` is the later snapshot, ``since`` an address."""

    def __init__(self, blob: PageBlob, since: str, size_bytes: int) -> None:
        self.size_bytes = size_bytes
        self._blob = blob
        self._since = since

    def extents(self, offset: int, length: int) -> Iterator[Extent]:
        """Raises ProviderError for a list out of order."""
        end = min(offset + length, self.size_bytes)
        return extents_of(self._blob, offset, end, self._since)

    def ask(self) -> None:
        """Ask about the first page, to learn whether Azure compares the two."""
        for _ in self.extents(0, PAGE_BYTES):
            pass


@contextmanager
def open_changes(
    arm: Arm, granted: Granted, before: FrozenDisk, after: FrozenDisk
) -> Iterator[ChangedPages | None]:
    """See ``coldferry.abilities.Differing``."""
    blob = PageBlob(SharedPlace(arm, granted, last(after.ref)))
    try:
        yield _answered(arm, blob, granted, before, after)
    finally:
        blob.close()


def _answered(
    arm: Arm, blob: PageBlob, granted: Granted, before: FrozenDisk, after: FrozenDisk
) -> ChangedPages | None:
    try:
        return _compared(arm, blob, granted, before, after)
    except Transient:
        raise
    except ProviderError:
        return None


def _compared(
    arm: Arm, blob: PageBlob, granted: Granted, before: FrozenDisk, after: FrozenDisk
) -> ChangedPages | None:
    name, size_bytes = last(before.ref), after.device.disk.size_bytes
    snapshot = arm.get(SNAPSHOT, name)
    ours = tag(snapshot, MIGRATION_TAG) == before.migration
    if not ours or properties(snapshot).get("diskSizeBytes") != size_bytes:
        return None
    address = granted.address(name, "")
    found = ChangedPages(blob, address, size_bytes)
    try:
        found.ask()
    except Transient:
        raise
    except ProviderError:  # the address that the first copy read from may have ended meanwhile
        found = ChangedPages(blob, granted.address(name, address), size_bytes)
        found.ask()
    return found if blob.compares(_nowhere(address)) else None


def _nowhere(address: str) -> str:
    """An address beside a snapshot's, without its signature."""
    parts = urlsplit(address)
    return urlunsplit((parts.scheme, parts.netloc, f"{parts.path}-nowhere", "", ""))
