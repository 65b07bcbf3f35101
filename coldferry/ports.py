"""The whole contract of a provider, on one page.

A provider brings one object that is a :class:`Source`, a :class:`Target` or
both. The engine asks what a disk can do (:class:`Limits`), never which cloud
it is. Every method raises only errors of ``coldferry.errors``; none logs.

Laws for all of them:

* *Idempotent*: any call may be made again, also after a crash in the middle of
  an earlier one; it then finds what that one left and goes on.
* *Tagged*: whatever is created carries the migration's tag in the creating
  call, under a name or token that follows from the migration.
* *Ours only*: nothing is deleted that does not bear the tag on a fresh read.
* *Concurrent*: an object may be used from several threads at once; one disk
  is written through one writer at a time.
* *Never two*: nothing of ours starts a machine whose marks say that it was moved
  (``coldferry.moved``), until its new machine is stopped or gone.
"""

from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Protocol, TypeGuard

from coldferry.disk import (
    CountingReader,
    DigestReader,
    DigestWriter,
    DiskReader,
    DiskWriter,
    Extent,
    Limits,
    ManifestCommitter,
    OnProgress,
    Proof,
)
from coldferry.errors import Finding
from coldferry.guest.needs import GuestNeeds
from coldferry.machine import Machine
from coldferry.migration import Marks
from coldferry.plan import Device, Plan
from coldferry.translation import Answers, Translation

__all__ = [
    "DAYS_A_MONTH",
    "FOREIGN",
    "FROZEN",
    "KEPT_COPY",
    "Arrived",
    "Check",
    "CountingReader",
    "DigestReader",
    "DigestWriter",
    "DiskReader",
    "DiskWriter",
    "Erased",
    "Extent",
    "FrozenDisk",
    "Limits",
    "Machines",
    "ManifestCommitter",
    "OnProgress",
    "Owned",
    "PowerState",
    "Proof",
    "Source",
    "Tagged",
    "Target",
    "Translator",
    "VerifiedDisk",
    "is_source",
    "is_target",
    "is_translator",
]


class PowerState(StrEnum):
    """What a provider says of a machine, in five words."""

    RUNNING = "running"
    STARTING = "starting"
    STOPPING = "stopping"
    STOPPED = "stopped"
    GONE = "gone"


@dataclass(frozen=True)
class FrozenDisk:
    """One disk at the immutable point in time; ``ref`` is the provider's id of it.

    ``follows`` are those of earlier states of the machine's disks: see ``Target.open_disk``.
    """

    migration: str
    device: Device
    ref: str
    follows: frozenset[str] = frozenset()


@dataclass(frozen=True)
class VerifiedDisk:
    """A committed disk whose read-back matched: the only kind that a VM is made from."""

    device: Device
    ref: str
    manifest_root: str
    proof: Proof


@dataclass(frozen=True)
class Owned:
    """An object that bears a migration's tag, as a fresh read found it."""

    migration: str
    kind: str
    id: str


FOREIGN = "foreign"
"""The code of a finding about what is at our machine and bears no tag of ours."""


FROZEN = "snapshot"
"""The kind of a frozen disk, at every source: a target has none of its own."""

KEPT_COPY = "kept copy"
"""The kind of a lasting copy of a discarded target's disk, at every target."""


DAYS_A_MONTH = 365 / 12
"""What is priced by the month costs this part of it a day."""


@dataclass(frozen=True)
class Tagged(Owned):
    """An object of whatever kind that bears our tag, with what its price follows from.

    ``migration`` is the tag's word as it stands, so an inspection's or a
    doctor's too. ``sku`` is the provider's own word for a size or a kind of
    storage, empty where there is none; ``power`` is a VM's. ``item`` is the name of
    its price in the table of prices (``aws.snapshot.gib-month``), ``place`` what the
    price is of, and ``units_per_day`` how many of it a day takes.
    """

    size_bytes: int | None = None
    sku: str = ""
    power: PowerState | None = None
    item: str = ""
    place: str = ""
    units_per_day: float = 0.0


@dataclass(frozen=True)
class Erased(Owned):
    """What was deleted: when (ISO 8601, UTC), by which call, and what the provider answered."""

    at: str
    means: str
    answer: str


