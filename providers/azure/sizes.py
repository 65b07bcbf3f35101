"""The size: smallest of the live catalogue that is enough, or a person's choice.

Pages: "Sizes for virtual machines in Azure", "Resource Skus - List" (the
capabilities' names), "Support for Generation 2 VMs on Azure", "Check vCPU
quotas". The rule itself is ours: enough of everything, smallest excess.
"""

import re
from dataclasses import dataclass
from typing import Any

from coldferry.machine import UNKNOWN, Machine
from coldferry.rules import Outcome, Rule, Unfit
from coldferry.translation import ACKNOWLEDGE as ACKNOWLEDGED
from coldferry.translation import Answers
from coldferry.verdicts import equivalent, exact, missing
from providers.azure.catalogue import GIB, Catalogue, Q, Size, origin_mark
from providers.azure.rules_disk_kind import kind_for

GENERATIONS = {"bios": "V1", "uefi": "V2"}
_NEAREST = 5

# Paid for or behaving otherwise than a plain VM: never chosen without being asked for. B are
# burstable (CPU credits), N have GPUs, H are for clusters, DC and EC are confidential.
_SPECIAL = re.compile(r"Standard_(B|N|H|DC|EC)|Standard_\w*\d-\d|Basic_", re.ASCII)


def said_or(machine_value: Any, answers: Answers, path: str) -> Any:
    """The source's value, or a person's where the source could not tell."""
    if machine_value != UNKNOWN:
        return machine_value
    answer = answers.get(path, UNKNOWN)
    return UNKNOWN if answer == ACKNOWLEDGED else answer


@dataclass(frozen=True)
class Needs:
    """What a size must have besides CPUs and memory. UNKNOWN and None are not asked for."""

    architecture: str
    generation: str | None
    data_disks: int
    nics: int
    premium: bool
    origin: str


def needs(machine: Machine, catalogue: Catalogue, answers: Answers) -> Needs:
    """What this machine needs, by what is known and answered so far."""
    kinds = [kind_for(machine, n, catalogue, answers) for n in range(len(machine.disks))]
    return Needs(
        architecture=said_or(machine.architecture, answers, "architecture"),
        generation=GENERATIONS.get(said_or(machine.firmware, answers, "firmware")),
        data_disks=sum(not disk.root for disk in machine.disks),
        nics=len(machine.nics),
        premium=any(kind.startswith("Premium") for kind in kinds if kind),
        origin=origin_mark(machine),
    )


def lacks(size: Size, need: Needs) -> str:
    """What is needed and the size has not, but for CPUs and memory; empty when nothing."""
    reasons = [
        (bool(size.restricted), f"is not available to this subscription ({size.restricted})"),
        (need.architecture not in (UNKNOWN, size.architecture), f"has {size.architecture} CPUs"),
        (
            need.generation not in (None, *size.generations),
            f"cannot boot generation {need.generation}",
        ),
        ("SCSI" not in size.controllers, "attaches disks by NVMe only"),
        (size.max_data_disks < need.data_disks, f"takes {size.max_data_disks} data disks"),
        (size.max_nics < need.nics, f"takes {size.max_nics} network interfaces"),
        (need.premium and not size.premium_io, "takes no Premium SSD"),
    ]
    return ", ".join(text for true, text in reasons if true)


def _over_quota(size: Size, need: Needs, catalogue: Catalogue) -> bool:
    """Chosen last, and then refused by the preflight, which says what to ask for."""
    left = catalogue.cores_left(size.family, need.origin)
    return left is not None and left < size.vcpus


def chosen_size(machine: Machine, catalogue: Catalogue, answers: Answers) -> Size | None:
    """The size that the VM gets: a person's, else the rule's, None while it is open."""
    said = answers.get("instance_type")
    if isinstance(said, str) and said != ACKNOWLEDGED and (named := catalogue.size(said)):
        return named
    need = needs(machine, catalogue, answers)
    kept = catalogue.size(machine.instance_type)
    if kept and not lacks(kept, need):
        return kept
    if need.architecture == UNKNOWN:
        return None
    fitting = [
        size
        for size in catalogue.sizes
        if not _SPECIAL.match(size.name)
        and size.vcpus >= machine.vcpus
        and size.memory_bytes >= machine.memory_bytes
        and not lacks(size, need)
    ]
    return min(
        fitting,
        key=lambda size: (_over_quota(size, need, catalogue), *_excess(size, machine)),
        default=None,
    )


