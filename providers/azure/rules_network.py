"""Network interfaces.

Page: "Create, change, or delete a network interface": all interfaces of a VM are in
one virtual network.
"""

from coldferry.addresses import addresses
from coldferry.offered import Subnet
from coldferry.rules import Rule
from providers.azure.catalogue import Catalogue
from providers.azure.ids import same
from providers.azure.rules_resolvers import RULES as RESOLVERS
from providers.azure.words import AZURE


def _apart(one: Subnet, other: Subnet) -> str:
    if same(one.network_id, other.network_id):
        return ""
    return (
        "all interfaces of a VM must be in one virtual network, and this one would be in "
        f"{one.network}"
    )


RULES: dict[str, Rule[Catalogue]] = {**RESOLVERS, **addresses(AZURE, _apart)}
