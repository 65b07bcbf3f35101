"""What a cloud in memory holds."""

import threading
from dataclasses import dataclass, field
from datetime import datetime

from coldferry.machine import Machine
from coldferry.migration import Marks
from coldferry.ports import PowerState

MIB = 1024 * 1024


@dataclass
class StoredDisk:
    """A disk's bytes by MiB chunk; a chunk that is not there is zero.

    ``migration`` is the tag; ``frozen_ref`` names what it is copied from while
    it is open for writing; ``kept`` is a lasting copy.
    """

    id: str
    size_bytes: int
    migration: str = ""
    frozen_ref: str = ""
    sealed: bool = True
    attached_to: str = ""
    kept: bool = False
    chunks: dict[int, bytearray] = field(default_factory=dict)

    def read(self, offset: int, view: memoryview) -> None:
        """Fill ``view`` from ``offset``."""
        for at, start, length in self._pieces(offset, len(view)):
            chunk = self.chunks.get(at)
            piece = view[:length]
            piece[:] = chunk[start : start + length] if chunk else bytes(length)
            view = view[length:]

    def write(self, offset: int, view: memoryview) -> None:
        """Put ``view`` at ``offset``."""
        for at, start, length in self._pieces(offset, len(view)):
            chunk = self.chunks.setdefault(at, bytearray(MIB))
            chunk[start : start + length] = view[:length]
            view = view[length:]

    @staticmethod
    def _pieces(offset: int, length: int) -> list[tuple[int, int, int]]:
        pieces = []
        while length > 0:
            at, start = divmod(offset, MIB)
            size = min(length, MIB - start)
            pieces.append((at, start, size))
            offset += size
            length -= size
        return pieces


@dataclass
class StoredMachine:
    """A machine and its state.

    ``starts`` counts how often it was started, ``started_at`` is when that was last; ``groups``
    are what its interfaces are behind, in their order.
    """

    machine: Machine
    power: PowerState = PowerState.RUNNING
    marks: Marks | None = None
    migration: str = ""
    starts: int = 0
    started_at: datetime | None = None
    starts_at_proof: int = 0
    groups: tuple[str, ...] = ()


@dataclass
class World:
    """One cloud: its machines and disks by id, the sizes and networks it offers.

    ``sizes`` are vCPUs and bytes of memory, ``prices`` USD an hour, ``disk_price``
    USD a disk and day. ``groups`` are security groups and whose migration's they
    are, "" for a stranger's. A disk whose key is among the ``lost_keys`` cannot be read. Of
    ``vcpus_left`` as many new machines' vCPUs can be had, None where nobody counts.
    """

    name: str
    machines: dict[str, StoredMachine] = field(default_factory=dict)
    disks: dict[str, StoredDisk] = field(default_factory=dict)
    frozen: dict[str, str] = field(default_factory=dict)
    sizes: dict[str, tuple[int, int]] = field(default_factory=dict)
    prices: dict[str, float] = field(default_factory=dict)
    disk_price: float | None = None
    vcpus_left: int | None = None
    subnets: tuple[str, ...] = ("net/one", "net/two")
    groups: dict[str, str] = field(default_factory=lambda: {"db": "", "web": ""})
    lost_keys: set[str] = field(default_factory=set)
    lock: threading.RLock = field(default_factory=threading.RLock)

    def usd_per_hour(self, size: str) -> float | None:
        """What an hour of the size costs, None where nobody said."""
        return self.prices.get(size)
