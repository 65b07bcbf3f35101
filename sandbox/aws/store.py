"""The bytes behind snapshots and volumes, shared between them, never copied.

Only blocks that were put exist here (EBS direct APIs user guide: "blocks that
were not written are not in the list"). A volume and its snapshots share one mapping
until something is written to the volume, as a guest would.
"""

import hashlib
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, NamedTuple

BLOCK_SIZE_BYTES = 524_288
BLOCKS_PER_GIB = 2048


class Block(NamedTuple):
    """One written block and its SHA-256 digest."""

    data: bytes
    digest: bytes


@dataclass
class Snapshot:
    """The content and the life of one snapshot.

    ``direct`` tells a snapshot begun with StartSnapshot, which stays pending
    until it is completed, from one EC2 took of a volume.
    """

    snapshot_id: str
    region: str
    size_gib: int
    lineage: str
    blocks: dict[int, Block]
    direct: bool = False
    parent_id: str = ""
    ready_at_s: float | None = None
    timeout_s: float = float("inf")
    put: dict[int, bytes] = field(default_factory=dict)
    touched_at_s: float = field(default_factory=time.monotonic)
    started_at: datetime = field(default_factory=lambda: datetime.now(UTC))

    @property
    def status(self) -> str:
        """``pending``, ``completed`` or ``error`` at this moment."""
        now_s = time.monotonic()
        if self.ready_at_s is None:
            return "error" if now_s - self.touched_at_s > self.timeout_s else "pending"
        return "pending" if now_s < self.ready_at_s else "completed"

    @property
    def block_count(self) -> int:
        """Addressable blocks of the volume."""
        return self.size_gib * BLOCKS_PER_GIB


class Store:
    """All snapshots and volumes of one server, by id."""

    def __init__(self) -> None:
        self.lock = threading.RLock()
        self.snapshots: dict[str, Snapshot] = {}
        self._volumes: dict[str, Mapping[int, Block]] = {}

    def fill_volume(self, volume_id: str, snapshot_id: str | None) -> None:
        """Give a new volume the blocks of a snapshot, or none."""
        with self.lock:
            source = self.snapshots.get(snapshot_id or "")
            self._volumes[volume_id] = source.blocks if source else {}

    def drop_volume(self, volume_id: str) -> None:
        """Forget a deleted volume; its snapshots keep the blocks."""
        with self.lock:
            self._volumes.pop(volume_id, None)

    def content(self, volume_id: str) -> Mapping[int, Block]:
        """A volume's blocks at this moment; what is written later is not among them."""
        with self.lock:
            return self._volumes.get(volume_id, {})

    def write(self, volume_id: str, offset: int, data: bytes) -> None:
        """Write to a volume as its guest would; its snapshots keep what they have."""
        with self.lock:
            blocks = dict(self._volumes[volume_id])
            at = 0
            while at < len(data):
                index, skip = divmod(offset + at, BLOCK_SIZE_BYTES)
                part = data[at : at + BLOCK_SIZE_BYTES - skip]
                old = blocks[index].data if index in blocks else bytes(BLOCK_SIZE_BYTES)
                new = old[:skip] + part + old[skip + len(part) :]
                blocks[index] = Block(new, hashlib.sha256(new).digest())
                at += len(part)
            self._volumes[volume_id] = blocks

    def snapshot_volume(self, snapshot: Any, region: str, delay_s: float) -> None:
        """Record the content of an EC2 snapshot as it is at the call.

        Source: CreateSnapshot, "the point-in-time snapshot is created
        immediately, its status is pending until the snapshot is complete".
        """
        with self.lock:
            self.snapshots[snapshot.id] = Snapshot(
                snapshot.id,
                region,
                int(snapshot.volume.size),
                lineage=snapshot.volume.id,
                blocks=dict(self._volumes.get(snapshot.volume.id, {})),
                ready_at_s=time.monotonic() + delay_s,
            )

    def copy_snapshot(self, snapshot_id: str, source_id: str, region: str, delay_s: float) -> None:
        """Record CopySnapshot: same blocks, a lineage of its own."""
        with self.lock:
            source = self.snapshots[source_id]
            self.snapshots[snapshot_id] = Snapshot(
                snapshot_id,
                region,
                source.size_gib,
                lineage=snapshot_id,
                blocks=source.blocks,
                ready_at_s=time.monotonic() + delay_s,
            )

    def drop_snapshot(self, snapshot_id: str) -> None:
        """Forget a deleted snapshot; children and volumes keep their blocks."""
        with self.lock:
            self.snapshots.pop(snapshot_id, None)
