"""Which size of what a target offers a machine gets; knows no cloud.

Enough of everything first. Of those that are enough the smallest excess wins: of memory,
then of vCPUs; then the lower price, where prices are known; then the name, in the order in
which its provider reads names. A size that behaves otherwise than a plain machine is never
chosen unasked, and a size whose quota is spent only when no other is enough: quotas change
from hour to hour, and the preflight refuses with what to ask for.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from math import inf
from typing import Any, TypeVar

from coldferry.choices import said_or
from coldferry.machine import UNKNOWN, Machine
from coldferry.placement import kept_disks
from coldferry.translation import Answers

R = TypeVar("R")

GIB = 1 << 30
_TOO_LITTLE_WEIGHS = 4
_MUCH_BYTES = 64 * GIB
_MUCH_VCPUS = 16
_BOOTS = {"bios": "BIOS", "uefi": "UEFI"}


@dataclass(frozen=True)
class Offer:
    """A size on offer, as its provider presents it.

    ``memory_bytes`` is what the provider says, in bytes. ``max_disks`` counts the root;
    None where the provider does not say. With ``nics_take_disks`` every interface after the
    first takes a disk's place. ``special`` tells how it differs from a plain machine, empty
    when it does not. ``lacks`` maps what a machine may want (a disk controller, a kind of
    storage) to what to say when it does. ``restricted`` says why the account cannot have it.
    ``zones`` are those it is offered in, empty where zones play no part. ``quota`` is the key
    of the quota that its vCPUs count against. ``by_name`` sorts as the provider reads its
    names: of equals the first wins.
    """

    name: str
    vcpus: int
    memory_bytes: int
    architectures: tuple[str, ...]
    firmwares: tuple[str, ...]
    max_disks: int | None
    max_nics: int
    nics_take_disks: bool = False
    accelerators: int = 0
    burstable: bool = False
    bare_metal: bool = False
    special: str = ""
    lacks: Mapping[str, str] = field(default_factory=dict)
    restricted: str = ""
    zones: tuple[str, ...] = ()
    quota: str = ""
    price_per_hour: float | None = None
    by_name: tuple[Any, ...] = ()


@dataclass(frozen=True)
class Needs:
    """What a machine needs of a size. None and empty are not asked for.

    ``name`` is its size at the source: the same size of the same cloud is kept. ``wants``
    are keys of an offer's ``lacks``. ``quota_left`` is, by an offer's quota, how many vCPUs
    this machine may still have; a quota that is not there is not known.
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
    wants: frozenset[str] = frozenset()
    quota_left: Mapping[str, int] = field(default_factory=dict)


def needs_of(machine: Machine, answers: Answers, **more: Any) -> Needs:
    """What is known of the machine, and answered, so far; the root counts as one disk.

    A disk that is left behind does not count.
    """

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
        disks=1 + sum(not disk.root for disk in kept_disks(machine, answers)),
        nics=len(machine.nics),
        accelerators=accelerators if isinstance(accelerators, int) else 0,
        **more,
    )


def once(make: Callable[[R], Offer]) -> Callable[[Sequence[R]], list[Offer]]:
    """``make`` for every row of a catalogue, remembered for the rows that were asked for last.

    Rows are told apart by identity: a catalogue is read once and asked a thousand times.
    """
    last: tuple[Sequence[R], list[Offer]] | None = None

    def offers(rows: Sequence[R]) -> list[Offer]:
        nonlocal last
        found = last
        if found is None or found[0] is not rows:
            found = last = (rows, [make(row) for row in rows])
        return found[1]

    return offers


def refusals(offer: Offer, need: Needs) -> list[str]:
    """Why the machine would not run on it, or not be had, whoever chose it; empty when it would."""
    found = []
    if offer.restricted:
        found.append(f"is not available to this account ({offer.restricted})")
    if need.zone and offer.zones and need.zone not in offer.zones:
        found.append(f"is not offered in zone {need.zone}")
    if need.architecture is not None and need.architecture not in offer.architectures:
        found.append(f"has {' or '.join(offer.architectures) or 'unknown'} CPUs")
    if need.firmware is not None and need.firmware not in offer.firmwares:
        boots = " and ".join(_BOOTS.get(word, word) for word in offer.firmwares)
        wanted = _BOOTS.get(need.firmware, need.firmware)
        found.append(f"cannot boot by {wanted}, only by {boots or 'nothing known'}")
    if _places(offer, need) < need.disks:
        found.append(
            f"takes {counted(offer.max_disks or 0, 'disk')}, the root included{_shared(offer)}"
        )
    if offer.max_nics < need.nics:
        found.append(f"takes {counted(offer.max_nics, 'network interface')}")
    found += [text for key, text in offer.lacks.items() if key in need.wants]
    return found


