"""Writing a snapshot with EBS direct: start, put blocks, complete.

Sources: "Write snapshots with EBS direct APIs", "Use checksums with the EBS
direct APIs to validate snapshot data" (LINEAR: the SHA-256 of the blocks'
digests joined in rising order) and "Ensure idempotency in StartSnapshot API
requests" of the Amazon EBS user guide; DescribeSnapshots of the EC2 API.
"""

import base64
import hashlib
import threading
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from coldferry.content import ZERO_DIGEST
from coldferry.errors import (
    BadInput,
    ColdferryError,
    Conflict,
    Denied,
    DiskSealed,
    Gone,
    ProviderError,
    Transient,
    Unreachable,
)
from providers.aws.blocks import BLOCK_BYTES, Blocks
from providers.aws.client import speaking
from providers.aws.disks import LIMITS
from providers.aws.pauses import Pauses
from providers.aws.session import Clients

if TYPE_CHECKING:
    from mypy_boto3_ebs.type_defs import TagTypeDef

_GIB = 2**30
LARGEST_GIB = 65_536
TIMEOUT_MIN = 4320
"""The longest that a snapshot may wait for its next block: three days, so that a rerun finds it."""

_SEEN_WITHIN_S = 120.0
"""EBS may not know at once what it has just started ("Error retries": up to two minutes)."""

_COMPLETE_WITHIN_S = 24 * 3600.0
_SOON_S = 60.0
_NOT_OPEN = "INVALID_SNAPSHOT_ID"
_TIMED_OUT = "WRITE_REQUEST_TIMEOUT"

Leaves = Callable[[], Iterable[tuple[int, bytes]]]


def start_snapshot(
    clients: Clients, size_bytes: int, token: str, tags: Mapping[str, str], description: str
) -> str:
    """A pending snapshot of whole GiB; the same one for the same ``token`` (64 ASCII at most).

    Raises BadInput for a size that EBS does not have.
    """
    rows: list[TagTypeDef] = [{"Key": key, "Value": value} for key, value in tags.items()]
    with speaking("ebs:StartSnapshot", f"a snapshot of {size_gib(size_bytes)} GiB"):
        answer = clients.ebs.start_snapshot(
            VolumeSize=size_gib(size_bytes), ClientToken=token, Tags=rows, Description=description,
            Timeout=TIMEOUT_MIN,
        )  # fmt: skip
    return answer["SnapshotId"]


