"""The rules on a machine's size: the same at every target, over what each has on offer."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any, TypeVar

from coldferry.machine import UNKNOWN, Machine
from coldferry.placement import DISK
from coldferry.plain import size
from coldferry.rules import Outcome, Question, Rule, Unfit
from coldferry.sizing import (
    Needs,
    Offer,
    barred,
    capacity,
    choose,
    counted,
    far_larger,
    nearest,
    refusals,
)
from coldferry.translation import ACKNOWLEDGE as ACKNOWLEDGED
from coldferry.translation import Candidate
from coldferry.verdicts import (
    ACKNOWLEDGE,
    BLOCK,
    INFORM,
    equivalent,
    exact,
    impossible,
    lost,
    missing,
)

C = TypeVar("C")

Shop = Callable[[Question[C]], tuple[Sequence[Offer], Needs]]
"""What is on offer to the question's machine, and what it needs; the answer on its size apart."""

Decide = Callable[[Question[C]], Outcome]
Settle = Callable[[Any, Offer, Question[Any]], Outcome]
"""From the source's value and the chosen size."""

_FOLLOWS = "Follows from instance_type."
_UNTOLD = "The source could not tell."
_INSTEAD = "Answer instance_type."


def size_rules(
    prefix: str, page: str, shop: Shop[C], follows: tuple[str, ...] = ()
) -> dict[str, Rule[C]]:
    """Rows for the size and for all that follows from it.

    ``prefix`` begins the rules' ids, ``page`` is the vendor's page on sizes,
    ``follows`` the patterns of fields whose answers a machine's needs follow from.
    """

    def row(name: str, decide: Decide[C], says: str, may: tuple[str, ...], **more: Any) -> Rule[C]:
        looks_at = (*follows, DISK) if name == "size" else ("instance_type", *follows, DISK)
        return Rule(
            f"{prefix}.{name}", decide, source=page, says=says, may=may, follows=looks_at, **more
        )

    def follow(decide: Settle) -> Decide[C]:
        """A rule on a leaf that the chosen size settles."""

        def decided(question: Question[C]) -> Outcome:
            offer = _settled(question, shop)
            return (
                equivalent(_FOLLOWS, None)
                if offer is None
                else decide(question.value, offer, question)
            )

        return decided

    return {
        "instance_type": row(
            "size", lambda question: _decide(question, shop),
            "The smallest size on offer that is enough: of CPU, memory, accelerators, disks and "
            "interfaces, of the same architecture, booting the same way. Of equals the cheaper, "
            "then by name. Burstable, GPU, confidential and other special sizes only if a person "
            "says so. One that is far larger than the source must be acknowledged.",
            ("exact", "equivalent", "equivalent, acknowledge", "missing", "impossible, block"),
            accept=lambda question, said: _accept(question, said, shop),
        ),
        "vcpus": row(
            "size.vcpus", follow(_same(lambda count: counted(count, "vCPU"), "vcpus")),
            "As many as the chosen size has; fewer than the source has must be acknowledged.",
            ("exact", "equivalent", "equivalent, acknowledge"), instead=_INSTEAD,
        ),
        "memory_bytes": row(
            "size.memory", follow(_same(lambda held: f"{size(held)} of memory", "memory_bytes")),
            "As much as the chosen size has; less than the source has must be acknowledged.",
            ("exact", "equivalent", "equivalent, acknowledge"), instead=_INSTEAD,
        ),
        "accelerators": row(
            "size.accelerators", follow(_accelerators),
            "A machine with GPUs or other accelerators gets no size without being asked for one; "
            "fewer than it has must be acknowledged.",
            ("exact", "equivalent", "dropped, acknowledge"),
        ),
        "burstable": row(
            "size.burstable", follow(lambda value, offer, q: _burstable(value, offer, q, shop)),
            "A machine that earns CPU credits becomes one with all of its CPU all the time; the "
            "opposite only where a person chose it, and must be acknowledged.",
            ("exact", "equivalent", "dropped, acknowledge"),
        ),
        "bare_metal": row(
            "size.bare-metal", follow(_bare_metal),
            "A machine without a hypervisor becomes a virtual one, which must be acknowledged.",
            ("exact", "equivalent", "dropped, acknowledge"),
        ),
    }  # fmt: skip


def _settled(question: Question[C], shop: Shop[C]) -> Offer | None:
    """The size that the machine gets: a person's, else the rule's, None while it is open."""
    offers, need = shop(question)
    said = question.answers.get("instance_type")
    if isinstance(said, str) and said != ACKNOWLEDGED and (named := _named(offers, said)):
        return named
    return choose(offers, need)


def _named(offers: Sequence[Offer], name: str) -> Offer | None:
    return next((offer for offer in offers if offer.name.lower() == name.lower()), None)


def _decide(question: Question[C], shop: Shop[C]) -> Outcome:
    machine = question.machine
    offers, need = shop(question)
    offer = choose(offers, need)
    near = [
        Candidate(value=other.name, meaning="; ".join([_compared(other, machine), *remarks]))
        for other, remarks in (nearest(offers, need) if _asks(offer, need) else ())
        if other is not offer
    ]
    if offer is None and not near:
        outcome = impossible(
            _why_none(machine, offers, need),
            "Change the machine, or choose another place that offers more.",
            consequence=BLOCK,
        )
    elif offer is None:
        outcome = missing(_why_none(machine, offers, need))
    else:
        outcome = _chosen(offer, machine, "The smallest size on offer that is enough.")
        if _asks(offer, need):
            outcome = replace(outcome, consequence=ACKNOWLEDGE, difference=_much(outcome))
    return replace(outcome, candidates=tuple(near))


