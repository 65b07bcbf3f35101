"""Where each device of a machine goes: copied, left behind, or reached from where it is.

A device is a disk, or a file system that the machine may mount from its
network. A placement is an answer like any other: it is kept at the device's
own leaf (``disks[1].id``, ``network_filesystems[0].id``), so that an approval
names it and the plan's digest moves with it.
"""

import re
from collections.abc import Iterator, Mapping
from enum import StrEnum
from typing import Any

from coldferry.errors import BadInput
from coldferry.machine import UNKNOWN, Disk, Machine, NetworkFilesystem
from coldferry.plain import plain


class Placement(StrEnum):
    """What is done with one device."""

    COPY = "copy"
    DROP = "drop"
    REMOTE = "remote"
    NOFAIL = "nofail"
    REMOVE = "remove"
    ASK = "ask"


DISK = "disks[].id"
SHARE = "network_filesystems[].id"
"""The patterns of the leaves that placements are kept at."""

OF_DISKS = (Placement.COPY, Placement.DROP, Placement.ASK)
OF_SHARES = (Placement.REMOTE, Placement.NOFAIL, Placement.REMOVE)

Placements = Mapping[str, str]
"""Words by path: ``{"disks[1].id": "drop"}``."""

_MOST_SAID = 400
_REMOTE_AT = re.compile(
    r"remote(?:@(?:(?P<v6>\[[0-9a-f:.]{2,45}\])|(?P<host>[a-z0-9](?:[a-z0-9._-]{0,251}[a-z0-9])?))"
    r"(?::(?P<port>[1-9][0-9]{0,4}))?)?",
    re.ASCII,
)


def disk_path(index: int) -> str:
    """The leaf of disk ``index`` that its placement is kept at."""
    return f"disks[{index}].id"


def share_path(index: int) -> str:
    """The same of a file system of the network."""
    return f"network_filesystems[{index}].id"


def word_of(said: Any) -> str:
    """A person's word for a placement, however it was capitalised."""
    return str(said).strip().lower()


def placement_of(word: Any) -> str:
    """``remote`` for ``remote@10.0.9.5:2049``; any other word is itself."""
    said = word_of(word)
    return Placement.REMOTE.value if said.startswith("remote@") else said


def remote_at(word: Any) -> tuple[str, int | None] | None:
    """Host and port in ``remote@HOST[:PORT]``; empty and None where they are not said.

    None where the word is not remote, or names what is no host.
    """
    found = _REMOTE_AT.fullmatch(word_of(word))
    if found is None:
        return None
    host = (found["v6"] or found["host"] or "").strip("[]")
    return host, int(found["port"]) if found["port"] else None


def is_dropped(answers: Mapping[str, Any], index: int) -> bool:
    """Whether disk ``index`` is left behind by these answers."""
    said = answers.get(disk_path(index))
    return said is not None and word_of(said) == Placement.DROP


def dropped(machine: Machine, answers: Mapping[str, Any]) -> frozenset[int]:
    """The indexes of the disks that are left behind."""
    return frozenset(n for n in range(len(machine.disks)) if is_dropped(answers, n))


def kept(machine: Machine, answers: Mapping[str, Any]) -> list[int]:
    """The indexes of the disks that are copied, in the description's order."""
    gone = dropped(machine, answers)
    return [index for index in range(len(machine.disks)) if index not in gone]


def kept_disks(machine: Machine, answers: Mapping[str, Any]) -> list[Disk]:
    """The disks that are copied, in the description's order."""
    return [machine.disks[index] for index in kept(machine, answers)]


def refusal(part: Disk | NetworkFilesystem, word: str) -> str | None:
    """Why ``word`` cannot be this device's placement, as the end of a sentence; None when it can.

    Until volumes can be attached over the network only file systems can be remote.
    """
    if isinstance(part, Disk):
        return _disk_refusal(part, placement_of(word), word)
    return _share_refusal(part, placement_of(word), word)


def _disk_refusal(disk: Disk, said: str, word: str) -> str | None:
    if disk.root and said in (Placement.DROP, Placement.REMOTE, Placement.ASK):
        return (
            "the root disk is what the machine starts from: it is copied, and can be "
            "neither remote nor dropped"
        )
    if said == Placement.REMOTE:
        return (
            "it is a block volume, which no other cloud can reach in this release: only "
            "file systems of the network can be remote. Say copy or drop"
        )
    return None if said in OF_DISKS else f"'{plain(word, 40)}' is none of copy, drop and ask"


def _share_refusal(share: NetworkFilesystem, said: str, word: str) -> str | None:
    if said == Placement.REMOTE:
        return _remote_refusal(share, word)
    if said == Placement.COPY:
        return (
            "the files of a file system of the network are not copied by a migration: say "
            "remote, nofail or remove, and move them by other means where they must move"
        )
    if said in (*OF_SHARES, Placement.DROP):
        return None
    return f"'{plain(word, 40)}' is none of remote, nofail and remove"


