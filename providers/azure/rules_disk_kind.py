"""The kind of a disk (its SKU), chosen by the performance that the live catalogue publishes.

Pages: "Azure managed disk types", "Scalability and performance targets for VM
disks" (per-size figures, which "Resource Skus - List" gives too), "Upload a
VHD to Azure" (which kinds take a direct upload).
"""

from typing import Any

from coldferry.machine import Disk, Machine
from coldferry.rules import Outcome, Rule, Unfit
from coldferry.translation import ACKNOWLEDGE as ACKNOWLEDGED
from coldferry.translation import Answers
from coldferry.verdicts import ACKNOWLEDGE, INFORM, equivalent, exact, missing
from providers.azure.catalogue import Catalogue, DiskTier, Q

UPLOADABLE = {
    "Premium_LRS": "Premium SSD",
    "StandardSSD_LRS": "Standard SSD",
    "Standard_LRS": "Standard HDD",
    "Premium_ZRS": "Premium SSD, in three zones",
    "StandardSSD_ZRS": "Standard SSD, in three zones",
}
"""Premium SSD v2 and Ultra are left out: they are zonal data disks, and the VM has no zone."""

_LADDERS = {
    "gp2": ("StandardSSD_LRS", "Premium_LRS"),
    "gp3": ("StandardSSD_LRS", "Premium_LRS"),
    "io1": ("Premium_LRS",),
    "io2": ("Premium_LRS",),
    "st1": ("Standard_LRS",),
    "sc1": ("Standard_LRS",),
    "standard": ("Standard_LRS",),
}
"""Kinds that serve the same end, slowest first: the first that is enough, else the last."""


def kind_for(machine: Machine, index: int, catalogue: Catalogue, answers: Answers) -> str | None:
    """The SKU that disk ``index`` gets: a person's, else the rule's, None while it is open."""
    said = answers.get(f"disks[{index}].kind")
    disk = machine.disks[index]
    if isinstance(said, str) and said != ACKNOWLEDGED and _tier(said, disk, catalogue):
        return said
    tier = _by_rule(disk, catalogue)
    return tier.kind if tier else None


def tier_for(
    machine: Machine, index: int, catalogue: Catalogue, answers: Answers
) -> DiskTier | None:
    """The performance step that disk ``index`` gets, None while its kind is open."""
    kind = kind_for(machine, index, catalogue, answers)
    return _tier(kind, machine.disks[index], catalogue) if kind else None


def _tier(kind: str, disk: Disk, catalogue: Catalogue) -> DiskTier | None:
    return catalogue.tier(kind, disk.size_bytes) if kind in UPLOADABLE else None


def _by_rule(disk: Disk, catalogue: Catalogue) -> DiskTier | None:
    ladder = (disk.kind,) if disk.kind in UPLOADABLE else _LADDERS.get(disk.kind, ())
    tiers = [tier for kind in ladder if (tier := _tier(kind, disk, catalogue))]
    figures = isinstance(disk.iops, int) or isinstance(disk.throughput_bytes_s, int)
    if figures:
        enough = next((tier for tier in tiers if not _shortfalls(tier, disk)), None)
        if enough:
            return enough
    return tiers[-1] if tiers else None


def _shortfalls(tier: DiskTier, disk: Disk) -> list[str]:
    found = []
    if isinstance(disk.iops, int) and tier.iops < disk.iops:
        found.append(f"fewer IOPS: {disk.iops} become {tier.iops}")
    if isinstance(disk.throughput_bytes_s, int) and (
        tier.throughput_bytes_s < disk.throughput_bytes_s
    ):
        found.append(
            f"lower throughput: {_mib(disk.throughput_bytes_s)} become "
            f"{_mib(tier.throughput_bytes_s)}"
        )
    return found


def _mib(rate_bytes_s: int) -> str:
    return f"{rate_bytes_s / (1 << 20):.0f} MiB/s"


def _decide(question: Q) -> Outcome:
    disk: Disk = question.item("disks")
    tier = _by_rule(disk, question.catalogue)
    if tier is None:
        return missing(
            f"There is no rule for disks of the kind '{disk.kind}' and this size.",
            _candidates(disk, question.catalogue),
        )
    return _carried(tier, disk, "By the published performance of this size.")


def _accept(question: Q, said: Any) -> Outcome:
    disk: Disk = question.item("disks")
    tier = _tier(str(said), disk, question.catalogue)
    if tier is None:
        offered = ", ".join(value for value, _ in _candidates(disk, question.catalogue))
        raise Unfit(f"a disk cannot be uploaded as '{said}' here; possible are {offered}")
    # Who names a slower kind has seen its figures among the candidates.
    found = _carried(tier, disk, "Chosen by a person.")
    return Outcome(found.verdict, found.reason, found.target, found.difference)


def _carried(tier: DiskTier, disk: Disk, reason: str) -> Outcome:
    if tier.kind == disk.kind:
        return exact(reason, tier.kind)
    short = _shortfalls(tier, disk)
    difference = f"{_source_words(disk)} -> {_words(tier)}."
    if short:
        difference += f" A downgrade: {'; '.join(short)}."
    return equivalent(reason, tier.kind, difference, ACKNOWLEDGE if short else INFORM)


def _source_words(disk: Disk) -> str:
    iops = f"{disk.iops} IOPS" if isinstance(disk.iops, int) else "IOPS not known"
    rate = disk.throughput_bytes_s
    return f"{disk.kind} ({iops}, {_mib(rate) if isinstance(rate, int) else 'MiB/s not known'})"


def _words(tier: DiskTier) -> str:
    name = UPLOADABLE[tier.kind]
    return f"{name} {tier.tier} ({tier.iops} IOPS, {_mib(tier.throughput_bytes_s)})"


def _candidates(disk: Disk, catalogue: Catalogue) -> list[tuple[str, str]]:
    tiers = [tier for kind in UPLOADABLE if (tier := _tier(kind, disk, catalogue))]
    return [(tier.kind, _words(tier)) for tier in tiers]


def _figure(name: str, words: str) -> Any:
    def decide(question: Q) -> Outcome:
        tier = tier_for(
            question.machine, question.leaf.index[0], question.catalogue, question.answers
        )
        if tier is None:
            return equivalent("Follows from the disk's kind.", None)
        target = getattr(tier, name)
        if target == question.value:
            return exact("The disk's kind has the same.", target)
        return equivalent(
            "Follows from the disk's kind and size.", target,
            f"{tier.kind} {tier.tier} has {target} {words}, the source has {question.value}.",
        )  # fmt: skip

    return decide


_PAGE = "learn.microsoft.com: Azure managed disk types"
_INSTEAD = "Answer the disk's kind."

RULES: dict[str, Rule[Catalogue]] = {
    "disks[].kind": Rule("azure.disk.kind", _decide, _accept, source=_PAGE),
    "disks[].iops": Rule(
        "azure.disk.iops", _figure("iops", "IOPS"), source=_PAGE, instead=_INSTEAD
    ),
    "disks[].throughput_bytes_s": Rule(
        "azure.disk.throughput", _figure("throughput_bytes_s", "bytes/s"), source=_PAGE,
        instead=_INSTEAD,
    ),
}  # fmt: skip
