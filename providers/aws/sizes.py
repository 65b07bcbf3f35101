"""EC2's instance types as offers: the live catalogue in the words of ``coldferry.sizing``.

Pages: "Amazon EC2 instance types", "Amazon EC2 instance type naming conventions",
InstanceTypeInfo of the EC2 API reference, "Instance types built on the Nitro System".
"""

import re
from typing import Any

from coldferry.offered import origin_mark
from coldferry.rules import Rule
from coldferry.sizing import Needs, Offer, needs_of
from coldferry.sizing_rules import size_rules
from providers.aws.catalogue import Catalogue, InstanceType, Q

_CLUSTER = re.compile(r"hpc\d", re.ASCII)
_GENERATION = re.compile(r"(?:u-\d+tb|[a-z-]+)(\d+)", re.ASCII)
_HVM = "hvm"


def _shop(question: Q) -> tuple[list[Offer], Needs]:
    machine, catalogue = question.machine, question.catalogue
    origin = origin_mark(machine)
    need = needs_of(machine, question.answers, zone=_zone(question))
    offers = [_offer(kind, need, catalogue.vcpus_left(kind, origin)) for kind in catalogue.types]
    return offers, need


def _zone(question: Q) -> str:
    """The zone of the subnets that were chosen so far: a subnet lies in one zone."""
    said = [question.answers.get(f"nics[{n}].subnet_id") for n in range(len(question.machine.nics))]
    zones = (
        subnet.zone
        for name in said
        for subnet in question.catalogue.subnets
        if name is not None and name in (subnet.id, subnet.short)
    )
    return next((zone for zone in zones if zone), "")


def _offer(kind: InstanceType, need: Needs, left: int | None) -> Offer:
    # Where attachments are shared, every interface after the first takes a disk's place.
    taken = max(0, need.nics - 1) if kind.shared_attachments else 0
    lacks = [
        (_HVM not in kind.virtualization, "has no hardware virtualisation (HVM)"),
        (not kind.ebs_root, "boots from no EBS volume"),
    ]
    return Offer(
        name=kind.name,
        vcpus=kind.vcpus,
        memory_bytes=kind.memory_bytes,
        architectures=kind.architectures,
        firmwares=kind.firmwares,
        max_disks=None if kind.max_disks is None else kind.max_disks - taken,
        max_nics=kind.max_nics,
        accelerators=kind.accelerators,
        burstable=kind.burstable,
        bare_metal=kind.bare_metal,
        special=_special(kind),
        lacks=tuple(text for wrong, text in lacks if wrong),
        restricted="" if kind.on_demand else "it cannot be started on demand",
        zones=kind.zones,
        quota_left=left,
        by_name=_by_name(kind),
    )


def _special(kind: InstanceType) -> str:
    """Paid for or behaving otherwise than a plain instance, or made for another guest."""
    checks = [
        (kind.bare_metal, "bare metal"),
        (kind.burstable, "burstable: throttled once its CPU credits are spent"),
        (kind.accelerators > 0, "made for GPUs or other accelerators"),
        (_CLUSTER.match(kind.name) is not None, "made for clusters (high performance computing)"),
        (not kind.nitro, "of a generation on Xen: the guest needs Xen's drivers"),
    ]
    return next((words for true, words in checks if true), "")


def _by_name(kind: InstanceType) -> tuple[Any, ...]:
    # As names are read: what EC2 calls current first, then the newest generation, the fewest
    # letters, the alphabet.
    found = _GENERATION.match(kind.name)
    return not kind.current, -int(found[1]) if found else 0, len(kind.name)


RULES: dict[str, Rule[Catalogue]] = size_rules(
    "aws", "docs.aws.amazon.com: Amazon EC2 instance types", _shop
)
