"""Disks without a format: raw bytes, and a disk that was never written to."""

from collections.abc import Iterator

from coldferry.disk import Extent, Limits
from providers.ovf.stored import Stored

LIMITS = Limits(block_size_bytes=1, max_request_bytes=512 << 10, max_in_flight=2)


class Raw:
    """A :class:`coldferry.disk.DiskReader` over the first bytes of what is stored."""

    limits = LIMITS

    def __init__(self, stored: Stored, name: str, size_bytes: int | None = None) -> None:
        del name
        self._stored = stored
        self.size_bytes = stored.size_bytes if size_bytes is None else size_bytes

    def extents(self, offset: int, length: int) -> Iterator[Extent]:
        """All of it is data."""
        end = min(offset + length, self.size_bytes)
        if offset < end:
            yield Extent(offset, end - offset)

    def read_into(self, offset: int, view: memoryview) -> None:
        """Fill ``view``. Raises Failed for what is cut off."""
        view[:] = self._stored.read(offset, len(view))


class Nothing:
    """A :class:`coldferry.disk.DiskReader` of a disk without a file: zeros."""

    limits = LIMITS

    def __init__(self, size_bytes: int) -> None:
        self.size_bytes = size_bytes

    def extents(self, offset: int, length: int) -> Iterator[Extent]:
        """No byte is data."""
        end = min(offset + length, self.size_bytes)
        if offset < end:
            yield Extent(offset, end - offset, data=False)

    def read_into(self, offset: int, view: memoryview) -> None:
        """Zeros."""
        del offset
        view[:] = bytes(len(view))
