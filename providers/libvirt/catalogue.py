"""What a libvirt host offers: all that the rules look at. ``offers`` reads it live."""

from typing import Any

from coldferry.offered import Row, Subnet
from coldferry.rules import Question

USER = "user"
"""A user's own daemon has no networks: its machines reach out through QEMU itself."""


class Network(Subnet):
    """A network of the host; its ranges are empty where another bridge's are not known."""

    def reserved(self, address: str) -> bool:
        """Only the ends of a range: libvirt's own address is among the ``used``."""
        return any(address in (str(one[0]), str(one[-1])) for one in self.networks)


class Place(Row):
    """A pool that disks can be made in."""

    name: str
    available_bytes: int


class Here(Row):
    """A machine that is there already; ``origin`` is what it was made for, if we made it."""

    name: str
    origin: str
    macs: tuple[str, ...] = ()


class Kind(Row):
    """What machines of one architecture can be: chipsets, firmware, how many vCPUs."""

    architecture: str
    families: tuple[str, ...]
    firmwares: tuple[str, ...]
    max_vcpus: int


class Catalogue(Row):
    """Everything there is to choose from."""

    host: str
    memory_bytes: int
    kinds: tuple[Kind, ...]
    pools: tuple[Place, ...]
    networks: tuple[Network, ...]
    machines: tuple[Here, ...] = ()
    pool: str = ""

    def kind(self, architecture: Any) -> Kind | None:
        """What that architecture can have; None where the host emulates none."""
        return next((one for one in self.kinds if one.architecture == architecture), None)


Q = Question[Catalogue]
"""What a rule of this target is asked."""
