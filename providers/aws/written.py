"""Reading back what was written: the snapshot's own blocks, without the rest of its last GiB.

Page: "Read snapshots with EBS direct APIs" (a completed snapshot's blocks, each with its
digest; what was never put is not listed).
"""

from collections.abc import Iterator
from contextlib import contextmanager

from coldferry.content import ZERO_DIGEST
from coldferry.disk import Extent
from coldferry.errors import CorruptCopy
from coldferry.plan import Plan
from providers.aws.blocks import BLOCK_BYTES
from providers.aws.disks import SnapshotReader
from providers.aws.session import Clients
from providers.aws.target_disks import find_written


class WrittenReader:
    """A :class:`coldferry.disk.DiskReader` and DigestReader of the size that was asked for."""

    def __init__(self, whole: SnapshotReader, size_bytes: int) -> None:
        self._whole = whole
        self.limits = whole.limits
        self.size_bytes = size_bytes

    @property
    def fetched_bytes(self) -> int:
        """Of all blocks that came."""
        return self._whole.fetched_bytes

    def extents(self, offset: int, length: int) -> Iterator[Extent]:
        """Runs of written and of unwritten blocks, cut to the disk."""
        return self._whole.extents(offset, min(length, self.size_bytes - offset))

    def read_into(self, offset: int, view: memoryview) -> None:
        """Any offset and length within the snapshot."""
        self._whole.read_into(offset, view)

    def read_leaf(self, offset: int, view: memoryview) -> bytes:
        """A whole block; behind the disk's end it is known to be zero."""
        return self._whole.read_leaf(offset, view)

    def check_padding(self) -> None:
        """Raises CorruptCopy unless all between the disk's end and the volume's is zero."""
        whole, size = self._whole, self.size_bytes
        block = memoryview(bytearray(BLOCK_BYTES))
        for extent in whole.extents(size, whole.size_bytes - size):
            for at in range(extent.offset, extent.offset + extent.length, BLOCK_BYTES):
                begin = at // BLOCK_BYTES * BLOCK_BYTES
                if extent.data and whole.read_leaf(begin, block) != ZERO_DIGEST:
                    first = max(size - begin, 0)
                    if any(block[first:]):
                        raise CorruptCopy(
                            f"The copy is not zero behind byte {size}, where the source's disk "
                            "ends.",
                            "Run the same command again: the disk is discarded and copied anew.",
                        )


@contextmanager
def open_written(clients: Clients, plan: Plan, ref: str) -> Iterator[WrittenReader]:
    """Read back a committed disk of the plan. Raises Conflict when it is not this migration's."""
    device = find_written(clients, plan, ref)
    whole = SnapshotReader(clients, ref)
    try:
        reader = WrittenReader(whole, device.disk.size_bytes)
        reader.check_padding()
        yield reader
    finally:
        whole.close()
