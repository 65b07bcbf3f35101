"""What Azure offers in the location: all that the rules look at. ``offers`` reads it live."""

from pydantic import Field

from coldferry.offered import Row, Subnet, Usage
from coldferry.rules import Question

GIB = 1 << 30


class Size(Row):
    """A VM size. ``restricted`` says why this subscription cannot have it, empty when it can."""

    name: str
    family: str
    vcpus: int
    memory_bytes: int
    architecture: str
    generations: tuple[str, ...]
    max_data_disks: int
    max_nics: int
    premium_io: bool
    controllers: tuple[str, ...]
    trusted_launch: bool
    temp_disk_bytes: int = 0
    gpus: int = 0
    zones: tuple[str, ...] = ()
    restricted: str = ""


class DiskTier(Row):
    """One performance step of a disk kind: what a disk up to ``max_bytes`` gets."""

    kind: str
    tier: str
    max_bytes: int
    iops: int
    throughput_bytes_s: int


class Vm(Row):
    """A VM that is there already; ``origin`` is the tag we put on those we made."""

    name: str
    size: str
    origin: str


class Snapshot(Row):
    """A snapshot of an OS disk in the resource group."""

    id: str
    name: str
    os: str
    generation: str
    size_bytes: int


class Catalogue(Row):
    """Everything there is to choose from, and what is left of it."""

    location: str
    sizes: tuple[Size, ...] = ()
    disk_tiers: tuple[DiskTier, ...] = ()
    subnets: tuple[Subnet, ...] = ()
    nsgs: tuple[str, ...] = ()
    snapshots: tuple[Snapshot, ...] = ()
    usages: dict[str, Usage] = Field(default_factory=dict)
    network_usages: dict[str, Usage] = Field(default_factory=dict)
    vms: tuple[Vm, ...] = ()

    @property
    def place(self) -> str:
        """The location."""
        return self.location

    def size(self, name: str) -> Size | None:
        """The size of that name, whatever its case."""
        return next((s for s in self.sizes if s.name.lower() == name.lower()), None)

    def cores_left(self, family: str, origin: str) -> int | None:
        """Virtual CPUs that a new VM of the family may have; None when the quotas say nothing.

        A VM that an earlier run made for the same machine counts as free.
        """
        own = sum(
            size.vcpus
            for vm in self.vms
            if vm.origin == origin and (size := self.size(vm.size)) is not None
        )
        known = [self.usages[key] for key in ("cores", family.lower()) if key in self.usages]
        return min((usage.left + own for usage in known), default=None)

    def cores_left_by_family(self, origin: str) -> dict[str, int]:
        """The same for every family; those whose quotas say nothing are left out."""
        families = {size.family for size in self.sizes}
        left = {family: self.cores_left(family, origin) for family in families}
        return {family: cores for family, cores in left.items() if cores is not None}

    def tier(self, kind: str, size_bytes: int) -> DiskTier | None:
        """The step that a disk of this kind and size gets."""
        fitting = [t for t in self.disk_tiers if t.kind == kind and t.max_bytes >= size_bytes]
        return min(fitting, key=lambda tier: tier.max_bytes, default=None)


Q = Question[Catalogue]
"""What a rule of this target is asked."""
