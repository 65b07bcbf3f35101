"""EC2's instance types as offers: the live catalogue in the words of ``coldferry.sizing``.

Pages: "Amazon EC2 instance types", "Amazon EC2 instance type naming conventions",
InstanceTypeInfo of the EC2 API reference, "Instance types built on the Nitro System".
"""

import re
from typing import Any

from coldferry.addresses import SUBNET, subnet_for
from coldferry.offered import origin_mark
from coldferry.rules import Rule
from coldferry.sizing import Needs, Offer, needs_of, once
from coldferry.sizing_rules import size_rules
from providers.aws.catalogue import Catalogue, InstanceType, Q

_CLUSTER = re.compile(r"hpc\d", re.ASCII)
_BURSTABLE = re.compile(r"t\d", re.ASCII)
_GENERATION = re.compile(r"(?:u-\d+tb|[a-z-]+)(\d+)", re.ASCII)
_HVM, _EBS = "hvm", "ebs"


def _shop(question: Q) -> tuple[list[Offer], Needs]:
    machine, catalogue = question.machine, question.catalogue
    need = needs_of(
        machine,
        question.answers,
        zone=_zone(question),
        wants=frozenset((_HVM, _EBS)),
        quota_left=_quota_left(catalogue, origin_mark(machine)),
    )
    return _offers(catalogue.types), need


def _quota_left(catalogue: Catalogue, origin: str) -> dict[str, int]:
    one_of_each = {kind.quota: kind for kind in catalogue.types if kind.quota in catalogue.quotas}
    left = {quota: catalogue.vcpus_left(kind, origin) for quota, kind in one_of_each.items()}
    return {quota: vcpus for quota, vcpus in left.items() if vcpus is not None}


def _zone(question: Q) -> str:
    """The zone of the subnets that were chosen so far: a subnet lies in one zone."""
    chosen = (
        subnet_for(index, question.catalogue, question.answers)
        for index in range(len(question.machine.nics))
    )
    return next((subnet.zone for subnet in chosen if subnet and subnet.zone), "")


def _offer(kind: InstanceType) -> Offer:
    lacks = {}
    if _HVM not in kind.virtualization:
        lacks[_HVM] = "has no hardware virtualisation (HVM)"
    if not kind.ebs_root:
        lacks[_EBS] = "boots from no EBS volume"
    return Offer(
        name=kind.name,
        vcpus=kind.vcpus,
        memory_bytes=kind.memory_bytes,
        architectures=kind.architectures,
        firmwares=kind.firmwares,
        max_disks=kind.max_disks,
        max_nics=kind.max_nics,
        nics_take_disks=kind.shared_attachments,
        accelerators=kind.accelerators,
        burstable=_earns_credits(kind),
        bare_metal=kind.bare_metal,
        special=_special(kind),
        lacks=lacks,
        restricted="" if kind.on_demand else "it cannot be started on demand",
        zones=kind.zones,
        quota=kind.quota,
        by_name=_by_name(kind),
    )


_offers = once(_offer)


def _earns_credits(kind: InstanceType) -> bool:
    # By the conventions of names T is the burstable family; EC2's answer is asked too.
    return kind.burstable or _BURSTABLE.match(kind.name) is not None


def _special(kind: InstanceType) -> str:
    """Paid for or behaving otherwise than a plain instance, or made for another guest."""
    checks = [
        (kind.bare_metal, "bare metal"),
        (_earns_credits(kind), "burstable: throttled once its CPU credits are spent"),
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
    "aws",
    "docs.aws.amazon.com: Amazon EC2 instance types",
    _shop,
    follows=("architecture", "firmware", SUBNET),
)
