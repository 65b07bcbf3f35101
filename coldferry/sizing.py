"""Which size of what a target offers a machine gets; knows no cloud.

Enough of everything first. Of those that are enough the smallest excess wins: of memory,
then of vCPUs; then the lower price, where prices are known; then the name, in the order in
which its provider reads names. A size that behaves otherwise than a plain machine is never
chosen unasked, and a size whose quota is spent only when no other is enough: quotas change
from hour to hour, and the preflight refuses with what to ask for.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from coldferry.choices import said_or
from coldferry.machine import UNKNOWN, Machine
from coldferry.translation import Answers

GIB = 1 << 30
_TOO_LITTLE_WEIGHS = 4
_BOOTS = {"bios": "BIOS", "uefi": "UEFI"}


@dataclass(frozen=True)
class Offer:
    """A size on offer, as its provider presents it for one machine.

    ``memory_bytes`` is what the provider says, in bytes. ``max_disks`` counts the root;
    None where the provider does not say. ``special`` tells how it differs from a plain
    machine, empty when it does not. ``lacks`` is what the provider itself finds wanting in it
    for this machine (a disk controller, a kind of storage), ``restricted`` why the account
    cannot have it. ``zones`` are those it is offered in, empty where zones play no part.
    ``quota_left`` is in vCPUs, None where no quota is known. ``by_name`` sorts as the
    provider reads its names: of equals the first wins.
    """

    name: str
    vcpus: int
    memory_bytes: int
    architectures: tuple[str, ...]
    firmwares: tuple[str, ...]
    max_disks: int | None
    max_nics: int
    accelerators: int = 0
    burstable: bool = False
    bare_metal: bool = False
    special: str = ""
    lacks: tuple[str, ...] = ()
    restricted: str = ""
    zones: tuple[str, ...] = ()
    quota_left: int | None = None
    price_per_hour: float | None = None
    by_name: tuple[Any, ...] = ()


@dataclass(frozen=True)
class Needs:
    """What a machine needs of a size. None and empty are not asked for.

    ``name`` is its size at the source: the same size of the same cloud is kept.
    """

    name: str
    vcpus: int
    memory_bytes: int
    architecture: str | None
    firmware: str | None
    disks: int = 1
    nics: int = 1
    accelerators: int = 0
    zone: str = ""


def needs_of(machine: Machine, answers: Answers, zone: str = "") -> Needs:
    """What is known of the machine, and answered, so far; the root counts as one disk."""

    def known(value: Any, path: str) -> str | None:
        said = said_or(value, answers, path)
        return None if said == UNKNOWN else str(said)

    accelerators = machine.accelerators
    return Needs(
        name=machine.instance_type,
        vcpus=machine.vcpus,
        memory_bytes=machine.memory_bytes,
        architecture=known(machine.architecture, "architecture"),
        firmware=known(machine.firmware, "firmware"),
        disks=1 + sum(not disk.root for disk in machine.disks),
        nics=len(machine.nics),
        accelerators=accelerators if isinstance(accelerators, int) else 0,
        zone=zone,
    )


def refusals(offer: Offer, need: Needs) -> list[str]:
    """Why the machine would not run on it, or not be had, whoever chose it; empty when it would."""
    boots = " and ".join(_BOOTS.get(word, word) for word in offer.firmwares) or "nothing known"
    architectures = " or ".join(offer.architectures) or "unknown"
    checks = [
        (bool(offer.restricted), f"is not available to this account ({offer.restricted})"),
        (
            bool(need.zone and offer.zones) and need.zone not in offer.zones,
            f"is not offered in zone {need.zone}",
        ),
        (
            need.architecture not in (None, *offer.architectures),
            f"has {architectures} CPUs",
        ),
        (
            need.firmware not in (None, *offer.firmwares),
            f"cannot boot by {_BOOTS.get(need.firmware or '', need.firmware)}, only by {boots}",
        ),
        (
            offer.max_disks is not None and offer.max_disks < need.disks,
            f"takes {offer.max_disks} disks, the root included",
        ),
        (offer.max_nics < need.nics, f"takes {offer.max_nics} network interfaces"),
    ]
    return [text for wrong, text in checks if wrong] + list(offer.lacks)


def shortfalls(offer: Offer, need: Needs) -> list[str]:
    """What it has too little of: a person may say that less will do."""
    checks = [
        (offer.accelerators < need.accelerators, _accelerators(offer, need)),
        (offer.memory_bytes < need.memory_bytes, "too little memory"),
        (offer.vcpus < need.vcpus, "too few vCPUs"),
    ]
    return [text for wrong, text in checks if wrong]


def over_quota(offer: Offer) -> bool:
    """Its quota leaves fewer vCPUs than it has."""
    return offer.quota_left is not None and offer.quota_left < offer.vcpus


def choose(offers: Iterable[Offer], need: Needs) -> Offer | None:
    """The size that the rule gives; None where none is sure to be enough.

    Never one with less memory, fewer vCPUs or accelerators, another architecture, or a boot
    mode that it cannot boot. Nothing is chosen while the architecture is not known, and
    nothing for a machine with accelerators: which chip replaces which is a person's to say.
    """
    enough = [o for o in offers if not shortfalls(o, need) and not refusals(o, need)]
    kept = next((o for o in enough if o.name == need.name), None)
    if kept is not None:
        return kept
    if need.architecture is None or need.accelerators:
        return None
    excess = _excess(need)
    plain = (offer for offer in enough if not offer.special)
    return min(plain, key=lambda offer: (over_quota(offer), *excess(offer)), default=None)


def nearest(offers: Iterable[Offer], need: Needs, count: int = 5) -> list[tuple[Offer, list[str]]]:
    """The nearest that a person may choose, each with what it lacks or how it is special."""
    possible = sorted(
        (offer for offer in offers if not refusals(offer, need)), key=_distance(need)
    )[:count]
    return [(offer, _remarks(offer, need)) for offer in possible]


def barred(offers: Iterable[Offer], need: Needs, count: int = 3) -> list[tuple[Offer, list[str]]]:
    """The smallest that would be large enough but that no word of a person makes possible."""
    large = sorted((o for o in offers if not shortfalls(o, need)), key=_excess(need))
    refused = ((offer, refusals(offer, need)) for offer in large)
    return [(offer, why) for offer, why in refused if why][:count]


def capacity(vcpus: int, memory_bytes: int) -> str:
    """``2 vCPUs and 8 GiB``."""
    return f"{vcpus} vCPUs and {memory_bytes / GIB:g} GiB"


def _accelerators(offer: Offer, need: Needs) -> str:
    if not offer.accelerators:
        return f"no accelerator, where the source has {need.accelerators}"
    return f"{offer.accelerators} accelerators, where the source has {need.accelerators}"


def _remarks(offer: Offer, need: Needs) -> list[str]:
    said = shortfalls(offer, need)
    if offer.special:
        said.append(offer.special)
    if over_quota(offer):
        said.append(f"the quota leaves {offer.quota_left} vCPUs")
    return said


def _excess(need: Needs) -> Callable[[Offer], tuple[Any, ...]]:
    def key(offer: Offer) -> tuple[Any, ...]:
        return (
            offer.memory_bytes - need.memory_bytes,
            offer.vcpus - need.vcpus,
            offer.price_per_hour is None,
            offer.price_per_hour or 0,
            offer.by_name,
            offer.name,
        )

    return key


def _distance(need: Needs) -> Callable[[Offer], tuple[Any, ...]]:
    """Too little is worse than too much, and a missing accelerator worse than either."""

    def key(offer: Offer) -> tuple[Any, ...]:
        over = short = 0.0
        for has, wanted in (
            (offer.vcpus, need.vcpus),
            (offer.memory_bytes, need.memory_bytes),
        ):
            over += max(0, has - wanted) / wanted
            short += max(0, wanted - has) / wanted
        return (
            offer.accelerators < need.accelerators,
            over_quota(offer),
            short * _TOO_LITTLE_WEIGHS + over,
            bool(offer.special),
            *_excess(need)(offer)[2:],
        )

    return key
