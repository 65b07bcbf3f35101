"""The kind of a disk (its volume type), chosen by figures, and the figures that are provisioned.

What the source's disk can do is in its description; the word for its kind means
something here only if it comes from EC2. Page: "Amazon EBS volume types".
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from math import ceil
from typing import Any

from coldferry.dialect import Decide
from coldferry.machine import UNKNOWN, Disk, Machine
from coldferry.performance import as_good, becomes, figures, has_figures, share, shortfalls
from coldferry.rules import Outcome, Rule, Unfit
from coldferry.translation import ACKNOWLEDGE as ACKNOWLEDGED
from coldferry.translation import Answers, Candidate
from coldferry.verdicts import ACKNOWLEDGE, BLOCK, INFORM, equivalent, exact, impossible, missing
from providers.aws.catalogue import GIB, Catalogue, Q
from providers.aws.volume_figures import Figures, figures_of
from providers.aws.volume_types import VolumeType
from providers.aws.words import AWS

KIND = "disks[].kind"
IOPS = "disks[].iops"
THROUGHPUT = "disks[].throughput_bytes_s"

BY_RULE = ("gp3", "io2")
"""The cheaper first; others are taken over from EC2 or named by a person."""

_OFFERED = (*BY_RULE, "st1", "sc1")
_UNASKED_IOPS = 3000
"""What gp3 has without being asked for more: for a disk whose figures nobody knows."""

_MIB = 1 << 20


@dataclass(frozen=True)
class Volume:
    """What one disk becomes: its type, its size and what it can do all the time."""

    type: VolumeType
    size_bytes: int
    can: Figures

    @property
    def iops(self) -> int:
        """As a figure to compare; the most that the type has where it has none of its own."""
        return self.can.iops if isinstance(self.can.iops, int) else self.type.max_iops

    @property
    def throughput_bytes_s(self) -> int:
        """As a figure to compare."""
        rate = self.can.throughput_bytes_s
        return rate if isinstance(rate, int) else self.type.max_throughput_bytes_s

    def short(self, disk: Disk) -> list[str]:
        """What it has less than the source's."""
        medium = None if self.can.medium == UNKNOWN else self.can.medium
        return shortfalls(disk, self.iops, self.throughput_bytes_s, medium)

    @property
    def words(self) -> str:
        """``gp3, General Purpose SSD (3000 IOPS, 125 MiB/s)``."""
        told = figures(self.iops, self.throughput_bytes_s)
        return f"{self.type.name}, {self.type.words} ({told})"


