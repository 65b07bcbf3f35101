"""What any target's catalogue holds: rows that rules of all targets read alike."""

from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network

from pydantic import BaseModel, ConfigDict

from coldferry.machine import Machine

ORIGIN_TAG = "coldferry:origin"
"""On what is created: the machine it was made for, so that a rerun takes it for its own."""


def origin_mark(machine: Machine) -> str:
    """The value of ORIGIN_TAG: provider, scope and id, cut to a tag's 256 characters."""
    origin = machine.origin
    return f"{origin.provider} {origin.scope} {origin.id}"[:256]


class Row(BaseModel):
    """A frozen row of a catalogue."""

    model_config = ConfigDict(frozen=True)


class Usage(Row):
    """A quota and what is used of it."""

    limit: int
    used: int

    @property
    def left(self) -> int:
        """What can still be had."""
        return self.limit - self.used


class Subnet(Row):
    """A subnet of a network.

    ``used`` maps addresses in use to the origin tag of their owner, or nothing. ``zone`` is
    empty where a subnet spans all zones. ``available`` is how many addresses the cloud itself
    says are left, None where it does not.
    """

    id: str
    name: str
    network: str
    network_id: str
    cidrs: tuple[str, ...]
    used: dict[str, str] = {}
    zone: str = ""
    available: int | None = None

    @property
    def short(self) -> str:
        """``network/subnet``, as a person says it."""
        return f"{self.network}/{self.name}"

    @property
    def networks(self) -> list[IPv4Network | IPv6Network]:
        """Its address ranges."""
        return [ip_network(cidr) for cidr in self.cidrs]

    def holds(self, address: str) -> bool:
        """Whether the address lies in one of its ranges; False for what is no address."""
        try:
            found = ip_address(address)
        except ValueError:
            return False
        return any(found in network for network in self.networks)

    def reserved(self, address: str) -> bool:
        """Azure and AWS keep the first four addresses and the last one of each range.

        Pages: "Azure Virtual Network frequently asked questions", "Subnet CIDR blocks" of
        the Amazon VPC User Guide.
        """
        found = ip_address(address)
        return any(
            found in network and (int(found) - int(network[0]) < 4 or found == network[-1])
            for network in self.networks
        )

    def free(self) -> int:
        """How many addresses are left, by what is known."""
        if self.available is not None:
            return self.available
        return sum(network.num_addresses - 5 for network in self.networks) - len(self.used)
