"""Reading and writing a disk in memory."""

from collections.abc import Iterator

from coldferry.errors import Conflict
from coldferry.ports import Extent, Limits
from providers.memory.world import MIB, StoredDisk

LIMITS = Limits(block_size_bytes=512, max_request_bytes=MIB, max_in_flight=4)


class MemoryReader:
    """A :class:`coldferry.ports.DiskReader` over a stored disk."""

    limits = LIMITS

    def __init__(self, disk: StoredDisk, size_bytes: int) -> None:
        self._disk = disk
        self.size_bytes = size_bytes

    def extents(self, offset: int, length: int) -> Iterator[Extent]:
        """One extent a MiB, told from whether its chunk exists."""
        end = min(offset + length, self.size_bytes)
        while offset < end:
            until = min((offset // MIB + 1) * MIB, end)
            yield Extent(offset, until - offset, offset // MIB in self._disk.chunks)
            offset = until

    def read_into(self, offset: int, view: memoryview) -> None:
        """Exactly ``len(view)`` bytes; raises Conflict beyond the end."""
        if offset + len(view) > self.size_bytes:
            raise Conflict(f"Disk {self._disk.id} ends at {self.size_bytes}.")
        self._disk.read(offset, view)


class MemoryWriter:
    """A :class:`coldferry.ports.DiskWriter` over a stored disk."""

    limits = LIMITS

    def __init__(self, disk: StoredDisk) -> None:
        self._disk = disk
        self.identity = f"{disk.id}@{disk.frozen_ref}"
        self.size_bytes = disk.size_bytes
        self.sent_bytes = 0
        self.requests = 0

    @property
    def sealed(self) -> bool:
        """The disk was committed."""
        return self._disk.sealed

    def write(self, offset: int, view: memoryview) -> None:
        """Raises Conflict on a sealed disk and on what does not fit its limits."""
        self._check(offset, len(view))
        self.sent_bytes += len(view)
        self.requests += 1
        self._disk.write(offset, view)

    def zero(self, offset: int, length: int) -> None:
        """Overwrites with zeros."""
        self._check(offset, length)
        self.requests += 1
        self._disk.write(offset, memoryview(bytes(length)))

    def commit(self) -> str:
        """Seal the disk; again changes nothing."""
        self._disk.sealed = True
        return self._disk.id

    def _check(self, offset: int, length: int) -> None:
        if self._disk.sealed:
            raise Conflict(f"Disk {self._disk.id} is sealed.")
        block = self.limits.block_size_bytes
        if offset % block or length % block or length > self.limits.max_request_bytes:
            raise Conflict(f"A write of {length} bytes at {offset} does not fit the limits.")
        if offset + length > self.size_bytes:
            raise Conflict(f"Disk {self._disk.id} ends at {self.size_bytes}.")