@dataclass(frozen=True)
class Arrived:
    """A migration's new machine, as a fresh read found it.

    ``interfaces`` are the names of those that the migration made, in the machine's order,
    ``groups`` the security group that each is behind now, "" for none, and ``offered``
    those that it could be behind, ours left out. ``address`` is the first interface's
    private one, "" for none.
    """

    vm: str
    power: PowerState
    interfaces: tuple[str, ...]
    groups: tuple[str, ...]
    offered: tuple[str, ...]
    address: str


@dataclass(frozen=True)
class Check:
    """One thing a doctor looked at: ``ok`` None means that it could not be told."""

    name: str
    ok: bool | None
    what: str
    do: str = ""


class Machines(Protocol):
    """A machine can be managed anywhere, by the same words."""

    provider: str
    guest: GuestNeeds
    """What it needs of a guest, and what it leaves in one."""

    @property
    def scope(self) -> str:
        """Account and region, or what stands for them; may ask the cloud the first time."""

    def machines(self) -> list[str]:
        """The id of every machine here that can be described, in an order that stays."""

    def describe(self, vm: str) -> Machine:
        """The description as of now, without our own tags. Raises UnknownMachine."""

    def power(self, vm: str) -> PowerState:
        """The power state as of now. Raises UnknownMachine."""

    def start(self, vm: str) -> None:
        """Return once the provider said running."""

    def stop(self, vm: str, *, force: bool = False, timeout_s: float = 600) -> None:
        """Return once the provider said stopped on two reads in a row; never terminates.

        Raises WillNotStop when it refuses to, or is not stopped at the deadline.
        """

    def reboot(self, vm: str) -> None:
        """Return once the provider took the order."""

    def owned(self, migration: str | None = None) -> list[Owned]:
        """Everything here that bears that migration's tag, or any migration's."""

    def tagged(self) -> Iterator[Tagged]:
        """Everything here that bears our tag, also of kinds that only an accident leaves here."""

    def diagnose(self) -> Iterator[Check]:
        """Identity, clock, endpoints, permissions, quotas, data path; what it makes it removes.

        Raises BadInput when the settings lack what a person has to fill in.
        """


class Source(Machines, Protocol):
    """A cloud that machines are taken from. Disks of the source are never written."""

    def unmovable(self, vm: str) -> list[Finding]:
        """Everything about the machine that stands against moving it, all at once."""

    def preflight_source(self, vm: str, plan: Plan) -> list[Finding]:
        """What would make the halt, the freeze or the reading fail, all at once.

        Nothing is created or changed. What :meth:`unmovable` says is not said again. It may be
        asked of a plan with open fields, and of a machine that this migration has halted.
        """

    def marks(self, vm: str) -> Marks | None:
        """What our tags on the machine say, read afresh."""

    def mark(self, vm: str, marks: Marks) -> None:
        """Write them; ``power_before`` None removes that tag."""

    def marked(self) -> Iterator[tuple[str, Marks]]:
        """Every machine here that bears an attempt's tag."""

    def freeze(self, vm: str, migration: str, devices: Sequence[Device]) -> list[FrozenDisk]:
        """An immutable point in time of all devices together, in their order.

        Finds the one an earlier call made, unless the machine was started since.
        """

    def started_since(self, vm: str, frozen: Sequence[FrozenDisk]) -> bool:
        """The machine runs, or ran, since ``frozen`` was made: its disks may hold newer data."""

    def ran_since(self, vm: str, migration: str) -> bool | None:
        """The machine runs, or ran, since that migration froze its disks.

        None when nothing is left to tell by: the frozen disks are gone.
        """

    def open_frozen(self, frozen: FrozenDisk) -> AbstractContextManager[DiskReader]:
        """Leaving closes connections, nothing more."""

    def frozen(self, migration: str) -> list[Owned]:
        """What ``release`` deletes: ``owned`` has the new machine, too, where it is beside it."""

    def release(self, migration: str) -> list[Erased]:
        """End access and delete the frozen disks; answer what was deleted."""


class Translator(Machines, Protocol):
    """A cloud that can say what it would make of a description; both methods create nothing."""

    def catalogue(self) -> Any:
        """Sizes, disk types, networks and quotas, live; only this target's own rules read it."""

    def translate(self, machine: Machine, catalogue: Any, answers: Answers) -> Translation:
        """Pure: one verdict a leaf. Raises BadAnswer naming all answers that do not fit."""


