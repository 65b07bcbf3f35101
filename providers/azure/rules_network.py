"""Network interfaces, addresses, resolvers, security groups.

Pages: "Azure Virtual Network frequently asked questions" (five reserved
addresses a subnet), "Add, change, or remove IP addresses", "Name resolution
for resources in Azure virtual networks" (no search domains through DHCP),
"Create, change, or delete a network interface" (one VNet a VM, MAC assigned).
"""

from ipaddress import ip_address
from itertools import islice
from typing import Any

from coldferry.machine import UNKNOWN, Machine, Nic
from coldferry.rules import Outcome, Rule, Unfit
from coldferry.translation import Answers
from coldferry.verdicts import dropped, equivalent, exact, impossible, lost, missing, same_or
from providers.azure.catalogue import Catalogue, Q, Subnet, origin_mark
from providers.azure.ids import same
from providers.azure.rules_resolvers import RULES as RESOLVERS

AUTOMATIC = "automatic"

_BYTE = r"(25[0-5]|2[0-4][0-9]|1?[0-9]?[0-9])"
IP_PATTERN = rf"({_BYTE}(\.{_BYTE}){{3}}|[0-9A-Fa-f:]*:[0-9A-Fa-f:.]*)"
"""An address as JSON schema can tell one; ``ip_address`` has the last word."""


def subnet_for(index: int, catalogue: Catalogue, answers: Answers) -> Subnet | None:
    """The subnet a person chose for NIC ``index``, None while it is open."""
    said = answers.get(f"nics[{index}].subnet_id")
    return _find_subnet(said, catalogue) if isinstance(said, str) else None


def _find_subnet(said: str, catalogue: Catalogue) -> Subnet | None:
    """By full id, or by ``network/subnet`` where only one is called so."""
    short = [s for s in catalogue.subnets if s.short.lower() == said.lower()]
    named = [s for s in catalogue.subnets if same(s.id, said)] or short
    return named[0] if len(named) == 1 else None


def _subnet(question: Q) -> Outcome:
    nic: Nic = question.item("nics")
    address = nic.private_address

    def candidate(subnet: Subnet) -> tuple[str, str]:
        held = f", holds {address}" if address and subnet.holds(address) else ""
        alone = _find_subnet(subnet.short, question.catalogue)
        return subnet.short if alone else subnet.id, f"{', '.join(subnet.cidrs)}{held}"

    ordered = sorted(
        question.catalogue.subnets,
        key=lambda s: (not (address and s.holds(address)), s.short),
    )
    offered = [candidate(subnet) for subnet in ordered]
    holding = [subnet for subnet in ordered if address and subnet.holds(address)]
    return missing(
        "Which network the machine joins is a person's decision.",
        offered,
        proposal=offered[0][0] if len(holding) == 1 else "",
    )


def _accept_subnet(question: Q, said: Any) -> Outcome:
    subnet = _find_subnet(str(said), question.catalogue)
    if subnet is None:
        raise Unfit(
            f"'{said}' is no subnet in {question.catalogue.location}, or several: give its full id"
        )
    for earlier in range(question.leaf.index[0]):
        other = subnet_for(earlier, question.catalogue, question.answers)
        if other and not same(other.vnet_id, subnet.vnet_id):
            raise Unfit(
                f"all interfaces of a VM must be in one virtual network: this one would be in "
                f"{subnet.vnet}, nics[{earlier}] is in {other.vnet}"
            )
    return equivalent(
        "Chosen by a person.", subnet.id,
        f"{question.value} becomes {subnet.short} ({', '.join(subnet.cidrs)}).",
    )  # fmt: skip


def _follows_subnet(what: str) -> Any:
    def decide(question: Q) -> Outcome:
        subnet = subnet_for(question.leaf.index[0], question.catalogue, question.answers)
        if subnet is None:
            return equivalent("Follows from subnet_id.", None)
        nic: Nic = question.item("nics")
        target = subnet.vnet_id if what == "network" else _range(subnet, nic.private_address)
        return same_or(
            question, target, "Follows from subnet_id.", f"{question.value} becomes {target}."
        )

    return decide


def _range(subnet: Subnet, address: str | None) -> str:
    holding = [
        cidr
        for cidr, network in zip(subnet.cidrs, subnet.networks, strict=True)
        if address and ip_address(address) in network
    ]
    return (holding or list(subnet.cidrs))[0]


def _obstacle(address: str, subnet: Subnet, machine: Machine, index: int, answers: Answers) -> str:
    """Why the address cannot be had in the subnet; empty when it can."""
    if not subnet.holds(address):
        return f"{address} is not in {subnet.short} ({', '.join(subnet.cidrs)})"
    if subnet.reserved(address):
        return f"Azure reserves {address} in {subnet.short}"
    owner = subnet.used.get(address)
    if owner is not None and owner != origin_mark(machine):
        return f"{address} is in use in {subnet.short}"
    for other, nic in enumerate(machine.nics):
        said = answers.get(f"nics[{other}].private_address", nic.private_address)
        if other < index and said == address:
            return f"{address} is given to nics[{other}]"
    return ""


def _address(question: Q) -> Outcome:
    index = question.leaf.index[0]
    subnet = subnet_for(index, question.catalogue, question.answers)
    if subnet is None:
        return equivalent("Decided with subnet_id.", None)
    why = _obstacle(question.value, subnet, question.machine, index, question.answers)
    if why:
        return missing(
            f"The address cannot be kept: {why}.",
            [(AUTOMATIC, "Azure picks a free one")],
            pattern=f"^({AUTOMATIC}|{IP_PATTERN})$",
            example=_free(subnet),
        )
    return exact("In the subnet's range, not reserved, and free.", question.value)


