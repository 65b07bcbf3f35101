"""Subnets and private addresses: the same rules at every target.

Which subnet a machine joins is a person's decision; its address is kept where
that subnet has it, and asked for where it has not.
"""

from collections.abc import Callable
from dataclasses import dataclass
from ipaddress import ip_address
from itertools import islice
from typing import Any, Protocol

from coldferry.dialect import Decide, Dialect
from coldferry.machine import Machine, Nic
from coldferry.offered import Subnet, origin_mark
from coldferry.rules import Outcome, Question, Rule, Unfit
from coldferry.translation import ACKNOWLEDGE, Answers
from coldferry.verdicts import BLOCK, equivalent, exact, impossible, missing, same_or

AUTOMATIC = "automatic"

_BYTE = r"(25[0-5]|2[0-4][0-9]|1?[0-9]?[0-9])"
IP_PATTERN = rf"({_BYTE}(\.{_BYTE}){{3}}|[0-9A-Fa-f:]*:[0-9A-Fa-f:.]*)"
"""An address as JSON schema can tell one; ``ip_address`` has the last word."""

SUBNET = "nics[].subnet_id"
ADDRESS = "nics[].private_address"


class Networked(Protocol):
    """A catalogue, as far as networks go; ``place`` is the region or location."""

    @property
    def place(self) -> str:
        """The region or location that it is of."""

    @property
    def subnets(self) -> tuple[Subnet, ...]:
        """Every subnet that a machine can join there."""


Q = Question[Networked]


def find_subnet(said: str, catalogue: Networked) -> Subnet | None:
    """By id, whatever its case, or by ``network/subnet`` where only one is called so."""
    word = said.lower()
    named = [s for s in catalogue.subnets if s.id.lower() == word]
    named = named or [s for s in catalogue.subnets if s.short.lower() == word]
    return named[0] if len(named) == 1 else None


def subnet_for(index: int, catalogue: Networked, answers: Answers) -> Subnet | None:
    """The subnet a person chose for NIC ``index``, None while it is open."""
    said = answers.get(f"nics[{index}].subnet_id")
    return find_subnet(said, catalogue) if isinstance(said, str) else None


def obstacle(address: str, subnet: Subnet, machine: Machine, index: int, answers: Answers) -> str:
    """Why NIC ``index`` cannot have the address in the subnet; empty when it can."""
    if not subnet.holds(address):
        return f"{address} is not in {subnet.short} ({', '.join(subnet.cidrs)})"
    if subnet.reserved(address):
        return f"{address} is one of the addresses that {subnet.short} keeps for itself"
    owner = subnet.used.get(address)
    if owner is not None and owner != origin_mark(machine):
        return f"{address} is in use in {subnet.short}"
    for other, nic in enumerate(machine.nics[:index]):
        said = answers.get(f"nics[{other}].private_address", ACKNOWLEDGE)
        if (nic.private_address if said == ACKNOWLEDGE else said) == address:
            return f"{address} is given to nics[{other}]"
    return ""


def _free(subnet: Subnet) -> str:
    """An address of the subnet that nobody has, empty when it is full."""
    hosts = (str(host) for network in subnet.networks for host in network.hosts())
    some = islice(hosts, 1024)
    return next((a for a in some if not subnet.reserved(a) and a not in subnet.used), "")


