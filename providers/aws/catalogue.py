"""What EC2 offers in the region: all that the rules look at. ``offers`` reads it live.

Pages: InstanceTypeInfo of the EC2 API reference, "Amazon EBS volume limits for
Amazon EC2 instances", "Amazon EC2 On-Demand Instances: quotas".
"""

import re

from pydantic import Field

from coldferry.machine import Unknown
from coldferry.offered import Row, Subnet, Usage
from coldferry.rules import Question
from providers.aws.volume_types import VOLUME_TYPES, VolumeType

GIB = 1 << 30

_QUOTAS = {
    **dict.fromkeys(("a", "c", "d", "h", "i", "m", "r", "t", "z", "im", "is"), "standard"),
    **dict.fromkeys(("g", "gr", "vt"), "g"),
    **dict.fromkeys(("f", "p", "x", "dl", "inf", "trn", "hpc", "u"), ""),
}
"""Which On-Demand quota the letters of a type's name count against; empty: the letters' own."""


class InstanceType(Row):
    """An instance type, by what EC2 says of it.

    ``architectures`` and ``firmwares`` are in the description's words; others stay as EC2
    spells them. ``zones`` are those of the region in which it is offered. ``ebs_iops`` and
    ``ebs_throughput_bytes_s`` are the most that all its volumes get together, None where EC2
    does not say. ``accelerators`` counts GPUs, FPGAs, media and machine learning chips.
    ``ena`` and ``nvme`` are EC2's words: unsupported, supported, required.
    """

    name: str
    vcpus: int
    memory_bytes: int
    architectures: tuple[str, ...]
    firmwares: tuple[str, ...]
    max_nics: int
    max_disks: int | None
    shared_attachments: bool = False
    ebs_iops: int | None = None
    ebs_throughput_bytes_s: int | None = None
    ebs_root: bool = True
    nvme: str = "unsupported"
    ena: str = "unsupported"
    nitro: bool = True
    tpm: tuple[str, ...] = ()
    virtualization: tuple[str, ...] = ("hvm",)
    zones: tuple[str, ...] = ()
    bare_metal: bool = False
    burstable: bool = False
    accelerators: int = 0
    ephemeral_bytes: int = 0
    current: bool = True
    on_demand: bool = True

    @property
    def quota(self) -> str:
        """The key of the On-Demand quota that its vCPUs count against; empty when unknown."""
        found = re.match(r"[a-z]+", self.name)
        letters = found[0] if found else ""
        return _QUOTAS.get(letters, "") or (letters if letters in _QUOTAS else "")

    def takes(self, disks: int, nics: int) -> bool:
        """Whether so many volumes, root included, and interfaces can be attached together.

        EC2's figure for volumes already leaves out the primary interface and instance store
        disks; where attachments are shared, every further interface takes one.
        """
        if nics > self.max_nics:
            return False
        if self.max_disks is None:
            return True
        more = max(0, nics - 1) if self.shared_attachments else 0
        return disks + more <= self.max_disks


class Network(Row):
    """A VPC and what its DHCP options hand out; None where they cannot be seen."""

    id: str
    name: str
    servers: tuple[str, ...] | None = None
    search_domains: tuple[str, ...] | None = None
    time_servers: tuple[str, ...] | None = None


class Image(Row):
    """An image of this account that a root can be made from."""

    id: str
    name: str
    architecture: str
    firmware: str
    platform: str
    size_bytes: int


class Instance(Row):
    """An instance that is there already; ``origin`` is the tag we put on those we made."""

    id: str
    name: str
    kind: str
    origin: str


class Catalogue(Row):
    """Everything there is to choose from, and what is left of it.

    ``quotas`` lacks what could not be read. ``encrypts`` says whether the region encrypts
    every new volume ("Encryption by default"), unknown where we may not ask.
    """

    region: str
    types: tuple[InstanceType, ...] = ()
    volume_types: tuple[VolumeType, ...] = VOLUME_TYPES
    networks: tuple[Network, ...] = ()
    subnets: tuple[Subnet, ...] = ()
    groups: tuple[str, ...] = ()
    key_pairs: tuple[str, ...] = ()
    images: tuple[Image, ...] = ()
    instances: tuple[Instance, ...] = ()
    quotas: dict[str, Usage] = Field(default_factory=dict)
    encrypts: bool | Unknown = "unknown"

    @property
    def place(self) -> str:
        """The region."""
        return self.region

    def type(self, name: str) -> InstanceType | None:
        """The instance type of that name, whatever its case."""
        return next((t for t in self.types if t.name == name.lower()), None)

    def network(self, network_id: str) -> Network | None:
        """The network of that id."""
        return next((n for n in self.networks if n.id == network_id), None)

    def vcpus_left(self, kind: InstanceType, origin: str) -> int | None:
        """Virtual CPUs that a new instance of the type may have; None when no quota is known.

        An instance that an earlier run made for the same machine counts as free.
        """
        usage = self.quotas.get(kind.quota)
        if usage is None:
            return None
        ours = [self.type(one.kind) for one in self.instances if one.origin == origin]
        return usage.left + sum(t.vcpus for t in ours if t is not None and t.quota == kind.quota)


Q = Question[Catalogue]
"""What a rule of this target is asked."""