def _asks(offer: Offer | None, need: Needs) -> bool:
    """A person is asked: there is none, or one that is far larger than the source."""
    return offer is None or (offer.name != need.name and far_larger(offer, need))


def _much(outcome: Outcome) -> str:
    return (
        f"{outcome.difference} That is far more than the source has, and costs by it: another "
        "size may serve better."
    )


def _why_none(machine: Machine, offers: Sequence[Offer], need: Needs) -> str:
    wanted = capacity(machine.vcpus, machine.memory_bytes)
    if need.accelerators:
        wanted += f" with {counted(need.accelerators, 'accelerator')}"
    text = f"No size on offer is sure to be enough: {wanted} are needed."
    large = [f"{offer.name} {', '.join(why)}" for offer, why in barred(offers, need)]
    return text + (f" Large enough, but not to be had: {'; '.join(large)}." if large else "")


def _accept(question: Question[C], said: Any, shop: Shop[C]) -> Outcome:
    offers, need = shop(question)
    offer = _named(offers, str(said))
    if offer is None:
        raise Unfit(f"there is no size '{said}' on offer")
    why = refusals(offer, need)
    if why:
        raise Unfit(f"{offer.name} {', '.join(why)}")
    return _chosen(offer, question.machine, "Chosen by a person.")


def _chosen(offer: Offer, machine: Machine, reason: str) -> Outcome:
    if machine.instance_type == offer.name:
        return exact(reason, offer.name)
    compared = _compared(offer, machine)
    return equivalent(reason, offer.name, f"{machine.instance_type} -> {offer.name}: {compared}.")


def _compared(offer: Offer, machine: Machine) -> str:
    if offer.vcpus == machine.vcpus and offer.memory_bytes == machine.memory_bytes:
        return "same vCPUs and memory"
    return (
        f"{capacity(machine.vcpus, machine.memory_bytes)} become "
        f"{capacity(offer.vcpus, offer.memory_bytes)}"
    )


def _same(said: Callable[[int], str], attribute: str) -> Settle:
    def decide(value: Any, offer: Offer, _question: Question[Any]) -> Outcome:
        target = getattr(offer, attribute)
        if target == value:
            return exact(f"{offer.name} has the same.", target)
        return equivalent(
            _FOLLOWS,
            target,
            f"{offer.name} has {said(target)}, the source has {said(value)}.",
            ACKNOWLEDGE if target < value else INFORM,
        )

    return decide


def _accelerators(value: Any, offer: Offer, question: Question[Any]) -> Outcome:
    has = offer.accelerators
    if value == UNKNOWN:
        return equivalent(_UNTOLD, has, f"{offer.name} has {has}.")
    if value == has and (not has or offer.name == question.machine.instance_type):
        return exact(f"{offer.name} has the same.", has)
    if has < value:
        return lost(
            _FOLLOWS,
            f"{offer.name} has {has} GPUs or other accelerators, the source has {value}: "
            "what computes on them stops working.",
            target=has,
        )
    return equivalent(
        _FOLLOWS, has,
        f"{offer.name} has {has}, the source has {value}: of another model, check the drivers.",
    )  # fmt: skip


def _burstable(value: Any, offer: Offer, question: Question[C], shop: Shop[C]) -> Outcome:
    if value == UNKNOWN:
        return equivalent(
            _UNTOLD, offer.burstable,
            f"{offer.name} {'earns' if offer.burstable else 'needs no'} CPU credits.",
        )  # fmt: skip
    if value == offer.burstable:
        return exact(f"{offer.name} is the same in this.", value)
    if offer.burstable:
        return lost(
            _FOLLOWS,
            f"{offer.name} is throttled to a part of its CPU once its credits are spent; the "
            "source never is.",
            target=True,
        )
    return equivalent(
        _FOLLOWS, target=False,
        difference=f"{offer.name} has all of its CPU all the time, and costs by it."
        + _still_burstable(question, shop),
    )  # fmt: skip


def _still_burstable(question: Question[C], shop: Shop[C]) -> str:
    offers, need = shop(question)
    alike = [replace(offer, special="") for offer in offers if offer.burstable]
    first = choose(alike, need)
    return f" To go on with credits answer instance_type with {first.name}." if first else ""


def _bare_metal(value: Any, offer: Offer, _question: Question[Any]) -> Outcome:
    if value == UNKNOWN:
        return equivalent(_UNTOLD, offer.bare_metal, f"{offer.name} is {_metal(offer.bare_metal)}.")
    if value == offer.bare_metal:
        return exact(f"{offer.name} is the same in this.", value)
    difference = f"{offer.name} is {_metal(offer.bare_metal)}, the source is {_metal(value)}"
    if value:
        return lost(
            _FOLLOWS,
            f"{difference}: what needs the hardware itself (a hypervisor of its own, hardware "
            "counters, a licence by host) may not work.",
            target=False,
        )
    return equivalent(_FOLLOWS, target=True, difference=f"{difference}.")


def _metal(bare: object) -> str:
    return "bare metal" if bare else "a virtual machine"
