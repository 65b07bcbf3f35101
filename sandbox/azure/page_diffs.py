"""What changed between two incremental snapshots of a disk: Azurite lists all pages instead.

Sources: "Get Page Ranges" of the Storage REST reference (``x-ms-previous-snapshot-url``: the SAS
address of an earlier snapshot of the same managed disk; a list of ``PageRange`` and ``ClearRange``
in the order of their pages; the codes of its refusals), "Create an incremental snapshot for managed
disks" (only between incremental snapshots of one disk). Azure may list what was written with the
same bytes, too: here it is left out.
"""

import xml.etree.ElementTree as ET
from collections.abc import Iterator
from itertools import pairwise
from urllib.parse import parse_qs, urlsplit

from sandbox.azure.blobs import BLOB, Blobs, Grant

HEADER = "x-ms-previous-snapshot-url"
PAGE_BYTES = 512

Refusal = tuple[int, str, str]
"""Status, code and message."""


def earlier(blobs: Blobs, address: str, later: Grant) -> Grant | Refusal:
    """The grant that the header's address bears, or why it cannot be compared with."""
    parts = urlsplit(address)
    query = parse_qs(parts.query)
    found = blobs.find_grant(query.get("si", [""])[0])
    there = found is not None and parts.path == f"/{blobs.account}/{found.container}/{BLOB}"
    if found is None or not there or found.expired or "sig" not in query:
        return 409, "PreviousSnapshotNotFound", "The previous snapshot is not found."
    if not later.family or found.family != later.family:
        message = "Differential Get Page Ranges is not supported on the previous snapshot."
        return 409, "PreviousSnapshotOperationNotSupported", message
    if found.made > later.made:
        message = "The prevsnapshot query parameter value cannot be newer than snapshot."
        return 400, "PreviousSnapshotCannotBeNewer", message
    return found


def listing(blobs: Blobs, before: Grant, after: Grant, first: int, stop: int) -> bytes:
    """All of the list for the bytes from ``first`` to ``stop``, as Azurite would answer one."""
    root = ET.Element("PageList")
    for start, end, cleared in _changes(blobs, before.container, after.container, first, stop):
        row = ET.SubElement(root, "ClearRange" if cleared else "PageRange")
        ET.SubElement(row, "Start").text = str(start)
        ET.SubElement(row, "End").text = str(end - 1)
    written: bytes = ET.tostring(root)
    return written


def _changes(
    blobs: Blobs, before: str, after: str, first: int, stop: int
) -> Iterator[tuple[int, int, bool]]:
    """``(start, end, cleared)`` of pages that differ, in order, runs of one kind as one."""
    held, holds = (
        blobs.ranges(before, first, stop - first),
        blobs.ranges(after, first, stop - first),
    )
    edges = sorted({edge for span in (*held, *holds) for edge in span})
    run: tuple[int, int, bool] | None = None
    for start, end in pairwise(edges):
        was, now = _inside(start, held), _inside(start, holds)
        for at, to in _differing(blobs, before, after, start, end) if was or now else ():
            if run is not None and run[1:] == (at, not now):
                run = (run[0], to, not now)
                continue
            if run is not None:
                yield run
            run = (at, to, not now)
    if run is not None:
        yield run


def _differing(
    blobs: Blobs, before: str, after: str, start: int, end: int
) -> Iterator[tuple[int, int]]:
    old, new = blobs.read(before, start, end - start), blobs.read(after, start, end - start)
    for at in range(0, end - start, PAGE_BYTES):
        if old[at : at + PAGE_BYTES] != new[at : at + PAGE_BYTES]:
            yield start + at, start + at + PAGE_BYTES


def _inside(at: int, spans: list[tuple[int, int]]) -> bool:
    return any(start <= at < end for start, end in spans)