def _free(subnet: Subnet) -> str:
    """An address of the subnet that nobody has, empty when it is full."""
    hosts = (str(host) for network in subnet.networks for host in network.hosts())
    some = islice(hosts, 1024)
    return next((a for a in some if not subnet.reserved(a) and a not in subnet.used), "")


def _accept_address(question: Q, said: Any) -> Outcome:
    index = question.leaf.index[0]
    subnet = subnet_for(index, question.catalogue, question.answers)
    if said == AUTOMATIC:
        return equivalent(
            "Chosen by a person.", AUTOMATIC, f"{question.value} becomes a free address."
        )
    if subnet is None:
        raise Unfit(f"answer nics[{index}].subnet_id with it: an address belongs to a subnet")
    try:
        address = str(ip_address(str(said)))
    except ValueError:
        raise Unfit(f"'{said}' is no IP address and not '{AUTOMATIC}'") from None
    why = _obstacle(address, subnet, question.machine, index, question.answers)
    if why:
        raise Unfit(why)
    return equivalent("Chosen by a person.", address, f"{question.value} becomes {address}.")


def _assignment(question: Q) -> Outcome:
    index = question.leaf.index[0]
    answer = question.answers.get(f"nics[{index}].private_address")
    nic: Nic = question.item("nics")
    target = "automatic" if answer == AUTOMATIC or nic.private_address is None else "static"
    return same_or(
        question, target, "Follows from private_address.",
        f"The address is {target} at Azure, {question.value} at the source.",
    )  # fmt: skip


def _more_addresses(question: Q) -> Outcome:
    return lost(
        "One address an interface is carried.",
        f"Not carried: {', '.join(question.value)}. Add them to the interface after the move.",
    )


def _public_address(question: Q) -> Outcome:
    return lost(
        "Public addresses cannot move between providers.",
        f"{question.value} is lost: give the new VM a public address at cutover and change DNS.",
    )


def _public_kind(_question: Q) -> Outcome:
    return dropped("Follows from public_address.")


def _mac(_question: Q) -> Outcome:
    return impossible(
        "Azure assigns MAC addresses.",
        "The interface gets another one: licences or network settings bound to it must be "
        "changed in the guest.",
    )


def _forwards(question: Q) -> Outcome:
    if question.value == UNKNOWN:
        return equivalent(
            "The source could not tell.", target=False, difference="Forwards no packets of others."
        )
    return exact("Set on the interface (IP forwarding).", question.value)


def _group(question: Q) -> Outcome:
    nic: Nic = question.item("nics")
    group = nic.security_groups[question.leaf.index[1]]
    return lost(
        "Created behind a security group that lets nothing in or out.",
        f"'{group.name}' is not carried; its {len(group.rules)} rules are listed in the report "
        "for the group that the VM gets at cutover.",
    )


def _group_detail(_question: Q) -> Outcome:
    return dropped("Covered by the acknowledgement of the group.")


def _nic_id(_question: Q) -> Outcome:
    return equivalent("A new interface is made.", None, "It has another id.")


def _kept(question: Q) -> Outcome:
    return exact("The interfaces keep their order.", question.value)


def _primary(question: Q) -> Outcome:
    return exact("Set on the VM.", question.value)


_FAQ = "learn.microsoft.com: Azure Virtual Network frequently asked questions"
_ADDRESSES = "learn.microsoft.com: Configure IP addresses for an Azure network interface"
_NIC = "learn.microsoft.com: Create, change, or delete a network interface"
_NSG = "learn.microsoft.com: Network security groups"

RULES: dict[str, Rule[Catalogue]] = {
    **RESOLVERS,
    "nics[].id": Rule("azure.nic.id", _nic_id, source=_NIC),
    "nics[].device_index": Rule("azure.nic.order", _kept, source=_NIC),
    "nics[].primary": Rule("azure.nic.primary", _primary, source=_NIC),
    "nics[].mac": Rule("azure.nic.mac", _mac, source=_NIC),
    "nics[].network_id": Rule(
        "azure.nic.network", _follows_subnet("network"), source=_NIC,
        instead="Answer the interface's subnet_id.",
    ),
    "nics[].subnet_id": Rule("azure.nic.subnet", _subnet, _accept_subnet, source=_NIC),
    "nics[].subnet_cidr": Rule(
        "azure.nic.range", _follows_subnet("range"), source=_NIC,
        instead="Answer the interface's subnet_id.",
    ),
    "nics[].private_address": Rule("azure.nic.address", _address, _accept_address, source=_FAQ),
    "nics[].more_private_addresses": Rule(
        "azure.nic.more-addresses", _more_addresses, source=_ADDRESSES
    ),
    "nics[].address_assignment": Rule(
        "azure.nic.assignment", _assignment, source=_ADDRESSES,
        instead="Answer the interface's private_address.",
    ),
    "nics[].public_address": Rule("azure.nic.public", _public_address, source=_ADDRESSES),
    "nics[].public_address_kind": Rule("azure.nic.public-kind", _public_kind, source=_ADDRESSES),
    "nics[].forwards_packets": Rule("azure.nic.forwarding", _forwards, source=_NIC),
    "nics[].security_groups[].id": Rule("azure.nic.group", _group, source=_NSG),
    "nics[].security_groups[].name": Rule("azure.nic.group-name", _group_detail, source=_NSG),
    "nics[].security_groups[].rules": Rule("azure.nic.group-rules", _group_detail, source=_NSG),
}  # fmt: skip
