"""Reading back what was uploaded: an independent look at the target's own copy.

Pages: "Get Page Ranges", "Get Blob" (206 and Content-Range for a range),
"Download a Linux VHD from Azure" (read access ends with endGetAccess).
"""

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any

from coldferry.errors import BadInput, ColdferryError, Conflict, CorruptCopy, Transient
from coldferry.plan import Plan
from coldferry.ports import Extent
from providers.azure import disks, vhd
from providers.azure.client import Arm
from providers.azure.disk_bytes import REQUEST_BYTES, DiskBytes
from providers.azure.ids import last
from providers.azure.kinds import DISK

if TYPE_CHECKING:
    from azure.storage.blob import BlobClient


class PageReader:
    """The disk as the description knows it: padding and footer are hidden."""

    limits = disks.LIMITS

    def __init__(self, arm: Arm, name: str, size_bytes: int) -> None:
        self.size_bytes = size_bytes
        self._name = name
        self._bytes = DiskBytes(arm, name, "Read")

    def extents(self, offset: int, length: int) -> Iterator[Extent]:
        """What is allocated in the window; pages that were never put read as zeros."""
        end = min(offset + length, self.size_bytes)
        at = offset
        for start, stop in self._ranges(offset, end):
            if stop <= at or start >= end:
                continue
            first = max(start, at)
            if first > at:
                yield Extent(at, first - at, data=False)
            at = min(stop, end)
            yield Extent(first, at - first)
        if at < end:
            yield Extent(at, end - at, data=False)

    def read_into(self, offset: int, view: memoryview) -> None:
        """Fill ``view``, exactly."""
        if offset < 0 or offset + len(view) > self.size_bytes:
            raise Conflict(f"{len(view)} bytes at {offset} are not all on disk '{self._name}'.")
        self._fill(offset, view)

    def check_padding(self) -> None:
        """Raises CorruptCopy unless everything between the disk's end and the footer is zero."""
        length = vhd.padded_bytes(self.size_bytes) - self.size_bytes
        padding = bytearray(length)
        self._fill(self.size_bytes, memoryview(padding))
        if any(padding):
            raise CorruptCopy(
                f"Disk '{self._name}' is not zero behind byte {self.size_bytes}, where the "
                "source's disk ends.",
                "Run the same command again: the disk was discarded and is copied anew.",
            )

    def close(self) -> None:
        """Close connections."""
        self._bytes.close()

    def _ranges(self, offset: int, end: int) -> list[tuple[int, int]]:
        """``(start, stop)`` of what is allocated, in order, without overlap."""
        first = offset // 512 * 512
        length = -(-(end - first) // 512) * 512
        if length <= 0:
            return []

        def ask(blob: "BlobClient") -> list[tuple[int, int]]:
            found = blob.list_page_ranges(offset=first, length=length)
            # The service's ends are inclusive.
            return [(int(r.start or 0), int(r.end or 0) + 1) for r in found if not r.cleared]

        return sorted(self._bytes.call("list the pages of", ask))

    def _fill(self, offset: int, view: memoryview) -> None:
        for start in range(0, len(view), REQUEST_BYTES):
            piece = view[start : start + REQUEST_BYTES]
            self._get(offset + start, piece)

    def _get(self, offset: int, piece: memoryview) -> None:
        length = len(piece)
        wanted = f"bytes {offset}-{offset + length - 1}/"

        def check(response: Any) -> None:
            reply = response.http_response
            headers = reply.headers
            if reply.status_code != 206:
                return  # an error status, which the SDK raises itself
            if not headers.get("Content-Range", "").startswith(wanted):
                raise Transient(f"The reply on disk '{self._name}' holds another range.")
            if headers.get("Content-Length") != str(length):
                raise Transient(f"The reply on disk '{self._name}' has another length.")

        def get(blob: "BlobClient") -> bytes:
            stream = blob.download_blob(
                offset=offset, length=length, max_concurrency=1, raw_response_hook=check
            )
            content = stream.readall()
            if len(content) != length:
                raise Transient(f"The reply on disk '{self._name}' broke off.")
            return content

        piece[:] = self._bytes.call("read pages of", get)


@contextmanager
def open_written(arm: Arm, plan: Plan, ref: str) -> Iterator[PageReader]:
    """Read back a committed disk of the plan; leaving ends the access, also after an error.

    Raises Conflict when the disk is not this migration's, CorruptCopy when the
    padding is not zero.
    """
    name = last(ref)
    device = next((d for d in plan.devices if plan.object_name(d.name) == name), None)
    if device is None:
        raise BadInput(f"'{name}' is no disk of migration {plan.migration}.")
    disks.find_ours(arm, plan.migration, name)
    reader = PageReader(arm, name, device.disk.size_bytes)
    try:
        reader.check_padding()
        yield reader
    except BaseException:
        # The first error counts; that the access did not end is found by discard.
        with suppress(ColdferryError):
            arm.revoke(DISK, name)
        raise
    else:
        arm.revoke(DISK, name)
    finally:
        reader.close()
