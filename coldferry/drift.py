"""What became of a machine between the approval and the halt."""

from dataclasses import dataclass
from typing import Any, Literal

from coldferry.guest.evidence import Evidence
from coldferry.leaves import leaves, pattern_of
from coldferry.machine import Machine

Kind = Literal["expected", "harmless", "material"]

_HARMLESS = (
    "tags[].", "tags", "licence.", "network_filesystems[].", "network_filesystems", "relations",
)  # fmt: skip
"""Labels and surroundings: neither the guest nor its disks depend on them."""

_TOLD_BY_DISKS = ("firmwares", "partition_table", "architecture", "os_family")

_LOST_BY_A_HALT = ("nics[].public_address", "nics[].public_address_kind")
"""An automatic public address is given back when the machine stops."""


@dataclass(frozen=True)
class Drift:
    """One leaf that is not as it was approved."""

    path: str
    approved: Any
    found: Any
    kind: Kind


def drift(approved: Machine, found: Machine) -> list[Drift]:
    """Every leaf that differs, classed."""
    before = {leaf.path: leaf.value for leaf in leaves(approved)}
    after = {leaf.path: leaf.value for leaf in leaves(found)}
    return [
        Drift(path, before.get(path), after.get(path), _kind(path, after.get(path)))
        for path in dict.fromkeys([*before, *after])
        if before.get(path) != after.get(path) or (path in before) is not (path in after)
    ]


def material(approved: Machine, found: Machine) -> list[Drift]:
    """Only the differences that forbid going on."""
    return [change for change in drift(approved, found) if change.kind == "material"]


def evidence_drift(approved: Evidence, found: Evidence) -> list[Drift]:
    """What the disks say otherwise of what starts the machine; the rest is the guest's business.

    Mounts, volumes and names change while a guest works: a backup that makes
    a snapshot of its own is no reason to start it again. What one of the two
    looks could not tell is no difference.
    """
    return [
        Drift(f"guest.{name}", before, after, "material")
        for name in _TOLD_BY_DISKS
        if (before := getattr(approved, name)) and (after := getattr(found, name))
        if before != after
    ]


def _kind(path: str, found: Any) -> Kind:
    pattern = pattern_of(path)
    if pattern in _LOST_BY_A_HALT and found is None:
        return "expected"
    return "harmless" if pattern.startswith(_HARMLESS) else "material"
