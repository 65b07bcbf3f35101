"""Azure's sizes as offers: the live catalogue in the words of ``coldferry.sizing``.

Pages: "Sizes for virtual machines in Azure", "Azure virtual machine sizes naming
conventions" (what the letters of a name mean), "Resource Skus - List" (the
capabilities' names), "Support for Generation 2 VMs on Azure", "Check vCPU quotas".
"""

import re
from typing import Any

from coldferry.offered import origin_mark
from coldferry.placement import kept
from coldferry.rules import Rule
from coldferry.sizing import Needs, Offer, needs_of, once
from coldferry.sizing_rules import size_rules
from providers.azure.catalogue import Catalogue, Q, Size
from providers.azure.rules_disk_kind import KIND, kind_for

GENERATIONS = {"bios": "V1", "uefi": "V2"}
_FIRMWARES = {generation: firmware for firmware, generation in GENERATIONS.items()}

_SPECIAL = (
    (re.compile(r"Standard_B", re.ASCII), "burstable: throttled once its CPU credits are spent"),
    (re.compile(r"Standard_N", re.ASCII), "made for GPUs or other accelerators"),
    (re.compile(r"Standard_H", re.ASCII), "made for clusters (high performance computing)"),
    (re.compile(r"Standard_(DC|EC)", re.ASCII), "a confidential size"),
    (
        re.compile(r"Standard_[A-Z]+\d+-\d", re.ASCII),
        "constrained: paid for as the larger size with all vCPUs",
    ),
    (re.compile(r"Basic_", re.ASCII), "of the Basic tier"),
)
"""Paid for or behaving otherwise than a plain VM: never chosen without being asked for."""


_PREMIUM, _SCSI = "premium storage", "scsi"


def _shop(question: Q) -> tuple[list[Offer], Needs]:
    machine, catalogue, answers = question.machine, question.catalogue, question.answers
    kinds = [kind_for(machine, n, catalogue, answers) for n in kept(machine, answers)]
    premium = any(kind.startswith("Premium") for kind in kinds if kind)
    need = needs_of(
        machine,
        answers,
        # The VM is made in the region, without a zone: zones of sizes play no part.
        wants=frozenset((_SCSI, _PREMIUM) if premium else (_SCSI,)),
        quota_left=catalogue.cores_left_by_family(origin_mark(machine)),
    )
    return _offers(catalogue.sizes), need


def _offer(size: Size) -> Offer:
    lacks = {}
    if "SCSI" not in size.controllers:
        lacks[_SCSI] = "attaches disks by NVMe only"
    if not size.premium_io:
        lacks[_PREMIUM] = "takes no Premium SSD"
    return Offer(
        name=size.name,
        vcpus=size.vcpus,
        memory_bytes=size.memory_bytes,
        architectures=(size.architecture,) if size.architecture else (),
        firmwares=tuple(_FIRMWARES[word] for word in size.generations if word in _FIRMWARES),
        max_disks=size.max_data_disks + 1,
        max_nics=size.max_nics,
        accelerators=size.gpus,
        burstable=burstable(size.name),
        special=next((words for name, words in _SPECIAL if name.match(size.name)), ""),
        lacks=lacks,
        restricted=size.restricted,
        quota=size.family,
        by_name=_by_name(size),
    )


_offers = once(_offer)


def burstable(name: str) -> bool:
    """Sizes of the B family earn credits ("B-series CPU credit model")."""
    return name.startswith("Standard_B")


def _by_name(size: Size) -> tuple[Any, ...]:
    # As names are read: 's' (Premium SSD possible, at the same price) first, then the newest
    # version, the fewest letters, the alphabet.
    version = re.search(r"_v(\d+)$", size.name)
    return not size.premium_io, -int(version[1]) if version else -1, len(size.name)


RULES: dict[str, Rule[Catalogue]] = size_rules(
    "azure",
    "learn.microsoft.com: Sizes for virtual machines in Azure",
    _shop,
    follows=("architecture", "firmware", KIND),
)
