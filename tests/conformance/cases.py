"""What the laws ask of a provider's test class, and a migration to hold them against."""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from coldferry.disk import DiskWriter, ManifestCommitter
from coldferry.machine import Machine
from coldferry.plan import Plan
from coldferry.ports import FrozenDisk, Proof, Source, Target, VerifiedDisk
from tests.conformance.worlds import a_machine

MIGRATION = "web-01-there-00000000-a1"


@dataclass
class SourceCase:
    """A source, a machine in it, and how to read a disk of it without our code."""

    cloud: Source
    vm: str
    disk_bytes: Callable[[str, int, int], bytes]
    write: Callable[[str, int, bytes], None] | None = None
    """Write to a disk of the machine, by its id, as the guest would; 512 KiB at least."""


@dataclass
class TargetCase:
    """A target, answers that leave nothing missing, and how to read a disk without our code."""

    cloud: Target
    answers: dict[str, Any]
    disk_bytes: Callable[[str, int, int], bytes]
    clear: Callable[[], None] = lambda: None
    """Remove, without our code, every machine and disk that is not ours any more."""


def piece(writer: DiskWriter, least_bytes: int = 1) -> int:
    """A length that the writer takes at once: whole blocks, ``least_bytes`` at least."""
    block = writer.limits.block_size_bytes
    return -(-least_bytes // block) * block


def go_on(writer: DiskWriter, *earlier: bytes) -> None:
    """Tell a writer that has to know it the first blocks as they are at the end, as a copy does."""
    if isinstance(writer, ManifestCommitter):
        digests = [(index, hashlib.sha256(data).digest()) for index, data in enumerate(earlier)]
        writer.rely_on(lambda: digests)


def begin(case: TargetCase, machine: Machine | None = None) -> tuple[Plan, FrozenDisk]:
    """An answered plan, and its first disk as if it were frozen."""
    machine = machine or a_machine()
    catalogue = case.cloud.catalogue()
    translation = case.cloud.translate(machine, catalogue, case.answers)
    assert translation.missing == []
    plan = Plan(migration=MIGRATION, machine=machine, translation=translation)
    return plan, FrozenDisk(MIGRATION, plan.devices[0], "frozen-0")


def written(case: TargetCase, plan: Plan) -> list[VerifiedDisk]:
    """Its disks at the target, each with a few bytes in it."""
    disks = []
    for device in plan.devices:
        frozen = FrozenDisk(MIGRATION, device, f"frozen-{device.index}")
        with case.cloud.open_disk(plan, frozen) as writer:
            writer.write(0, memoryview(b"x" * writer.limits.block_size_bytes))
            proof = Proof("none: this test is not about it", "nobody", equal=True)
            disks.append(VerifiedDisk(device, writer.commit(), "", proof))
    return disks