def size_gib(size_bytes: int) -> int:
    """The size of the volume that holds so much. Raises BadInput when there is none."""
    found = max(1, -(-size_bytes // _GIB))
    if found > LARGEST_GIB:
        raise BadInput(f"An EBS volume holds {LARGEST_GIB} GiB at most, not {found}.")
    return found


def is_readable(clients: Clients, snapshot: str) -> bool:
    """The snapshot is completed. Raises Denied, and Unreachable."""
    try:
        with speaking("ebs:ListSnapshotBlocks", snapshot):
            clients.ebs.list_snapshot_blocks(SnapshotId=snapshot, MaxResults=100)
    except (Denied, Unreachable):
        raise
    except ProviderError:
        return False
    return True


def delete_snapshot(clients: Clients, snapshot: str) -> None:
    """Delete a snapshot of ours; one that is gone is no fault."""
    try:
        with speaking("ec2:DeleteSnapshot", snapshot):
            clients.ec2.delete_snapshot(SnapshotId=snapshot)
    except Gone:
        return


class SnapshotWriter:
    """A :class:`coldferry.disk.DiskWriter` and DigestWriter over a pending snapshot.

    A block that was never put reads as zeros. A snapshot that is pending cannot be
    read: what earlier runs put is known from the manifest only.
    """

    limits = LIMITS

    def __init__(
        self, clients: Clients, snapshot: str, size_bytes: int, *, fresh: bool = False
    ) -> None:
        """``size_bytes`` is what :func:`start_snapshot` was asked for.

        A ``fresh`` one was started just now, and may not be seen at once.
        """
        self._clients = clients
        self._blocks = Blocks(clients)
        self._lock = threading.Lock()
        self._own: dict[int, bytes] = {}
        self._leaves: Leaves | None = None
        self._seen_within = Pauses(_SEEN_WITHIN_S if fresh else 0)
        self.identity = snapshot
        self.size_bytes = size_gib(size_bytes) * _GIB
        self.sealed = False

    @property
    def sent_bytes(self) -> int:
        """Bodies of all puts, retries included."""
        return self._blocks.sent_bytes

    @property
    def requests(self) -> int:
        """All puts, retries included."""
        return self._blocks.puts

    def rely_on(self, leaves: Leaves) -> None:
        """See :class:`coldferry.disk.ManifestCommitter`: a disk of TiB has millions of blocks."""
        self._leaves = leaves

    def write(self, offset: int, view: memoryview) -> None:
        """Put whole blocks. Raises Conflict for what is none, DiskSealed after the commit."""
        if len(view) % BLOCK_BYTES:
            raise Conflict(f"{len(view)} bytes are no whole blocks of {self.identity}.")
        for start in range(0, len(view), BLOCK_BYTES):
            block = view[start : start + BLOCK_BYTES]
            self.write_leaf(offset + start, block, hashlib.sha256(block).digest())

    def write_leaf(self, offset: int, view: memoryview, digest: bytes) -> None:
        """Put one block whose digest is known; EBS checks it."""
        index, skip = divmod(offset, BLOCK_BYTES)
        if skip or len(view) != BLOCK_BYTES or not 0 <= offset < self.size_bytes:
            raise Conflict(f"{len(view)} bytes at {offset} are no block of {self.identity}.")
        if self.sealed:
            raise _sealed(self.identity)
        self._put(index, view, digest)
        if self._leaves is None or digest == ZERO_DIGEST:
            with self._lock:
                self._own[index] = digest

    def zero(self, offset: int, length: int) -> None:
        """Put blocks of zeros: a snapshot has no other way to forget what was put."""
        nothing = memoryview(bytes(BLOCK_BYTES))
        for start in range(offset, offset + length, BLOCK_BYTES):
            self.write_leaf(start, nothing, ZERO_DIGEST)

    def commit(self) -> str:
        """Complete the snapshot and wait until EC2 says so; its id."""
        if not self.sealed:
            self._complete()
            self._wait()
            self.sealed = True
        return self.identity

    def close(self) -> None:
        """Close connections; the snapshot stays open for a resume."""
        self._blocks.close()

    def _put(self, index: int, view: memoryview, digest: bytes) -> None:
        while True:
            try:
                self._blocks.put(self.identity, index, view, digest, self._closed)
            except Gone:
                if self._seen_within.over:
                    raise _sealed(self.identity) from None
                self._seen_within.pause()
            else:
                return

    def _closed(self) -> dict[str, ColdferryError]:
        return dict.fromkeys((_NOT_OPEN, _TIMED_OUT), _sealed(self.identity))

    def _complete(self) -> None:
        count, joined = 0, hashlib.sha256()
        for _, digest in self._written():
            joined.update(digest)
            count += 1
        asked: dict[str, Any] = {}
        if count:  # the digest of nothing is asked for by nobody
            asked = {
                "Checksum": base64.b64encode(joined.digest()).decode(),
                "ChecksumAlgorithm": "SHA256",
                "ChecksumAggregationMethod": "LINEAR",
            }
        done = _NotOpen(f"{self.identity} is not open for writing any more.")
        instead = {_NOT_OPEN: done, _TIMED_OUT: _sealed(self.identity)}
        try:
            with speaking("ebs:CompleteSnapshot", self.identity, instead):
                self._clients.ebs.complete_snapshot(
                    SnapshotId=self.identity, ChangedBlocksCount=count, **asked
                )
        except _NotOpen:
            return  # an earlier call's reply was lost; waiting tells

    def _written(self) -> Iterable[tuple[int, bytes]]:
        """``(index, digest)`` of all that was ever put, rising."""
        if self._leaves is None:
            return sorted(self._own.items())
        if not self._own:
            return self._leaves()
        return sorted({**self._own, **dict(self._leaves())}.items())

    def _wait(self) -> None:
        """Until it can be read. EC2, which need not be reached, is asked when that takes long."""
        within, soon = Pauses(_COMPLETE_WITHIN_S, longest_s=15.0), Pauses(_SOON_S)
        while not is_readable(self._clients, self.identity):
            if soon.over and self._failed():
                raise _sealed(self.identity)
            if within.over:
                raise Transient(f"{self.identity} is not completed after a day.")
            within.pause()

    def _failed(self) -> bool:
        with suppress(ProviderError), speaking("ec2:DescribeSnapshots", self.identity):
            asked = self._clients.ec2.describe_snapshots(SnapshotIds=[self.identity])
            return asked["Snapshots"][0]["State"] not in ("pending", "completed")
        return False


class _NotOpen(Conflict):
    """The snapshot was completed, or is no snapshot that is written directly."""


def _sealed(snapshot: str) -> DiskSealed:
    return DiskSealed(
        f"Snapshot {snapshot} was closed before it held all bytes.",
        "Run the same command again: another one is begun.",
    )
