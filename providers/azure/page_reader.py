"""Reading a page blob as a disk: what is allocated in windows, and any range of it.

Pages of the Blob service REST API: "Get Page Ranges", "Get Blob".
"""

from collections.abc import Iterator

from coldferry.disk import Extent, Limits
from coldferry.errors import Conflict, ProviderError
from providers.azure.pages import IN_FLIGHT, PAGE_BYTES, REQUEST_BYTES, PageBlob

LIMITS = Limits(
    block_size_bytes=PAGE_BYTES, max_request_bytes=REQUEST_BYTES, max_in_flight=IN_FLIGHT
)


class PageReader:
    """A :class:`coldferry.disk.DiskReader` over the first ``size_bytes`` of a blob."""

    limits = LIMITS

    def __init__(self, blob: PageBlob, size_bytes: int) -> None:
        self.blob = blob
        self.size_bytes = size_bytes

    def extents(self, offset: int, length: int) -> Iterator[Extent]:
        """Pages that were never put read as zeros. Raises ProviderError for a list out of order."""
        return extents_of(self.blob, offset, min(offset + length, self.size_bytes))

    def read_into(self, offset: int, view: memoryview) -> None:
        """Fill ``view``, exactly. Raises Conflict beyond the disk's end."""
        if offset < 0 or offset + len(view) > self.size_bytes:
            raise Conflict(
                f"{len(view)} bytes at {offset} are not all on {self.blob.place.subject}."
            )
        self.fill(offset, view)

    def fill(self, offset: int, view: memoryview) -> None:
        """Fill ``view`` from the blob, in requests as large as it takes."""
        for start in range(0, len(view), REQUEST_BYTES):
            self.blob.get(offset + start, view[start : start + REQUEST_BYTES])


def extents_of(blob: PageBlob, offset: int, end: int, since: str | None = None) -> Iterator[Extent]:
    """What is allocated from ``offset`` to ``end``, or changed ``since`` an earlier snapshot.

    Raises ProviderError for a list out of order: nothing says that it would be another next time.
    """
    if offset >= end:
        return
    first = offset // PAGE_BYTES * PAGE_BYTES
    at = offset
    seen = first
    for start, stop in blob.ranges(first, -(-(end - first) // PAGE_BYTES) * PAGE_BYTES, since):
        if not seen <= start < stop:
            raise ProviderError(
                f"The list of pages of {blob.place.subject} is out of order, which is not what "
                "Azure documents.",
                "Look at what answers for the blob.",
            )
        seen = stop
        begin, until = max(start, at), min(stop, end)
        if begin >= until:
            continue
        if begin > at:
            yield Extent(at, begin - at, data=False)
        yield Extent(begin, until - begin)
        at = until
    if at < end:
        yield Extent(at, end - at, data=False)
