"""Network interfaces and what the network hands out.

Pages: "Domain XML format" (network interfaces), "Network XML format" (addressing). A host assigns
no addresses: the guest sets its own, or its network's DHCP server does, by the MAC.
"""

import re
from typing import Any

from coldferry.machine import UNKNOWN, Nic
from coldferry.offered import origin_mark
from coldferry.rules import Outcome, Rule, Unfit
from coldferry.verdicts import (
    BLOCK,
    dropped,
    equivalent,
    exact,
    impossible,
    lost,
    missing,
    same_or,
)
from providers.libvirt.catalogue import Catalogue, Network, Q
from providers.libvirt.dialect import LIBVIRT

SUBNET = "nics[].subnet_id"

_MAC = re.compile(r"[0-9a-f][02468ace](:[0-9a-f]{2}){5}")
"""A single interface's: the lowest bit of the first byte is of groups (IEEE 802)."""


def network_for(question: Q) -> Network | None:
    """The one that a person chose for the question's interface, None while it is open."""
    said = question.answers.get(f"nics[{question.leaf.index[0]}].subnet_id")
    return next((one for one in question.catalogue.networks if one.id == said), None)


def _subnet(question: Q) -> Outcome:
    nic: Nic = question.item("nics")
    offered = question.catalogue.networks
    if not offered:
        return impossible("The host has no active network.",
                          "Define and start one, then plan again.", consequence=BLOCK)  # fmt: skip
    kept = [one.id for one in offered if nic.private_address and one.holds(nic.private_address)]
    ordered = sorted(offered, key=lambda one: (one.id not in kept, one.id))
    return missing(
        "Which network the machine joins is a person's decision.",
        [(one.id, _about(one, nic, one.id in kept)) for one in ordered],
        proposal=kept[0] if len(kept) == 1 else "",
    )


def _about(network: Network, nic: Nic, kept: bool) -> str:
    ranges = ", ".join(network.cidrs) or "its range is not known to the host"
    return f"{ranges}, holds {nic.private_address}" if kept else ranges


def _accept_subnet(question: Q, said: Any) -> Outcome:
    if str(said) not in [one.id for one in question.catalogue.networks]:
        raise Unfit(f"'{said}' is no active network of the host")
    return equivalent("Chosen by a person.", str(said), f"{question.value} becomes {said}.")


def _network(question: Q) -> Outcome:
    found = network_for(question)
    if found is None:
        return equivalent("Follows from subnet_id.", None)
    return same_or(question, found.network_id, "Follows from subnet_id.",
                   f"{question.value} becomes {found.network_id}.")  # fmt: skip


def _range(question: Q) -> Outcome:
    found = network_for(question)
    if found is None:
        return equivalent("Follows from subnet_id.", None)
    target = next(iter(found.cidrs), UNKNOWN)
    return same_or(question, target, "Follows from subnet_id.",
                   f"{question.value} becomes {target}.")  # fmt: skip


def _address(question: Q) -> Outcome:
    found = network_for(question)
    if found is None:
        return equivalent("Decided with subnet_id.", None)
    if found.cidrs and not found.holds(question.value):
        return lost(
            f"{question.value} is not in {found.id} ({', '.join(found.cidrs)}).",
            "The guest gets another address, or none where it sets its own.",
        )
    return equivalent(
        "The host assigns no addresses.", question.value,
        f"Kept where the guest sets it itself, or the network's DHCP server has {question.value} "
        "for its MAC.",
    )  # fmt: skip


def _assignment(question: Q) -> Outcome:
    return same_or(
        question, "automatic", "The network's DHCP server hands out addresses.",
        f"The network's DHCP server hands out addresses; at the source it was {question.value}.",
    )  # fmt: skip


def _mac(question: Q) -> Outcome:
    said = str(question.value).lower()
    if _MAC.fullmatch(said) is None:
        return equivalent("The source could not tell one.", None, "libvirt makes one up.")
    mine = origin_mark(question.machine)
    macs = [nic.mac.lower() for nic in question.machine.nics[: question.leaf.index[0]]]
    if said in macs or any(said in one.macs and one.origin != mine
                           for one in question.catalogue.machines):  # fmt: skip
        return equivalent(
            "Another interface on this host has it.", None,
            f"{said} becomes another one: licences or network settings bound to it must be changed "
            "in the guest.",
        )  # fmt: skip
    return exact("The interface keeps its MAC address.", question.value)


def _handed(what: str) -> Any:
    def decide(question: Q) -> Outcome:
        reason = f"The network hands out its own {what}."
        if question.value == UNKNOWN:
            return dropped(reason)
        return lost(
            reason,
            f"Set {', '.join(question.value)} on the network, or in the guest, if they are needed.",
        )

    return decide


def _time(_question: Q) -> Outcome:
    return dropped("Time is the guest's own setting.", "The host's clock is at /dev/ptp_kvm.")


_FOLLOWS: dict[str, Any] = {
    "about": "interfaces", "may": ("exact", "equivalent"), "follows": (SUBNET,),
    "instead": "Answer the interface's subnet_id.",
}  # fmt: skip
_DNS: dict[str, Any] = {"about": "resolvers", "may": ("exact", "dropped", "dropped, acknowledge")}

RULES: dict[str, Rule[Catalogue]] = {
    "dns.servers": LIBVIRT.rule(
        "dns.servers", _handed("resolvers"), **_DNS,
        says="The network hands out its own resolvers; the loss of others must be acknowledged.",
    ),
    "dns.search_domains": LIBVIRT.rule(
        "dns.search", _handed("domain"), **_DNS,
        says="The network hands out its own domain; the loss of others must be acknowledged.",
    ),
    "dns.time_servers": LIBVIRT.rule(
        "dns.time", _time, about="time", may=("exact", "dropped"),
        says="Time is the guest's own setting.",
    ),
    "nics[].network_id": LIBVIRT.rule(
        "nic.network", _network, says="The network is the chosen one.", **_FOLLOWS,
    ),
    SUBNET: LIBVIRT.rule(
        "nic.subnet", _subnet, _accept_subnet, about="interfaces",
        may=("missing", "impossible, block", "equivalent"),
        says="Which network an interface joins is a person's decision, among the active ones.",
    ),
    "nics[].subnet_cidr": LIBVIRT.rule(
        "nic.range", _range, says="The range is the chosen network's.", **_FOLLOWS,
    ),
    "nics[].private_address": LIBVIRT.rule(
        "nic.address", _address, about="addresses", follows=(SUBNET,),
        may=("exact", "equivalent", "dropped, acknowledge"),
        says="A host assigns no addresses: one in the network's range is the guest's to keep; the "
        "loss of any other must be acknowledged.",
    ),
    "nics[].address_assignment": LIBVIRT.rule(
        "nic.assignment", _assignment, about="addresses", may=("exact", "equivalent"),
        says="Addresses are the network's DHCP server's to hand out.",
    ),
    "nics[].mac": LIBVIRT.rule(
        "nic.mac", _mac, about="interfaces", may=("exact", "equivalent"),
        says="The MAC address is kept, unless another interface on the host has it.",
    ),
}  # fmt: skip
