"""Field by field: whose question it is, and what makes two machines alike in it.

An answer that a person gave for one machine holds for another one when both
are alike in what the answer rests on: a subnet's counterpart for every
interface in that subnet, a disk kind for every disk of the same kind, figures
and size. What is one machine's own (its name, its addresses, how its disk
boots, keys sealed to its TPM) never holds for another: those rows are empty.
A value that the source could not tell makes nobody alike either.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from coldferry.leaves import Leaf, leaves
from coldferry.machine import UNKNOWN, Machine

Owner = Literal["network", "security", "licence", "storage", "application"]

Words = str | tuple[str, ...]
"""A value as a person writes it; None and an absent list are the empty word."""

MACHINE = "origin.id"
"""The condition that an answer is for one machine only."""


@dataclass(frozen=True)
class Likeness:
    """One field's row.

    ``by`` are the patterns whose values must be equal, ``None`` when nothing
    need be, empty when the answer is the machine's own. ``own`` are values
    that make it the machine's own all the same.
    """

    owner: Owner
    by: tuple[str, ...] | None = ()
    own: tuple[str, ...] = (UNKNOWN,)


def _group(owner: Owner, prefix: str, names: str, *by: str) -> dict[str, Likeness]:
    """Rows for some of a part's fields; ``by`` names fields of the same part, or of the machine."""
    full = tuple(name if name == "instance_type" else f"{prefix}{name}" for name in by)
    return {f"{prefix}{name}": Likeness(owner, full) for name in names.split()}


_NIC, _GROUP, _DISK = "nics[].", "nics[].security_groups[].", "disks[]."

LIKENESS: dict[str, Likeness] = {
    **_group("application", "", "schema_version origin.provider origin.scope origin.id"),
    **_group("application", "", "name hostname firmware os_family stoppable"),
    **_group("application", "", "instance_type vcpus memory_bytes architecture", "instance_type"),
    **_group("application", "", "accelerators burstable bare_metal", "instance_type"),
    **_group("application", "", "zone", "zone"),
    **_group("application", "", "tenancy", "tenancy"),
    **_group("application", "tags[].", "key", "key"),
    **_group("application", "tags[].", "value", "key", "value"),
    **_group("application", "relations[].", "kind id detail", "kind", "id"),
    # Recovery keys must be at hand for each machine whose TPM is lost.
    **_group("security", "", "tpm"),
    # Some sources tell it of no machine; what is agreed to is that the new one is made without.
    "secure_boot": Likeness("security", ("secure_boot",), own=()),
    **_group("security", "", "key_names", "key_names"),
    **_group("security", "", "profile", "profile"),
    **_group("security", _GROUP, "id name rules", "id"),
    # That start-up data is not run again is one decision, whatever is in it.
    "user_data": Likeness("security", None),
    "user_data.sha256": Likeness("security", None),
    "user_data.size_bytes": Likeness("security", None),
    **_group("network", "dns.", "servers", "servers"),
    **_group("network", "dns.", "search_domains", "search_domains"),
    **_group("network", "dns.", "time_servers", "time_servers"),
    **_group("network", _NIC, "id device_index primary mac"),
    **_group("network", _NIC, "private_address more_private_addresses address_assignment"),
    **_group("network", _NIC, "network_id", "network_id"),
    **_group("network", _NIC, "subnet_id subnet_cidr", "subnet_id"),
    **_group("network", _NIC, "forwards_packets", "forwards_packets"),
    # An automatic address ends with the halt on any cloud; others name a reserved one.
    "nics[].public_address": Likeness(
        "network", ("nics[].public_address_kind",), own=(UNKNOWN, "reserved", "")
    ),
    "nics[].public_address_kind": Likeness("network", ("nics[].public_address_kind",)),
    **_group("storage", _DISK, "id device root"),
    # What a kind gives depends on the size, so a downgrade was accepted for that size only.
    **_group(
        "storage", _DISK, "kind medium iops throughput_bytes_s",
        "kind", "iops", "throughput_bytes_s", "size_bytes",
    ),
    **_group("storage", _DISK, "size_bytes", "size_bytes"),
    **_group("storage", _DISK, "shared", "shared"),
    **_group("storage", _DISK, "deleted_with_machine", "deleted_with_machine"),
    **_group("security", _DISK, "encrypted", "encrypted"),
    **_group("security", _DISK, "key_id", "key_id"),
    **_group("storage", "ephemeral_disks[].", "device size_bytes", "instance_type", "device"),
    "root_image": Likeness("storage"),
    **_group("storage", "root_image.", "image", "image"),
    **_group("storage", "network_filesystems[].", "id kind address mounted", "id"),
    **_group("licence", "licence.", "platform", "platform"),
    **_group("licence", "licence.", "product_codes", "product_codes"),
}  # fmt: skip

_UNLISTED = Likeness("application")


def likeness(pattern: str) -> Likeness:
    """The row of a leaf's pattern; one that nobody wrote down is the machine's own."""
    return LIKENESS.get(pattern, _UNLISTED)


class Fields:
    """One machine's leaves, to be asked for the value beside a leaf."""

    def __init__(self, machine: Machine) -> None:
        self.machine = machine
        self.leaves: Mapping[str, Leaf] = {leaf.path: leaf for leaf in leaves(machine)}
        self._values = {(leaf.pattern, leaf.index): leaf.value for leaf in self.leaves.values()}

    def beside(self, leaf: Leaf, pattern: str) -> Words | None:
        """The value at ``pattern`` in the same list items as ``leaf``; None without such a leaf."""
        where = (pattern, leaf.index[: pattern.count("[]")])
        return words(self._values[where]) if where in self._values else None

    def alike(self, path: str) -> dict[str, Words]:
        """What another machine must have for an answer at ``path`` to hold there too."""
        leaf = self.leaves[path]
        row = likeness(leaf.pattern)
        if row.by is None:
            return {}
        shared = self._beside(leaf, row.by)
        if len(shared) == len(row.by) > 0 and not set(row.own) & {*shared.values()}:
            return shared
        return self._beside(leaf, (MACHINE, *_identity(leaf.pattern), leaf.pattern))

    def _beside(self, leaf: Leaf, patterns: tuple[str, ...]) -> dict[str, Words]:
        found = {pattern: self.beside(leaf, pattern) for pattern in patterns}
        return {pattern: said for pattern, said in found.items() if said is not None}


def words(value: Any) -> Words:
    """``value`` as text that compares equal however it was read: True and ``true``, 8 and ``8``."""
    if isinstance(value, list | tuple):
        return tuple(str(words(item)) for item in value)
    if value is None:
        return ""
    return str(value).lower() if isinstance(value, bool) else str(value)


def _identity(pattern: str) -> tuple[str, ...]:
    """What tells the items of one machine's lists apart: their own ids, or else the field."""
    outer = pattern.rpartition("[].")[0]
    name = {"tags": "key", "ephemeral_disks": "device"}.get(outer, "id")
    return (f"{outer}[].{name}",) if outer else ()