def _places(offer: Offer, need: Needs) -> float:
    if offer.max_disks is None:
        return inf
    return offer.max_disks - (max(0, need.nics - 1) if offer.nics_take_disks else 0)


def _shared(offer: Offer) -> str:
    return ", less one for each interface after the first" if offer.nics_take_disks else ""


def shortfalls(offer: Offer, need: Needs) -> list[str]:
    """What it has too little of: a person may say that less will do."""
    found = []
    if offer.accelerators < need.accelerators:
        found.append(_accelerators(offer, need))
    if offer.memory_bytes < need.memory_bytes:
        found.append("too little memory")
    if offer.vcpus < need.vcpus:
        found.append("too few vCPUs")
    return found


def _over_quota(offer: Offer, need: Needs) -> bool:
    """Its quota leaves fewer vCPUs than it has."""
    return need.quota_left.get(offer.quota, offer.vcpus) < offer.vcpus


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
    return min(plain, key=lambda offer: (_over_quota(offer, need), *excess(offer)), default=None)


def far_larger(offer: Offer, need: Needs) -> bool:
    """Whether it has so much more than is needed that somebody will ask about the bill.

    More than twice the memory and 64 GiB more, or more than twice the vCPUs and 16 more. The
    figures are ours: below them whoever moves a small machine would be asked about each one.
    """
    return offer.memory_bytes > max(
        2 * need.memory_bytes, need.memory_bytes + _MUCH_BYTES
    ) or offer.vcpus > max(2 * need.vcpus, need.vcpus + _MUCH_VCPUS)


def nearest(offers: Iterable[Offer], need: Needs, count: int = 5) -> list[tuple[Offer, list[str]]]:
    """The nearest that a person may choose, each with what it lacks or how it is special.

    Of several with the same figures only the preferred one is there.
    """
    possible = sorted((offer for offer in offers if not refusals(offer, need)), key=_distance(need))
    unlike: dict[tuple[Any, ...], Offer] = {}
    for offer in possible:
        unlike.setdefault(
            (offer.vcpus, offer.memory_bytes, offer.accelerators, offer.special), offer
        )
    return [(offer, _remarks(offer, need)) for offer in list(unlike.values())[:count]]


def barred(offers: Iterable[Offer], need: Needs, count: int = 3) -> list[tuple[Offer, list[str]]]:
    """Those that would be large enough but that no word of a person makes possible.

    First those against which least is to be said, then the smallest.
    """
    large = [(o, refusals(o, need)) for o in offers if not shortfalls(o, need)]
    excess = _excess(need)
    refused = [(offer, why) for offer, why in large if why]
    return sorted(refused, key=lambda pair: (len(pair[1]), *excess(pair[0])))[:count]


def capacity(vcpus: int, memory_bytes: int) -> str:
    """``2 vCPUs and 8 GiB``."""
    return f"{counted(vcpus, 'vCPU')} and {memory_bytes / GIB:g} GiB"


def counted(number: int, thing: str) -> str:
    """``1 vCPU``, ``2 vCPUs``."""
    return f"{number} {thing}{'' if number == 1 else 's'}"


def _accelerators(offer: Offer, need: Needs) -> str:
    has = counted(offer.accelerators, "accelerator") if offer.accelerators else "no accelerator"
    return f"{has}, where the source has {need.accelerators}"


def _remarks(offer: Offer, need: Needs) -> list[str]:
    said = shortfalls(offer, need)
    if offer.special:
        said.append(offer.special)
    if _over_quota(offer, need):
        said.append(f"the quota leaves {counted(need.quota_left[offer.quota], 'vCPU')}")
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
            _over_quota(offer, need),
            short * _TOO_LITTLE_WEIGHS + over,
            bool(offer.special),
            *_excess(need)(offer)[2:],
        )

    return key
