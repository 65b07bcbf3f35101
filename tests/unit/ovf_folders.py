"""Packages made from a plan, for tests: a folder, a small machine, and bytes on its disks."""

import random
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from coldferry.content import LEAF_BYTES, Tree
from coldferry.content import sha256 as leaf_digest
from coldferry.plan import Plan
from coldferry.ports import FrozenDisk, Proof, VerifiedDisk
from providers.ovf.writing.target import OvfTarget
from tests.unit.machines import a_disk, a_machine, a_nic

MIGRATION = "web-01-ovf-00000000-a1"
MIB = 1 << 20
ANSWERS = {"instance_type": "paravirtual", "nics[0].subnet_id": "apps"}


def a_plan(cloud: OvfTarget, answers: dict[str, Any] | None = None, **changes: Any) -> Plan:
    """Answered; its disks are small."""
    fields: dict[str, Any] = {
        "nics": (a_nic(),),
        "disks": (
            a_disk(id="d0", root=True, size_bytes=40 * MIB, encrypted=False),
            a_disk(id="d1", root=False, size_bytes=3 * MIB, encrypted=False),
        ),
        "os_family": "linux",
    }
    machine = a_machine(**fields | changes)
    said = ANSWERS | (answers or {})
    for _ in range(3):
        translation = cloud.translate(machine, cloud.catalogue(), said)
        said |= {f.path: "acknowledge" for f in translation.fields if f.open}
    return Plan(migration=MIGRATION, machine=machine, translation=translation)


def content_of(index: int, size: int, held: int = 70_000) -> bytes:
    """What is on disk ``index``: ``held`` bytes at its beginning, at its end and between."""
    dice = random.Random(index)
    data = bytearray(size)
    for at in (0, size // 2, size - held):
        data[at : at + held] = dice.randbytes(held)
    return bytes(data)


def root_of(data: bytes) -> str:
    tree = Tree()
    for at in range(0, len(data), LEAF_BYTES):
        leaf = data[at : at + LEAF_BYTES].ljust(LEAF_BYTES, b"\0")
        tree.add(at // LEAF_BYTES, leaf_digest(memoryview(leaf)))
    return tree.root


def copied(cloud: OvfTarget, plan: Plan, held: int = 70_000) -> list[VerifiedDisk]:
    """Its disks, written and committed, as the engine leaves them."""
    disks = []
    for device in plan.devices:
        data = content_of(device.index, device.disk.size_bytes, held)
        with cloud.open_disk(plan, FrozenDisk(MIGRATION, device, f"frozen-{device.index}")) as out:
            for at in range(0, len(data), 512 << 10):
                piece = data[at : at + (512 << 10)]
                if piece != bytes(len(piece)) and not out.sealed:
                    out.write(at, memoryview(piece))
            ref = out.commit()
        proof = Proof("read back", "the test", equal=True)
        disks.append(VerifiedDisk(device, ref, root_of(data), proof))
    return disks


def a_package(folder: Path, **changes: Any) -> tuple[OvfTarget, Plan, Path]:
    """A package that was made in ``folder``."""
    cloud = OvfTarget(folder)
    plan = a_plan(cloud, **changes)
    return cloud, plan, folder / cloud.allocate(plan, copied(cloud, plan))


def left_in(folder: Path) -> Sequence[str]:
    """Every file under the folder."""
    return sorted(str(p.relative_to(folder)) for p in folder.rglob("*") if p.is_file())
