"""What a machine is, in no cloud's words.

Every scalar here is a leaf of the description, and every leaf gets exactly one
verdict when a target translates it. Two kinds of absence are kept apart:
``None`` says that the thing is known not to be there, ``"unknown"`` that the
source could not tell. Neither is ever replaced by a default.

Sizes are bytes, rates are per second, addresses are text as in RFC 4632/5952.
"""

from typing import Literal

from pydantic import BaseModel, ConfigDict

SCHEMA_VERSION = "1.0"

Unknown = Literal["unknown"]
UNKNOWN: Unknown = "unknown"

Architecture = Literal["x86_64", "arm64"]
Firmware = Literal["bios", "uefi"]

Medium = Literal["hdd", "ssd", "steady ssd"]
"""What a disk is made of, as its vendor publishes it, worst first.

``ssd`` holds its figures about 99 % of the time, ``steady ssd`` 99.9 % or more.
"""


class Part(BaseModel):
    """A frozen piece of the description; unknown keys are refused."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Origin(Part):
    """Where the machine stands: provider, account and region, its id there."""

    provider: str
    scope: str
    id: str


class Dns(Part):
    """Resolver configuration that the network hands to the guest."""

    servers: tuple[str, ...] | Unknown = UNKNOWN
    search_domains: tuple[str, ...] | Unknown = UNKNOWN
    time_servers: tuple[str, ...] | Unknown = UNKNOWN


class SecurityGroup(Part):
    """A named set of allow rules that guards a network interface.

    A rule is four words: direction, protocol, ports (``all``, ``443``,
    ``8000-8100``) and peer (a CIDR block or a group's id), as in
    ``inbound tcp 443 0.0.0.0/0``.
    """

    id: str
    name: str
    rules: tuple[str, ...] = ()


class Nic(Part):
    """A virtual network interface, in the order the guest sees them."""

    id: str
    device_index: int
    primary: bool
    mac: str | Unknown
    network_id: str | Unknown
    subnet_id: str
    subnet_cidr: str | Unknown
    private_address: str | None
    more_private_addresses: tuple[str, ...] = ()
    address_assignment: Literal["static", "automatic"] | Unknown
    public_address: str | None
    public_address_kind: Literal["automatic", "reserved"] | None
    forwards_packets: bool | Unknown
    security_groups: tuple[SecurityGroup, ...] = ()


class Disk(Part):
    """A block device with a life of its own (a volume), in the guest's order, root first.

    ``iops`` and ``throughput_bytes_s`` are what it can do all the time: what was provisioned,
    or what the vendor publishes for its kind and size. Bursts are not counted. ``None``
    where the kind has no such figure. Targets choose by these and by ``medium``; ``kind`` is
    the source's own word, which no other cloud knows.
    """

    id: str
    device: str
    root: bool
    size_bytes: int
    kind: str
    medium: Medium | Unknown = UNKNOWN
    iops: int | None | Unknown
    throughput_bytes_s: int | None | Unknown
    encrypted: bool | Unknown
    key_id: str | None
    shared: bool
    deleted_with_machine: bool | Unknown


class EphemeralDisk(Part):
    """A disk that loses its content when the machine stops."""

    device: str
    size_bytes: int | Unknown


class RootImage(Part):
    """A root device that is not persistent: made anew from an image at each start."""

    image: str | Unknown


class NetworkFilesystem(Part):
    """A file system that can be mounted from the machine's network.

    ``mounted`` is unknown until the guest's own mounts were read.
    """

    id: str
    kind: str
    address: str | Unknown
    mounted: bool | Unknown


class UserData(Part):
    """Start-up data by its digest: the text itself may hold secrets and is never carried."""

    sha256: str
    size_bytes: int


class Tag(Part):
    """A label that a person or a tool put on the machine."""

    key: str
    value: str


RelationKind = Literal[
    "load balancer",
    "scaling group",
    "backup plan",
    "alarm",
    "dns record",
    "schedule",
    "placement group",
    "fleet manager",
    "other",
]


class Relation(Part):
    """Something outside that knows the machine and does not move with it; listed, never carried."""

    kind: RelationKind
    id: str
    detail: str = ""


class Licence(Part):
    """What the running hour pays for, in the source's words."""

    platform: str | Unknown
    product_codes: tuple[str, ...] = ()


class Machine(Part):
    """The neutral description of one virtual machine.

    ``accelerators`` counts GPUs, FPGAs and other chips that its size has besides CPUs.
    ``burstable`` says that its CPUs are throttled once credits are spent, ``bare_metal`` that
    nothing lies between it and the hardware. ``stoppable`` is False where the provider can only
    terminate it: its disks are then frozen together while it runs.
    """

    schema_version: Literal["1.0"] = "1.0"
    origin: Origin
    name: str
    hostname: str | Unknown
    instance_type: str
    vcpus: int
    memory_bytes: int
    accelerators: int | Unknown = UNKNOWN
    burstable: bool | Unknown = UNKNOWN
    bare_metal: bool | Unknown = UNKNOWN
    architecture: Architecture | Unknown
    firmware: Firmware | Unknown
    secure_boot: bool | Unknown
    tpm: str | None | Unknown
    os_family: Literal["linux", "windows"] | Unknown
    zone: str | Unknown
    tenancy: str | Unknown
    stoppable: bool | Unknown = True
    dns: Dns
    nics: tuple[Nic, ...]
    disks: tuple[Disk, ...]
    ephemeral_disks: tuple[EphemeralDisk, ...] = ()
    root_image: RootImage | None = None
    network_filesystems: tuple[NetworkFilesystem, ...] = ()
    tags: tuple[Tag, ...] = ()
    user_data: UserData | None = None
    key_names: tuple[str, ...] = ()
    profile: str | None = None
    relations: tuple[Relation, ...] = ()
    licence: Licence


def root_disk(machine: Machine) -> Disk | None:
    """The persistent root disk, or None when the root is an image or instance store."""
    return next((disk for disk in machine.disks if disk.root), None)
