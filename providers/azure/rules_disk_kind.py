"""The kind of a disk (its SKU), chosen by the performance that the live catalogue publishes.

What the source's disk can do is in its description (``iops``, ``throughput_bytes_s``,
``medium``); the word for its kind there means nothing here. Pages: "Azure managed disk
types", "Scalability and performance targets for VM disks" (per-size figures, which
"Resource Skus - List" gives too).
"""

from dataclasses import replace
from typing import Any

from coldferry.machine import UNKNOWN, Disk, Machine
from coldferry.performance import as_good, becomes, figures, has_figures, share, shortfalls
from coldferry.rules import Outcome, Rule, Unfit
from coldferry.translation import ACKNOWLEDGE as ACKNOWLEDGED
from coldferry.translation import Answers, Candidate
from coldferry.verdicts import ACKNOWLEDGE, BLOCK, INFORM, equivalent, exact, impossible, missing
from providers.azure.catalogue import Catalogue, DiskTier, Q
from providers.azure.disk_kinds import UPLOADABLE
from providers.azure.words import AZURE


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
    """The slowest that is enough; where none is, the one that is short least.

    None where the source tells no figure, or not what the disk is made of: then no kind is
    sure to serve the same end.
    """
    own = _tier(disk.kind, disk, catalogue)
    if own is not None:
        return own
    if disk.medium == UNKNOWN or not has_figures(disk):
        return None
    tiers = [
        tier
        for name, kind in UPLOADABLE.items()
        if kind.by_rule
        and as_good(kind.medium, disk.medium)
        and (kind.for_root or not disk.root)
        and (tier := _tier(name, disk, catalogue))
    ]
    enough = next((tier for tier in tiers if not _short(tier, disk)), None)
    # Of two that are equally short the later one is the steadier.
    return enough or max(
        reversed(tiers),
        key=lambda tier: share(disk, tier.iops, tier.throughput_bytes_s),
        default=None,
    )


def _short(tier: DiskTier, disk: Disk) -> list[str]:
    return shortfalls(disk, tier.iops, tier.throughput_bytes_s, UPLOADABLE[tier.kind].medium)


def _decide(question: Q) -> Outcome:
    disk: Disk = question.item("disks")
    tier = _by_rule(disk, question.catalogue)
    if tier is not None:
        return _with_others(
            _carried(tier, disk, "By the published performance of this size."),
            disk,
            question.catalogue,
        )
    candidates = _candidates(disk, question.catalogue)
    if not candidates:
        return impossible(
            f"No kind of disk in {question.catalogue.location} is as large.",
            "Shrink the disk at the source first, or choose another location.",
            consequence=BLOCK,
        )
    return missing(_why_none(disk), candidates)


def _why_none(disk: Disk) -> str:
    if disk.medium == UNKNOWN or not has_figures(disk):
        return f"How fast this disk is, is not known: '{disk.kind}' is a word of the source's own."
    return "No kind of disk on offer is as large and made of the same."


def _with_others(outcome: Outcome, disk: Disk, catalogue: Catalogue) -> Outcome:
    """A downgrade is agreed to, or another kind is chosen instead."""
    if outcome.consequence is not ACKNOWLEDGE:
        return outcome
    others = [one for one in _candidates(disk, catalogue) if one[0] != outcome.target]
    return replace(outcome, candidates=tuple(Candidate(value=v, meaning=m) for v, m in others))


def _accept(question: Q, said: Any) -> Outcome:
    disk: Disk = question.item("disks")
    tier = _tier(str(said), disk, question.catalogue)
    if tier is None:
        offered = ", ".join(value for value, _ in _candidates(disk, question.catalogue))
        raise Unfit(f"a disk cannot be uploaded as '{said}' here; possible are {offered or 'none'}")
    # Who names a slower kind has seen its figures among the candidates.
    found = _carried(tier, disk, "Chosen by a person.")
    return Outcome(found.verdict, found.reason, found.target, found.difference)


def _carried(tier: DiskTier, disk: Disk, reason: str) -> Outcome:
    if tier.kind == disk.kind:
        return exact(reason, tier.kind)
    short = _short(tier, disk)
    return equivalent(
        reason, tier.kind, becomes(disk, _words(tier), short), ACKNOWLEDGE if short else INFORM
    )


def _words(tier: DiskTier) -> str:
    name = UPLOADABLE[tier.kind].words
    return f"{name} {tier.tier} ({figures(tier.iops, tier.throughput_bytes_s)})"


def _candidates(disk: Disk, catalogue: Catalogue) -> list[tuple[str, str]]:
    tiers = [tier for kind in UPLOADABLE if (tier := _tier(kind, disk, catalogue))]
    return [(tier.kind, _meaning(tier, disk)) for tier in reversed(tiers)]


def _meaning(tier: DiskTier, disk: Disk) -> str:
    return "; ".join([_words(tier), *_short(tier, disk)])


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


def _medium(question: Q) -> Outcome:
    kind = kind_for(question.machine, question.leaf.index[0], question.catalogue, question.answers)
    if kind is None:
        return equivalent("Follows from the disk's kind.", None)
    target = UPLOADABLE[kind].medium
    if target == question.value:
        return exact("The disk's kind is made of the same.", target)
    return equivalent(
        "Follows from the disk's kind.", target,
        f"{kind} is {target}, the source is {question.value}.",
    )  # fmt: skip


KIND = "disks[].kind"
_FOLLOWS: dict[str, Any] = {
    "about": "disk kinds", "may": ("exact", "equivalent"), "follows": (KIND,),
    "instead": "Answer the disk's kind.",
}  # fmt: skip

RULES: dict[str, Rule[Catalogue]] = {
    KIND: AZURE.rule(
        "disk.kind", _decide, _accept, about="disk kinds",
        says="The slowest kind that does what the source's disk does all the time, by IOPS, "
        "throughput and what it is made of; a downgrade is named and must be acknowledged; a disk "
        "whose speed is not known is asked about.",
        may=("exact", "equivalent", "equivalent, acknowledge", "missing", "impossible, block"),
    ),
    "disks[].medium": AZURE.rule(
        "disk.medium", _medium, says="What the chosen kind is made of.", **_FOLLOWS
    ),
    "disks[].iops": AZURE.rule(
        "disk.iops", _figure("iops", "IOPS"), says="What the chosen kind and size give.",
        **_FOLLOWS,
    ),
    "disks[].throughput_bytes_s": AZURE.rule(
        "disk.throughput", _figure("throughput_bytes_s", "bytes/s"),
        says="What the chosen kind and size give.", **_FOLLOWS,
    ),
}  # fmt: skip
