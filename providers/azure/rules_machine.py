"""The machine itself: name, firmware, security, place, licence.

Pages: "Naming rules and restrictions for Azure resources", "Support for
Generation 2 VMs on Azure", "Trusted Launch for Azure virtual machines",
"Create a VM from a specialized disk".
"""

import re
from typing import Any

from coldferry.choices import said_or
from coldferry.machine import UNKNOWN, Machine
from coldferry.migration import slug
from coldferry.rules import Outcome, Rule, Unfit
from coldferry.translation import Answers
from coldferry.verdicts import dropped, equivalent, exact, lost, missing
from providers.azure.catalogue import Catalogue, Q, origin_mark

REGIONAL = "regional"

_LINUX_NAME = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9.-]{0,62}[A-Za-z0-9])?")
_WINDOWS_NAME = re.compile(r"(?=.*[A-Za-z-])[A-Za-z0-9](?:[A-Za-z0-9-]{0,13}[A-Za-z0-9])?")


def _legal(name: str, machine: Machine, answers: Answers) -> bool:
    windows = said_or(machine.os_family, answers, "os_family") == "windows"
    return (_WINDOWS_NAME if windows else _LINUX_NAME).fullmatch(name) is not None


def _taken(name: str, machine: Machine, catalogue: Catalogue) -> bool:
    mine = origin_mark(machine)
    return any(vm.name.lower() == name.lower() and vm.origin != mine for vm in catalogue.vms)


def _name(question: Q) -> Outcome:
    machine = question.machine
    windows = said_or(machine.os_family, question.answers, "os_family") == "windows"
    limit = 15 if windows else 64
    legal = _legal(machine.name, machine, question.answers)
    name = machine.name if legal else slug(machine.name, limit)
    if _taken(name, machine, question.catalogue):
        free = [f"{name[: limit - 2].rstrip('.-')}-{n}" for n in range(2, 9)]
        offered = [n for n in free if not _taken(n, machine, question.catalogue)][:2]
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


def _hostname(question: Q) -> Outcome:
    reason = "It is set inside the guest; the disk carries it."
    return exact(reason, question.value)


def _recorded(question: Q) -> Outcome:
    return exact("Recorded in a tag of the new VM.", question.value)


def _schema(question: Q) -> Outcome:
    return exact("The description's own version.", question.value)


def _choice(reason: str, options: dict[str, str], unknown: str) -> tuple[Any, Any]:
    """``decide`` and ``accept`` of a field that has a few known words."""

    def decide(question: Q) -> Outcome:
        if question.value == UNKNOWN:
            return missing(unknown, options.items())
        return exact(reason, question.value)

    def accept(question: Q, said: Any) -> Outcome:
        if question.value != UNKNOWN:
            raise Unfit("the source is sure of it, and it cannot be changed on the way")
        if said not in options:
            raise Unfit(f"'{said}' is none of {', '.join(options)}")
        return equivalent("Chosen by a person.", said, "The source could not tell.")

    return decide, accept


_firmware = _choice(
    "Generation 1 boots by BIOS, generation 2 by UEFI; fixed for disk and VM.",
    {"bios": "a generation 1 VM", "uefi": "a generation 2 VM"},
    "The source could not tell how the disk boots, and a wrong generation does not boot.",
)
_architecture = _choice(
    "Sizes of the same CPU architecture are chosen.",
    {"x86_64": "Intel or AMD", "arm64": "Ampere or Cobalt"},
    "The source could not tell the CPU architecture.",
)
_os_family = _choice(
    "Told to Azure with the OS disk.",
    {"linux": "any Linux or Unix", "windows": "Microsoft Windows"},
    "Azure must know the family of the guest's system.",
)


def _secure_boot(question: Q) -> Outcome:
    if question.value is True:
        return lost(
            "The VM is made with the standard security type.",
            "Created without Secure Boot: it needs Trusted Launch, which boots only what "
            "Microsoft's keys have signed.",
            target=False,
        )
    if question.value == UNKNOWN and question.machine.firmware != "bios":
        return lost(
            "The source could not tell whether it boots with Secure Boot.",
            "Created without Secure Boot.",
            target=False,
        )
    if question.value == UNKNOWN:
        return exact("A BIOS machine has no Secure Boot.", target=False)
    return exact("Created without Secure Boot.", target=False)


