"""What the network hands to the guest: resolvers, search domains, time servers.

Page: "DHCP option sets in Amazon VPC": they are a network's, never an interface's or
an instance's. A loss is asked about at once, whichever subnet is chosen, unless every
network hands out the same.
"""

from collections.abc import Iterable
from typing import Any

from coldferry.addresses import SUBNET, subnet_for
from coldferry.machine import UNKNOWN
from coldferry.resolvers import resolver_addresses
from coldferry.rules import Outcome, Rule
from coldferry.verdicts import dropped, equivalent, exact, lost
from providers.aws.catalogue import Catalogue, Network, Q
from providers.aws.words import AWS

_OPEN = "Follows from nics[0].subnet_id."


def _network(question: Q) -> Network | None:
    """The network of the primary interface, None while it is open."""
    subnet = subnet_for(0, question.catalogue, question.answers)
    return question.catalogue.network(subnet.network_id) if subnet else None


def _possible(question: Q) -> list[Network]:
    """The chosen network, else all that a subnet could be chosen of."""
    network = _network(question)
    if network is not None:
        return [network]
    ids = {subnet.network_id for subnet in question.catalogue.subnets}
    return [network for network in question.catalogue.networks if network.id in ids]


def _listed(handed: Iterable[str] | None) -> list[str] | None:
    return None if handed is None else list(handed)


def _in_words(handed: Iterable[str] | None) -> str:
    return ", ".join(handed or ()) or "nothing that we can see"


def _servers(question: Q) -> Outcome:
    network = _network(question)
    handed = network.servers if network else None
    becomes = f"The guest gets {_in_words(handed)}." if network else _OPEN
    if question.value == UNKNOWN:
        return equivalent(
            "The source could not tell; the network's DHCP options decide.", _listed(handed),
            becomes,
        )  # fmt: skip
    possible = _possible(question)
    if possible and all(one.servers == tuple(question.value) for one in possible):
        return exact("The network hands out the same.", list(question.value))
    real = set(resolver_addresses(question.value))
    if not real:
        return equivalent(
            "The source's provider answered names; the network's DHCP options decide here.",
            _listed(handed), becomes,
        )  # fmt: skip
    if possible and all(set(resolver_addresses(one.servers)) == real for one in possible):
        return equivalent("The network hands out the same addresses.", _listed(handed), becomes)
    return _loss(question, "resolvers", network, handed)


def _search(question: Q) -> Outcome:
    network = _network(question)
    handed = network.search_domains if network else None
    if question.value == UNKNOWN:
        return equivalent(
            "The source could not tell; the network's DHCP options decide.", _listed(handed),
            f"The guest gets {_in_words(handed)}." if network else _OPEN,
        )  # fmt: skip
    possible = _possible(question)
    if possible and all(one.search_domains == tuple(question.value) for one in possible):
        return exact("The network hands out the same.", list(question.value))
    return _loss(question, "search domains", network, handed)


def _loss(question: Q, what: str, network: Network | None, handed: Any) -> Outcome:
    values = ", ".join(question.value)
    return lost(
        f"At AWS {what} come from the network's DHCP options, for all its machines.",
        f"{values} becomes {_in_words(handed)}: change the options, or set them inside the guest."
        if network
        else f"{values} may not be what the chosen network hands out.",
        _listed(handed),
    )


def _time(question: Q) -> Outcome:
    network = _network(question)
    handed = network.time_servers if network else None
    if handed is not None and question.value != UNKNOWN and handed == tuple(question.value):
        return exact("The network hands out the same.", list(handed))
    return dropped(
        "Time servers come from the network's DHCP options.",
        "Time is else the guest's own setting; at AWS the clock is at 169.254.169.123.",
        _listed(handed),
    )


_FOLLOWS: dict[str, Any] = {
    "about": "resolvers", "follows": (SUBNET,), "instead": "Answer nics[0].subnet_id.",
}  # fmt: skip

RULES: dict[str, Rule[Catalogue]] = {
    "dns.servers": AWS.rule(
        "dns.servers", _servers, may=("exact", "equivalent", "dropped, acknowledge"),
        says="Resolvers are what the network's DHCP options hand out; where the source's are "
        "others, their loss must be acknowledged.",
        **_FOLLOWS,
    ),
    "dns.search_domains": AWS.rule(
        "dns.search", _search, may=("exact", "equivalent", "dropped, acknowledge"),
        says="Search domains are what the network's DHCP options hand out; where the source's are "
        "others, their loss must be acknowledged.",
        **_FOLLOWS,
    ),
    "dns.time_servers": AWS.rule(
        "dns.time", _time, may=("exact", "dropped"),
        says="Time servers are what the network's DHCP options hand out, else the guest's own "
        "setting.",
        **_FOLLOWS,
    ),
}  # fmt: skip
