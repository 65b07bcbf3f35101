"""What became of a machine between the approval and the halt."""

from dataclasses import dataclass
from typing import Any, Literal

from coldferry.leaves import leaves, pattern_of
from coldferry.machine import Machine

Kind = Literal["expected", "harmless", "material"]

_HARMLESS = (
    "tags[].", "tags", "licence.", "network_filesystems[].", "network_filesystems", "relations",
)  # fmt: skip
"""Labels and surroundings: neither the guest nor its disks depend on them."""

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


def _kind(path: str, found: Any) -> Kind:
    pattern = pattern_of(path)
    if pattern in _LOST_BY_A_HALT and found is None:
        return "expected"
    return "harmless" if pattern.startswith(_HARMLESS) else "material"
