"""What OVF has no words for, from the section that Coldferry itself writes.

It is one element, ``Machine`` of ``urn:coldferry:1``, with the description's JSON as text.
A stranger may have written it, or edited what stands beside it: what OVF says goes first,
part by part.
"""

from typing import Any

from pydantic import ValidationError

from coldferry.machine import UNKNOWN, Disk, Machine, Nic
from coldferry.migration import TAG_PREFIX

UNREADABLE = "extension"

_SAID_BY_OVF = ("schema_version", "origin", "name", "vcpus", "memory_bytes", "disks", "nics")
_SAID_BY_SOME = ("architecture", "firmware", "secure_boot", "os_family", "tpm")
_OF_A_DISK = ("medium", "iops", "throughput_bytes_s", "deleted_with_machine")
_OF_A_NIC = (
    "network_id", "subnet_cidr", "private_address", "more_private_addresses",
    "address_assignment", "public_address", "public_address_kind", "forwards_packets",
    "security_groups",
)  # fmt: skip


def filled(machine: Machine, text: str) -> tuple[Machine, list[str]]:
    """``machine`` with what ``text`` adds, and the paths in which the two contradict.

    :data:`UNREADABLE` is the only path when ``text`` is no description: nothing of it is taken.
    """
    if not text:
        return machine, []
    try:
        told = Machine.model_validate_json(text)
    except (ValidationError, ValueError, RecursionError):
        return machine, [UNREADABLE]
    against = [
        name
        for name in ("name", "vcpus", "memory_bytes")
        if getattr(machine, name) != getattr(told, name)
    ]
    changes: dict[str, Any] = {
        name: getattr(told, name)
        for name in Machine.model_fields
        if name not in (*_SAID_BY_OVF, *_SAID_BY_SOME)
    }
    for name in _SAID_BY_SOME:
        own, other = getattr(machine, name), getattr(told, name)
        if own == UNKNOWN:
            changes[name] = other
        elif other not in (UNKNOWN, own):
            against.append(name)
    changes["tags"] = tuple(tag for tag in told.tags if not tag.key.startswith(TAG_PREFIX))
    changes["disks"] = _disks(machine, told, against)
    changes["nics"] = _nics(machine, told, against)
    return machine.model_copy(update=changes), against


def _disks(machine: Machine, told: Machine, against: list[str]) -> tuple[Disk, ...]:
    if len(told.disks) != len(machine.disks):
        against.append("disks")
        return machine.disks
    found = []
    for index, (own, other) in enumerate(zip(machine.disks, told.disks, strict=True)):
        if own.size_bytes != other.size_bytes:
            against.append(f"disks[{index}].size_bytes")
            found.append(own)
        else:
            found.append(own.model_copy(update={n: getattr(other, n) for n in _OF_A_DISK}))
    return tuple(found)


def _nics(machine: Machine, told: Machine, against: list[str]) -> tuple[Nic, ...]:
    if len(told.nics) != len(machine.nics):
        against.append("nics")
        return machine.nics
    found = []
    for index, (own, other) in enumerate(zip(machine.nics, told.nics, strict=True)):
        if UNKNOWN not in (own.mac, other.mac) and own.mac != other.mac.lower():
            against.append(f"nics[{index}].mac")
            found.append(own)
        else:
            found.append(own.model_copy(update={n: getattr(other, n) for n in _OF_A_NIC}))
    return tuple(found)