def sized(disk: Disk, least_bytes: int = GIB) -> int:
    """Whole GiB, and as many as the type has at least."""
    return max(-(-disk.size_bytes // GIB) * GIB, least_bytes)


def volume_for(
    machine: Machine, index: int, catalogue: Catalogue, answers: Answers
) -> Volume | None:
    """What disk ``index`` becomes by answers, else by rule; None while its kind is open."""
    disk = machine.disks[index]
    said = answers.get(f"disks[{index}].kind")
    row = _fitting(str(said), disk, catalogue) if said != ACKNOWLEDGED else None
    row = row or _by_rule(machine, disk, catalogue)
    if row is None:
        return None
    return _volume(
        row, disk, _number(answers, f"disks[{index}].iops"),
        _number(answers, f"disks[{index}].throughput_bytes_s"),
    )  # fmt: skip


def _number(answers: Answers, path: str) -> int | None:
    text = str(answers.get(path, ""))
    return int(text) if text.isascii() and text.isdigit() and len(text) < 16 else None


def _fitting(name: str, disk: Disk, catalogue: Catalogue) -> VolumeType | None:
    """The type of that name, if it can hold the disk."""
    return next((row for row in _possible(disk, catalogue) if row.name == name), None)


def _possible(disk: Disk, catalogue: Catalogue) -> Iterable[VolumeType]:
    for row in catalogue.volume_types:
        if sized(disk) <= row.max_bytes and (row.bootable or not disk.root):
            yield row


def _volume(
    row: VolumeType, disk: Disk, iops: int | None = None, throughput_bytes_s: int | None = None
) -> Volume:
    """The type with the source's figures, as far as it can have them, or with those asked for."""
    size_bytes = sized(disk, row.min_bytes)
    wanted = _wanted_iops(row, disk) if iops is None else iops
    rate = disk.throughput_bytes_s if throughput_bytes_s is None else throughput_bytes_s
    least, most = iops_range(row, size_bytes)
    asked = min(max(wanted, least), most) if row.sets_iops else None
    asked_mib_s = None
    if row.sets_throughput and asked is not None:
        least_rate, most_rate = throughput_range(row, asked)
        known = rate if isinstance(rate, int) else 0
        asked_mib_s = min(max(ceil(known / _MIB), least_rate // _MIB), most_rate // _MIB)
    return Volume(row, size_bytes, figures_of(row.name, size_bytes // GIB, asked, asked_mib_s))


def _wanted_iops(row: VolumeType, disk: Disk) -> int:
    """The source's, and as many as its throughput needs."""
    if not has_figures(disk):
        return _UNASKED_IOPS
    rate = disk.throughput_bytes_s if isinstance(disk.throughput_bytes_s, int) else 0
    return max(
        disk.iops if isinstance(disk.iops, int) else 0,
        ceil(rate / (row.throughput_per_iops or _MIB)),
    )


def iops_range(row: VolumeType, size_bytes: int) -> tuple[int, int]:
    """The least and the most IOPS that can be asked for at this size."""
    by_size = (row.iops_per_gib or 0) * (size_bytes // GIB)
    return row.min_iops, max(row.min_iops, min(row.max_iops, by_size))


def throughput_range(row: VolumeType, iops: int) -> tuple[int, int]:
    """The least and the most bytes/s that can be asked for with these IOPS."""
    by_iops = (row.throughput_per_iops or 0) * iops
    least = row.min_throughput_bytes_s
    return least, max(least, min(row.max_throughput_bytes_s, by_iops))


def _own(machine: Machine, disk: Disk, catalogue: Catalogue) -> VolumeType | None:
    """The source's own type, where the source is EC2 too."""
    known = machine.origin.provider == AWS.prefix
    return _fitting(disk.kind, disk, catalogue) if known else None


def _by_rule(machine: Machine, disk: Disk, catalogue: Catalogue) -> VolumeType | None:
    """The cheaper that is enough; where none is, the one that is short least."""
    own = _own(machine, disk, catalogue)
    if own is not None:
        return own
    if disk.medium == UNKNOWN or not has_figures(disk):
        return None
    rows = [row for name in BY_RULE if (row := _fitting(name, disk, catalogue))]
    volumes = [_volume(row, disk) for row in rows]
    enough = next((volume for volume in volumes if not volume.short(disk)), None)
    best = enough or max(
        reversed(volumes),
        key=lambda volume: (
            volume.can.medium != UNKNOWN and as_good(volume.can.medium, disk.medium),
            share(disk, volume.iops, volume.throughput_bytes_s),
        ),
        default=None,
    )
    return best.type if best else None


def _decide(question: Q) -> Outcome:
    disk: Disk = question.item("disks")
    row = _by_rule(question.machine, disk, question.catalogue)
    if row is not None:
        return _with_others(
            _carried(row, disk, "By the source's figures."), disk, question.catalogue
        )
    candidates = _candidates(disk, question.catalogue)
    if not candidates:
        return impossible(
            "No volume type is as large.", "Shrink the disk at the source first.",
            consequence=BLOCK,
        )  # fmt: skip
    return missing(
        f"How fast this disk is, is not known: '{disk.kind}' is a word of the source's own.",
        candidates,
    )


def _with_others(outcome: Outcome, disk: Disk, catalogue: Catalogue) -> Outcome:
    """A downgrade is agreed to, or another kind is chosen instead."""
    if outcome.consequence is not ACKNOWLEDGE:
        return outcome
    others = [one for one in _candidates(disk, catalogue) if one[0] != outcome.target]
    return replace(outcome, candidates=tuple(Candidate(value=v, meaning=m) for v, m in others))


def _accept(question: Q, said: Any) -> Outcome:
    disk: Disk = question.item("disks")
    row = _fitting(str(said), disk, question.catalogue)
    if row is None:
        offered = ", ".join(row.name for row in _possible(disk, question.catalogue))
        raise Unfit(f"this disk cannot be of the type '{said}'; possible are {offered or 'none'}")
    # Who names a slower type has seen its figures among the candidates.
    found = _carried(row, disk, "Chosen by a person.")
    return Outcome(found.verdict, found.reason, found.target, found.difference)


def _carried(row: VolumeType, disk: Disk, reason: str) -> Outcome:
    volume = _volume(row, disk)
    short = volume.short(disk)
    if row.name == disk.kind and not short:
        return exact(reason, row.name)
    return equivalent(
        reason, row.name, becomes(disk, volume.words, short), ACKNOWLEDGE if short else INFORM
    )


def _candidates(disk: Disk, catalogue: Catalogue) -> list[tuple[str, str]]:
    volumes = [_volume(row, disk) for row in _possible(disk, catalogue) if row.name in _OFFERED]
    return [
        (volume.type.name, "; ".join([volume.words, *volume.short(disk)])) for volume in volumes
    ]


def _figure(what: str) -> Decide:
    """``what`` of the volume's figures: medium, iops, throughput_bytes_s."""

    def decide(question: Q) -> Outcome:
        index, path = question.leaf.index[0], question.leaf.path
        silent = {other: said for other, said in question.answers.items() if other != path}
        volume = volume_for(question.machine, index, question.catalogue, silent)
        if volume is None:
            return equivalent("Follows from the disk's kind.", None)
        target = getattr(volume.can, what)
        if target == question.value:
            return exact(f"{volume.type.name} has the same.", target)
        return equivalent(
            "Follows from the disk's kind, size and figures.", target,
            f"{volume.words}; the source has {question.value}.",
        )  # fmt: skip

    return decide


def _accept_iops(question: Q, said: Any) -> Outcome:
    volume = _settable(question, "sets_iops")
    least, most = iops_range(volume.type, volume.size_bytes)
    return _within(question, said, least, most, "IOPS")


def _accept_throughput(question: Q, said: Any) -> Outcome:
    volume = _settable(question, "sets_throughput")
    return _within(question, said, *throughput_range(volume.type, volume.iops), "bytes/s")


def _settable(question: Q, flag: str) -> Volume:
    index = question.leaf.index[0]
    volume = volume_for(question.machine, index, question.catalogue, question.answers)
    if volume is None:
        raise Unfit(f"answer disks[{index}].kind with it")
    if not getattr(volume.type, flag):
        raise Unfit(f"with {volume.type.name} it follows from size or IOPS and cannot be chosen")
    return volume


def _within(question: Q, said: Any, least: int, most: int, unit: str) -> Outcome:
    number = _number({question.leaf.path: said}, question.leaf.path)
    if number is None or not least <= number <= most:
        raise Unfit(f"give a whole number of {unit} from {least} to {most}")
    if unit == "bytes/s":
        number = min(most, ceil(number / _MIB) * _MIB)
    return equivalent("Chosen by a person.", number, f"{number} {unit} are provisioned.")


RULES: dict[str, Rule[Catalogue]] = {
    KIND: AWS.rule(
        "disk.kind", _decide, _accept, about="volume types",
        may=("exact", "equivalent", "equivalent, acknowledge", "missing", "impossible, block"),
        says="EC2's own type is kept; another disk becomes gp3 or, above it, io2, by IOPS, "
        "throughput and what it is made of; a downgrade is named and must be acknowledged; a disk "
        "whose speed is not known is asked about.",
    ),
    "disks[].medium": AWS.rule(
        "disk.medium", _figure("medium"), about="volume types", follows=(KIND,),
        may=("exact", "equivalent"), instead="Answer the disk's kind.",
        says="What the chosen volume type is made of.",
    ),
    IOPS: AWS.rule(
        "disk.iops", _figure("iops"), _accept_iops, about="volume types", even_if_absent=True,
        may=("exact", "equivalent"), follows=(KIND,),
        says="Provisioned as the source has them, within what the volume type allows.",
    ),
    THROUGHPUT: AWS.rule(
        "disk.throughput", _figure("throughput_bytes_s"), _accept_throughput,
        about="volume types", even_if_absent=True, may=("exact", "equivalent"),
        follows=(KIND, IOPS),
        says="Provisioned as the source has it where the volume type allows; else it follows from "
        "IOPS or size.",
    ),
}  # fmt: skip