class Target(Translator, Protocol):
    """A cloud that machines are brought to.

    Access to a disk being written ends in ``commit`` or ``discard``, once.
    """

    def preflight(self, plan: Plan) -> list[Finding]:
        """All faults at once; nothing is created. What the plan leaves open is not looked at.

        What the migration itself has made is no fault: it may be asked again at any time.
        """

    def open_disk(self, plan: Plan, frozen: FrozenDisk) -> AbstractContextManager[DiskWriter]:
        """Create the disk or adopt it; leaving keeps it open for a resume.

        A disk that was begun from another frozen state is removed and begun anew, unless the
        frozen one ``follows`` that: then it is adopted with what it holds, by the same identity.
        """

    def open_written(self, plan: Plan, ref: str) -> AbstractContextManager[DiskReader]:
        """Read back what was committed, of the size that was asked for; leaving ends the access."""

    def in_use(self, plan: Plan, ref: str) -> bool:
        """The disk is part of the migration's own VM, which may have written to it since.

        That VM was made from verified disks only: being part of it is the
        lasting record of a proof that can no longer be repeated.
        """

    def discard_disk(self, plan: Plan, device: Device) -> None:
        """Remove one disk that is not attached, so that it can be begun anew."""

    def allocate(self, plan: Plan, disks: Sequence[VerifiedDisk]) -> str:
        """Make the VM from verified disks, behind deny-all, and leave it stopped; its full id."""

    def compare(self, plan: Plan, vm: str) -> list[Finding]:
        """What of the new VM is not as planned; an empty list when all is."""

    def at_stake(self, migration: str, *, arrived: bool) -> list[Finding]:
        """What a discard would lose or could not remove, all at once; nothing is changed.

        ``refuse``: it cannot be removed (a disk that another machine holds), or not without
        what is not ours. ``warn``: it runs, or was used since it was left stopped, so it may
        hold data that is nowhere else. ``warn`` with the code :data:`FOREIGN`: what a person
        put at it stays, and is taken off. ``arrived`` says that the source knows the new
        machine as finished: then what bears no proof any more counts as used.
        """

    def arrived(self, migration: str) -> Arrived | None:
        """The migration's own VM as of now; None when there is none."""

    def open_up(self, migration: str, groups: Sequence[str]) -> None:
        """Put each interface behind its group instead of deny-all, in order; "" for no group.

        Nothing else of an interface changes. Raises BadInput for a group that is not
        offered, before any interface was changed, and Gone without a VM.
        """

    def keep(self, migration: str) -> list[Owned]:
        """A lasting copy of each of the migration's disks, as they are now.

        One that is there is found, unless the VM ran since. Raises Conflict while the
        VM is not stopped.
        """

    def kept(self, migration: str) -> list[Owned]:
        """The lasting copies: ``owned`` has them too, and no ``discard`` takes them."""

    def erase_kept(self, migration: str) -> list[Erased]:
        """Delete the lasting copies."""

    def temporary(self, migration: str) -> list[Owned]:
        """What only the migration needs: what ``hand_over`` deletes."""

    def at_hand_over(self, migration: str) -> list[Finding]:
        """What ``hand_over`` would refuse for, all at once, as ``refuse``; nothing is changed."""

    def hand_over(self, migration: str) -> list[Erased]:
        """Delete what is ``temporary``, and take our tags off the VM and all its parts.

        From then on they are not ours. Raises Conflict for what ``at_hand_over`` finds (an
        interface behind the deny-all group), before anything was changed.
        """

    def discard(self, migration: str) -> list[Erased]:
        """End access and delete all that bears the tag on a fresh read; answer what was deleted.

        Not the lasting copies.
        """


def is_source(cloud: Machines) -> TypeGuard[Source]:
    """Machines can be taken from it. Looks at the class: reading a ``scope`` may ask the cloud."""
    return hasattr(type(cloud), "open_frozen")


def is_translator(cloud: Machines) -> TypeGuard[Translator]:
    """It can say what it would make of a machine."""
    return hasattr(type(cloud), "translate")


def is_target(cloud: Machines) -> TypeGuard[Target]:
    """Machines can be brought to it."""
    return hasattr(type(cloud), "allocate")
