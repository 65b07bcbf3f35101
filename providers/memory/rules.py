"""What this cloud makes of a description: all is carried but size, subnet and placements."""

from typing import Any

from coldferry.dialect import OURS
from coldferry.leaves import schema_patterns
from coldferry.placement import OF_DISKS, OF_SHARES
from coldferry.placement_rules import (
    PLACED_DISK,
    PLACED_SHARE,
    new_disk,
    placed_disk,
    placed_share,
    share,
)
from coldferry.rules import Outcome, Question, Rule, Unfit
from coldferry.verdicts import equivalent, exact, missing
from providers.memory.world import World

Q = Question[World]


def _carry(question: Q) -> Outcome:
    return exact("Memory holds any value.", question.value)


def _size(question: Q) -> Outcome:
    machine = question.machine
    sizes = question.catalogue.sizes
    fits = [
        name
        for name, (vcpus, memory_bytes) in sizes.items()
        if vcpus >= machine.vcpus and memory_bytes >= machine.memory_bytes
    ]
    if not fits:
        return missing("No size here is as large.", [(name, "") for name in sorted(sizes)])
    best = min(fits, key=lambda name: (sizes[name], name))
    return equivalent(
        "The smallest size that is large enough.", best, f"{question.value} becomes {best}."
    )


def _accept_size(question: Q, said: Any) -> Outcome:
    if said not in question.catalogue.sizes:
        raise Unfit(f"there is no size {said!r} here")
    return equivalent("A person chose it.", said)


def _subnet(question: Q) -> Outcome:
    known = [(name, "") for name in question.catalogue.subnets]
    return missing("Which network it belongs to is a person's to say.", known)


def _accept_subnet(question: Q, said: Any) -> Outcome:
    if said not in question.catalogue.subnets:
        raise Unfit(f"there is no subnet {said!r} here")
    return equivalent("A person chose it.", said)


_CARRY: Rule[World] = Rule(
    "memory.carry", _carry, source=OURS, says="Carried as it is.", may=("exact",)
)

RULES: dict[str, Rule[World]] = {
    **dict.fromkeys(schema_patterns(), _CARRY),
    "disks[].id": Rule(
        "memory.disk", new_disk, placed_disk, source=OURS, words=OF_DISKS, may=PLACED_DISK,
        says="A new disk is made. One that is dropped is left behind; that must be acknowledged.",
    ),
    "network_filesystems[].id": Rule(
        "memory.share", share, placed_share, source=OURS, words=OF_SHARES, may=PLACED_SHARE,
        says="Its files are not copied: that is acknowledged, or a person says what becomes of it.",
    ),
    "instance_type": Rule(
        "memory.size", _size, _accept_size, source=OURS,
        says="The smallest size that is large enough; asked for when there is none.",
        may=("equivalent", "missing"),
    ),
    "nics[].subnet_id": Rule(
        "memory.subnet", _subnet, _accept_subnet, source=OURS,
        says="Which subnet an interface joins is a person's decision.",
        may=("missing", "equivalent"),
    ),
}  # fmt: skip