def _tpm(question: Q) -> Outcome:
    if question.value == UNKNOWN:
        return equivalent("The source could not tell.", None, "Created without a vTPM.")
    return lost(
        "What a TPM holds never leaves the source.",
        "Keys sealed to it (BitLocker, LUKS, Credential Guard) are lost: have the recovery keys "
        "ready, or suspend the protection before the halt.",
    )


def _zone(_question: Q) -> Outcome:
    return equivalent(
        "Zones of different clouds have nothing in common.", REGIONAL,
        "Created in the region, without a zone.",
    )  # fmt: skip


def _tenancy(question: Q) -> Outcome:
    if question.value == "default":
        return exact("Shared hosts.", "default")
    if question.value == UNKNOWN:
        return equivalent("The source could not tell.", "default", "Created on shared hosts.")
    return lost(
        "Dedicated hosts are not made by a migration.",
        f"'{question.value}' is lost: created on shared hosts.",
        target="default",
    )


def _stoppable(question: Q) -> Outcome:
    if question.value is False:
        return lost(
            "The source cannot be stopped, only terminated: its root is not persistent.",
            "Its disks are frozen together while it runs. Stop what writes to them first.",
            target=True,
        )
    return exact("It is stopped before its disks are frozen.", question.value)


def _licence(question: Q) -> Outcome:
    platform = str(question.value)
    words = platform.lower()
    if platform == UNKNOWN:
        return dropped("The source could not tell.", "No licence is attached at Azure.")
    if words in ("linux/unix", "linux", "unix"):
        return exact("Nothing is licensed by the hour.", platform)
    brings = "Windows" if "windows" in words else platform
    return lost(
        "What the source's hourly price paid for ends with it.",
        f"Bring a licence for {brings} (Azure Hybrid Benefit or your own subscription); the new "
        "VM has none attached.",
    )


def _product_codes(question: Q) -> Outcome:
    return lost(
        "Marketplace products are bought per cloud.",
        f"Buy these again or replace them: {', '.join(question.value)}.",
    )


_NAMES = "learn.microsoft.com: Naming rules and restrictions for Azure resources"
_GENERATION = "learn.microsoft.com: Support for Generation 2 VMs on Azure"
_TRUSTED = "learn.microsoft.com: Trusted Launch for Azure virtual machines"
_SPECIALIZED = "learn.microsoft.com: Create a VM from a specialized disk"
_HYBRID = "learn.microsoft.com: Azure Hybrid Benefit"

RULES: dict[str, Rule[Catalogue]] = {
    "schema_version": Rule("azure.schema", _schema),
    "origin.provider": Rule("azure.origin", _recorded),
    "origin.scope": Rule("azure.origin", _recorded),
    "origin.id": Rule("azure.origin", _recorded),
    "name": Rule("azure.name", _name, _accept_name, source=_NAMES),
    "hostname": Rule("azure.hostname", _hostname, source=_SPECIALIZED),
    "architecture": Rule("azure.architecture", *_architecture, source=_GENERATION),
    "firmware": Rule("azure.firmware", *_firmware, source=_GENERATION),
    "secure_boot": Rule("azure.secure-boot", _secure_boot, source=_TRUSTED),
    "tpm": Rule("azure.tpm", _tpm, source=_TRUSTED),
    "os_family": Rule("azure.os-family", *_os_family, source=_SPECIALIZED),
    "zone": Rule("azure.zone", _zone, source="learn.microsoft.com: What are availability zones?"),
    "tenancy": Rule("azure.tenancy", _tenancy, source="learn.microsoft.com: Azure dedicated hosts"),
    "stoppable": Rule("azure.stoppable", _stoppable),
    "licence.platform": Rule("azure.licence", _licence, source=_HYBRID),
    "licence.product_codes": Rule("azure.licence.products", _product_codes, source=_HYBRID),
}
