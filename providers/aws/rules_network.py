"""Network interfaces.

Pages: "Subnets for your VPC" (a subnet is in one zone, and so is an instance),
"Elastic network interfaces".
"""

from coldferry.addresses import addresses
from coldferry.offered import Subnet
from coldferry.rules import Rule
from providers.aws.catalogue import Catalogue
from providers.aws.rules_resolvers import RULES as RESOLVERS
from providers.aws.words import AWS


def _apart(one: Subnet, other: Subnet) -> str:
    if one.zone != other.zone:
        return (
            "all interfaces of an instance must be in one zone, and this one would be in "
            f"{one.zone}"
        )
    if one.network_id != other.network_id:
        # RunInstances takes one network; others can be attached to a running instance only.
        return f"all interfaces must be in one network, and this one would be in {one.network}"
    return ""


RULES: dict[str, Rule[Catalogue]] = {**RESOLVERS, **addresses(AWS, _apart)}