@dataclass(frozen=True)
class AddressRules:
    """A target's words, and ``apart``: why two subnets cannot serve one machine, or nothing."""

    words: Dialect
    apart: Callable[[Subnet, Subnet], str]

    def subnet(self, question: Q) -> Outcome:
        """A person's, of those that can serve the machine; the ones with its address first."""
        nic: Nic = question.item("nics")
        offered = [s for s in question.catalogue.subnets if not self._objection(s, question)]
        if not offered:
            return impossible(
                f"No subnet in {question.catalogue.place} can take this interface.",
                "Make one with room, beside those of the other interfaces; then plan again.",
                consequence=BLOCK,
            )
        kept = {s.id for s in offered if self._keeps(s, nic, question)}
        ordered = sorted(offered, key=lambda s: (s.id not in kept, s.short, s.id))
        candidates = [self._candidate(s, s.id in kept, nic, question) for s in ordered]
        return missing(
            "Which network the machine joins is a person's decision.",
            candidates,
            proposal=candidates[0][0] if len(kept) == 1 else "",
        )

    def accept_subnet(self, question: Q, said: Any) -> Outcome:
        """By id or ``network/subnet``. Raises Unfit when it cannot serve the machine."""
        subnet = find_subnet(str(said), question.catalogue)
        if subnet is None:
            raise Unfit(
                f"'{said}' is no subnet in {question.catalogue.place}, or several: give its full id"
            )
        if objection := self._objection(subnet, question):
            raise Unfit(objection)
        return equivalent(
            "Chosen by a person.", subnet.id,
            f"{question.value} becomes {subnet.short} ({', '.join(subnet.cidrs)}).",
        )  # fmt: skip

    def address(self, question: Q) -> Outcome:
        """Kept where it can be; asked for at once when no subnet on offer has it."""
        index = question.leaf.index[0]
        automatic = [(AUTOMATIC, f"{self.words.cloud} picks a free one")]
        typed = f"^({AUTOMATIC}|{IP_PATTERN})$"
        subnet = subnet_for(index, question.catalogue, question.answers)
        nic: Nic = question.item("nics")
        if subnet is None:
            if any(self._keeps(s, nic, question) for s in question.catalogue.subnets):
                return equivalent("Decided with subnet_id.", None)
            return missing(
                "The address cannot be kept: no subnet on offer has it.", automatic, pattern=typed
            )
        why = obstacle(question.value, subnet, question.machine, index, question.answers)
        if why:
            return missing(
                f"The address cannot be kept: {why}.",
                automatic,
                pattern=typed,
                example=_free(subnet),
            )
        return exact("In the subnet's range, not reserved, and free.", question.value)

    def accept_address(self, question: Q, said: Any) -> Outcome:
        """An address of the chosen subnet, or ``automatic``."""
        index = question.leaf.index[0]
        if said == AUTOMATIC:
            return equivalent(
                "Chosen by a person.", AUTOMATIC, f"{question.value} becomes a free address."
            )
        subnet = subnet_for(index, question.catalogue, question.answers)
        if subnet is None:
            raise Unfit(f"answer nics[{index}].subnet_id with it: an address belongs to a subnet")
        try:
            address = str(ip_address(str(said)))
        except ValueError:
            raise Unfit(f"'{said}' is no IP address and not '{AUTOMATIC}'") from None
        why = obstacle(address, subnet, question.machine, index, question.answers)
        if why:
            raise Unfit(why)
        return equivalent("Chosen by a person.", address, f"{question.value} becomes {address}.")

    def _keeps(self, subnet: Subnet, nic: Nic, question: Q) -> bool:
        address, index = nic.private_address, question.leaf.index[0]
        return bool(address) and not obstacle(
            str(address), subnet, question.machine, index, question.answers
        )

    def _objection(self, subnet: Subnet, question: Q) -> str:
        """Why the subnet cannot be had for this interface; empty when it can."""
        chosen = (
            (earlier, subnet_for(earlier, question.catalogue, question.answers))
            for earlier in range(question.leaf.index[0])
        )
        # Held against the first only: of three of which the second is wrong, the second is told.
        earlier, other = next((pair for pair in chosen if pair[1]), (0, None))
        if other and (why := self.apart(subnet, other)):
            return f"{why}: nics[{earlier}] is in {other.short}"
        if subnet.free() < 1 and origin_mark(question.machine) not in subnet.used.values():
            return f"{subnet.short} has no free address"
        return ""

    def _candidate(self, subnet: Subnet, kept: bool, nic: Nic, question: Q) -> tuple[str, str]:
        about = [", ".join(subnet.cidrs), subnet.zone]
        if kept:
            about.append(f"holds {nic.private_address}")
        alone = find_subnet(subnet.short, question.catalogue)
        return subnet.short if alone else subnet.id, ", ".join(filter(None, about))


def _assignment(question: Q) -> Outcome:
    answer = question.answers.get(f"nics[{question.leaf.index[0]}].private_address")
    nic: Nic = question.item("nics")
    target = "automatic" if answer == AUTOMATIC or nic.private_address is None else "static"
    return same_or(
        question, target, "Follows from private_address.",
        f"The address is {target} at the target, {question.value} at the source.",
    )  # fmt: skip


def _follows_subnet(value: Callable[[Subnet, Nic], str]) -> Decide:
    def decide(question: Q) -> Outcome:
        subnet = subnet_for(question.leaf.index[0], question.catalogue, question.answers)
        if subnet is None:
            return equivalent("Follows from subnet_id.", None)
        target = value(subnet, question.item("nics"))
        return same_or(
            question, target, "Follows from subnet_id.", f"{question.value} becomes {target}."
        )

    return decide


def _range(subnet: Subnet, nic: Nic) -> str:
    """The range that holds the address, else the first."""
    holding = [
        cidr
        for cidr in subnet.cidrs
        if nic.private_address
        and subnet.model_copy(update={"cidrs": (cidr,)}).holds(nic.private_address)
    ]
    return (holding or list(subnet.cidrs))[0]


def addresses(words: Dialect, apart: Callable[[Subnet, Subnet], str]) -> dict[str, Rule[Any]]:
    """Rows for subnets and private addresses."""
    rules = AddressRules(words, apart)
    follows: dict[str, Any] = {
        "about": "interfaces", "may": ("equivalent", "exact"), "follows": (SUBNET,),
        "instead": "Answer the interface's subnet_id.",
    }  # fmt: skip
    return {
        "nics[].network_id": words.rule(
            "nic.network", _follows_subnet(lambda subnet, _: subnet.network_id),
            says="The network is the chosen subnet's.", **follows,
        ),
        SUBNET: words.rule(
            "nic.subnet", rules.subnet, rules.accept_subnet, about="interfaces",
            may=("missing", "impossible, block", "equivalent"), follows=(SUBNET,),
            says="Which subnet an interface joins is a person's decision, among those with a free "
            "address.",
        ),
        "nics[].subnet_cidr": words.rule(
            "nic.range", _follows_subnet(_range), says="The range is the chosen subnet's.",
            **follows,
        ),
        ADDRESS: words.rule(
            "nic.address", rules.address, rules.accept_address, about="reserved addresses",
            may=("exact", "equivalent", "missing"), follows=(SUBNET, ADDRESS),
            says="The private address is kept where the chosen subnet holds it, does not reserve "
            "it and has it free; else it is asked for.",
        ),
        "nics[].address_assignment": words.rule(
            "nic.assignment", _assignment, about="addresses", may=("exact", "equivalent"),
            follows=(ADDRESS,), instead="Answer the interface's private_address.",
            says="An address that is kept or chosen is static.",
        ),
    }  # fmt: skip