def _excess(size: Size, machine: Machine) -> tuple[Any, ...]:
    # Of equals, the plainest: Premium SSD possible, newest version, fewest letters, then by name.
    version = re.search(r"_v(\d+)$", size.name)
    return (
        size.memory_bytes - machine.memory_bytes,
        size.vcpus - machine.vcpus,
        not size.premium_io,
        -int(version[1]) if version else -1,
        len(size.name),
        size.name,
    )


def _distance(size: Size, machine: Machine) -> tuple[Any, ...]:
    short = max(0, machine.vcpus - size.vcpus) / machine.vcpus
    short += max(0, machine.memory_bytes - size.memory_bytes) / machine.memory_bytes
    over = max(0, size.vcpus - machine.vcpus) / machine.vcpus
    over += max(0, size.memory_bytes - machine.memory_bytes) / machine.memory_bytes
    # Too little is worse than too much.
    return (short * 4 + over, *_excess(size, machine)[2:])


def _decide(question: Q) -> Outcome:
    machine, catalogue, answers = question.machine, question.catalogue, question.answers
    # A person's word is weighed by _accept; here the rule speaks for itself.
    silent = {path: said for path, said in answers.items() if path != "instance_type"}
    size = chosen_size(machine, catalogue, silent)
    if size is None:
        return missing(
            "No size on offer is sure to be enough: "
            f"{_capacity(machine.vcpus, machine.memory_bytes)} are needed.",
            _nearest(machine, catalogue, silent),
        )
    return _chosen(size, machine, "The smallest size on offer that is enough.")


def _accept(question: Q, said: Any) -> Outcome:
    machine = question.machine
    size = question.catalogue.size(str(said))
    if size is None:
        raise Unfit(f"there is no size '{said}' in {question.catalogue.location}")
    need = needs(machine, question.catalogue, question.answers)
    reason = lacks(size, need)
    if reason:
        raise Unfit(f"{size.name} {reason}")
    return _chosen(size, machine, "Chosen by a person.")


def _chosen(size: Size, machine: Machine, reason: str) -> Outcome:
    if machine.instance_type == size.name:
        return exact(reason, size.name)
    return equivalent(
        reason, size.name, f"{machine.instance_type} -> {size.name}: {_compared(size, machine)}."
    )


def _compared(size: Size, machine: Machine) -> str:
    if size.vcpus == machine.vcpus and size.memory_bytes == machine.memory_bytes:
        return "same vCPUs and memory"
    return (
        f"{_capacity(machine.vcpus, machine.memory_bytes)} become "
        f"{_capacity(size.vcpus, size.memory_bytes)}"
    )


def _capacity(vcpus: int, memory_bytes: int) -> str:
    return f"{vcpus} vCPUs and {memory_bytes / GIB:g} GiB"


def _nearest(machine: Machine, catalogue: Catalogue, answers: Answers) -> list[tuple[str, str]]:
    need = needs(machine, catalogue, answers)
    possible = [size for size in catalogue.sizes if not lacks(size, need)]
    near = sorted(
        possible,
        key=lambda size: (_over_quota(size, need, catalogue), *_distance(size, machine)),
    )[:_NEAREST]
    return [(size.name, _compared(size, machine)) for size in near]


def _follow(what: str, value: str) -> Any:
    def decide(question: Q) -> Outcome:
        size = chosen_size(question.machine, question.catalogue, question.answers)
        if size is None:
            return equivalent("Follows from instance_type.", None)
        target = getattr(size, value)
        if target == question.value:
            return exact(f"{size.name} has the same.", target)
        return equivalent(
            "Follows from instance_type.", target, f"{size.name} has {target} {what}, "
            f"the source has {question.value}."
        )  # fmt: skip

    return decide


_PAGE = "learn.microsoft.com: Sizes for virtual machines in Azure"

RULES: dict[str, Rule[Catalogue]] = {
    "instance_type": Rule("azure.size", _decide, _accept, source=_PAGE),
    "vcpus": Rule(
        "azure.size.vcpus", _follow("vCPUs", "vcpus"), source=_PAGE,
        instead="Answer instance_type.",
    ),
    "memory_bytes": Rule(
        "azure.size.memory", _follow("bytes of memory", "memory_bytes"), source=_PAGE,
        instead="Answer instance_type.",
    ),
}  # fmt: skip
