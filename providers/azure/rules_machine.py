"""The machine itself: name, firmware, architecture, place.

Pages: "Naming rules and restrictions for Azure resources", "Support for
Generation 2 VMs on Azure", "Create a VM from a specialized disk".
"""

import re
from collections.abc import Iterator
from itertools import count, islice
from typing import Any

from coldferry.choices import CHOICE, choice, said_or
from coldferry.left_behind import tenancy
from coldferry.machine import Machine
from coldferry.migration import slug
from coldferry.offered import origin_mark
from coldferry.rules import Outcome, Rule, Unfit
from coldferry.translation import Answers
from coldferry.verdicts import equivalent, exact, missing
from providers.azure.catalogue import Catalogue, Q
from providers.azure.words import AZURE

REGIONAL = "regional"

_LINUX_NAME = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9.-]{0,62}[A-Za-z0-9])?")
_WINDOWS_NAME = re.compile(r"(?=.*[A-Za-z-])[A-Za-z0-9](?:[A-Za-z0-9-]{0,13}[A-Za-z0-9])?")


def _limit(machine: Machine, answers: Answers) -> int:
    return 15 if said_or(machine.os_family, answers, "os_family") == "windows" else 64


def _legal(name: str, machine: Machine, answers: Answers) -> bool:
    pattern = _WINDOWS_NAME if _limit(machine, answers) == 15 else _LINUX_NAME
    return pattern.fullmatch(name) is not None


def _taken(name: str, machine: Machine, catalogue: Catalogue) -> bool:
    mine = origin_mark(machine)
    return any(vm.name.lower() == name.lower() and vm.origin != mine for vm in catalogue.vms)


def _made_legal(machine: Machine, answers: Answers) -> str:
    name = slug(machine.name, _limit(machine, answers))
    # A Windows name of digits alone is illegal.
    return name if _legal(name, machine, answers) else f"vm-{name}"[:15].rstrip("-")


def _numbered(name: str, limit: int) -> Iterator[str]:
    return (f"{name[: limit - len(end)].rstrip('.-')}{end}" for end in (f"-{n}" for n in count(2)))


def _name(question: Q) -> Outcome:
    machine, answers = question.machine, question.answers
    legal = _legal(machine.name, machine, answers)
    name = machine.name if legal else _made_legal(machine, answers)
    if _taken(name, machine, question.catalogue):
        numbered = _numbered(name, _limit(machine, answers))
        free = (n for n in numbered if not _taken(n, machine, question.catalogue))
        offered = list(islice(free, 2))
        windows = said_or(machine.os_family, answers, "os_family") == "windows"
        return missing(
            f"There is a VM '{name}' in the resource group already.",
            [(n, "is not used") for n in offered],
            pattern=f"^{(_WINDOWS_NAME if windows else _LINUX_NAME).pattern}$",
            example=next(iter(offered), ""),
            proposal=next(iter(offered), ""),
        )
    if legal:
        return exact("The name is legal and not used.", name)
    return equivalent(
        "The name breaks Azure's naming rules.", name, f"'{machine.name}' becomes '{name}'."
    )


def _accept_name(question: Q, said: Any) -> Outcome:
    name = str(said)
    if not _legal(name, question.machine, question.answers):
        raise Unfit(
            f"'{name}' is no legal VM name: letters, digits, '.' and '-', at most 64 characters "
            "(Windows: 15, no '.')"
        )
    if _taken(name, question.machine, question.catalogue):
        raise Unfit(f"there is a VM '{name}' in the resource group already")
    return equivalent("Chosen by a person.", name, f"'{question.value}' becomes '{name}'.")


_firmware = choice(
    "Generation 1 boots by BIOS, generation 2 by UEFI; fixed for disk and VM.",
    {"bios": "a generation 1 VM", "uefi": "a generation 2 VM"},
    "The source could not tell how the disk boots, and a wrong generation does not boot.",
)
_architecture = choice(
    "Sizes of the same CPU architecture are chosen.",
    {"x86_64": "Intel or AMD", "arm64": "Ampere or Cobalt"},
    "The source could not tell the CPU architecture.",
)
_os_family = choice(
    "Told to Azure with the OS disk.",
    {"linux": "any Linux or Unix", "windows": "Microsoft Windows"},
    "Azure must know the family of the guest's system.",
)


def _zone(question: Q) -> Outcome:
    if question.value == question.catalogue.location:
        return exact("It is in no zone of the region, and neither is the new VM.", REGIONAL)
    return equivalent(
        "The VM is made in the region: a zone is a promise of the source's.", REGIONAL,
        "Created in the region, without a zone.",
    )  # fmt: skip


RULES: dict[str, Rule[Catalogue]] = {
    "name": AZURE.rule(
        "name", _name, _accept_name, about="names", follows=("name", "os_family"),
        may=("exact", "equivalent", "missing"),
        says="The name is kept, or made legal; asked for when a VM in the resource group has it.",
    ),
    "architecture": AZURE.rule(
        "architecture", *_architecture, about="generation", may=CHOICE,
        says="The CPU architecture is kept; asked for where the source could not tell.",
    ),
    "firmware": AZURE.rule(
        "firmware", *_firmware, about="generation", may=CHOICE,
        says="BIOS becomes generation 1, UEFI generation 2; asked for where the source could not "
        "tell.",
    ),
    "os_family": AZURE.rule(
        "os-family", *_os_family, about="hostname", may=CHOICE,
        says="The system's family is told to Azure; asked for where the source could not tell.",
    ),
    "zone": AZURE.rule(
        "zone", _zone, about="zones", may=("exact", "equivalent"),
        says="The VM is created in the region, without a zone.",
    ),
    "tenancy": AZURE.rule(
        "tenancy", tenancy(("default",)), about="hosts",
        may=("exact", "equivalent", "dropped, acknowledge"),
        says="Created on shared hosts; the loss of hardware of its own must be acknowledged.",
    ),
}  # fmt: skip