def _remote_refusal(share: NetworkFilesystem, word: str) -> str | None:
    at = remote_at(word)
    if at is None:
        return f"'{plain(word, 80)}' names no host: write remote@HOST or remote@HOST:PORT"
    if not at[0] and share.address == UNKNOWN:
        return "its address is not known: write remote@HOST with the one that it is reached by"
    return None


def resolve(
    machine: Machine, given: Mapping[str, Any], *, before_look: bool = False
) -> dict[str, str]:
    """Words by path, from words by a device's name, in the description's order.

    A disk is named by its place (``disk1``), its device name or its id, a file
    system by its id; either by its path. ``before_look``: what only the guest may know,
    and a look at its disks will tell, is left for then. Raises BadInput with a sentence for
    each name and each word that is none.
    """
    named, faults = dict[str, tuple[str, str]](), list[str]()
    for name, said in given.items():
        word = word_of(said)
        found = [path for path, _, names in _devices(machine) if str(name).strip() in names]
        if before_look and not found and (":/" in str(name) or str(name).startswith("//")):
            continue
        if len(found) != 1:
            faults.append(_unnamed(machine, str(name), found))
            continue
        (path,) = found
        if path in named and named[path][1] != word:
            faults.append(
                f"'{_short(name)}' and '{_short(named[path][0])}' are one device, and are to be "
                f"{_short(word)} and {_short(named[path][1])}"
            )
            continue
        named[path] = str(name), word
    for path, part, _ in _devices(machine):
        name, word = named.get(path, ("", ""))
        asked = word == Placement.ASK and isinstance(part, NetworkFilesystem)  # as it is, unsaid
        if name and not asked and (why := refusal(part, word)):
            faults.append(f"{_short(name)}: {why}")
    if faults:
        raise BadInput(
            f"Some placements cannot be used: {'; '.join(faults)}.",
            "Name each device as 'coldferry plan' lists it, as in disk1=drop or fs-0123=remote.",
        )
    return {
        path: _as_kept(part, named[path][1]) for path, part, _ in _devices(machine) if path in named
    }


def with_placements(answers: Mapping[str, Any], placed: Placements) -> dict[str, Any]:
    """Answers, and the placements beside them: what an option says goes before a file's word.

    What is copied needs no answer, and a file system that is asked about has none.
    """
    silent = {
        path
        for path, word in placed.items()
        if word == Placement.COPY or (word == Placement.ASK and not path.startswith("disks"))
    }
    kept = {path: said for path, said in answers.items() if path not in placed}
    return kept | {path: word for path, word in placed.items() if path not in silent}


def other_placements(
    machine: Machine, kept: Mapping[str, Any], placed: Placements
) -> dict[str, tuple[str, str]]:
    """By path, what was approved and what is wanted now, where the two differ.

    Each device that is named must be as it was approved, and each disk that
    was dropped must be named: nothing is left behind unsaid. What is asked
    about is as it was answered.
    """
    wanted = dict(placed)
    for index in dropped(machine, kept):
        wanted.setdefault(disk_path(index), Placement.COPY.value)
    found = {path: word_of(kept.get(path, Placement.COPY)) for path in wanted}
    return {
        path: (found[path], word)
        for path, word in wanted.items()
        if word not in (found[path], Placement.ASK)
    }


def name_of(path: str) -> str:
    """``disk1`` for ``disks[1].id``; a file system is named by its path."""
    index = path.partition("[")[2].partition("]")[0]
    return f"disk{index}" if path.startswith("disks[") else path


def _devices(machine: Machine) -> Iterator[tuple[str, Disk | NetworkFilesystem, set[str]]]:
    """Path, part and names of each device, in the description's order."""
    for index, disk in enumerate(machine.disks):
        path = disk_path(index)
        names = {f"disk{index}", path, disk.device, disk.id, disk.id.rpartition("/")[2]}
        yield path, disk, names - {""}
    for index, share in enumerate(machine.network_filesystems):
        yield share_path(index), share, {share_path(index), share.id} - {""}


def _as_kept(part: Disk | NetworkFilesystem, word: str) -> str:
    """A file system that is dropped is taken out of the guest's list."""
    dropped_share = isinstance(part, NetworkFilesystem) and word == Placement.DROP
    return Placement.REMOVE.value if dropped_share else word


def _unnamed(machine: Machine, name: str, found: list[str]) -> str:
    if found:
        several = " and ".join(map(name_of, found))
        return f"'{_short(name)}' names more than one device ({several}): name one of those"
    known = [f"disk{index}" for index in range(len(machine.disks))]
    known += [plain(share.id, 40) for share in machine.network_filesystems]
    listed = plain(", ".join(known), _MOST_SAID) or "none"
    return f"the machine has no device '{_short(name)}' (it has {listed})"


def _short(word: Any) -> str:
    return plain(word, 80)
