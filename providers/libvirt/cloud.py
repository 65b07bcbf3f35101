"""A libvirt host behind the seam; each method is one file away."""

from collections.abc import Collection, Iterator, Sequence
from contextlib import AbstractContextManager

from coldferry.abilities import Removal
from coldferry.errors import Finding
from coldferry.machine import Machine
from coldferry.migration import Marks
from coldferry.plan import Device, Plan
from coldferry.ports import (
    Arrived,
    Check,
    DiskReader,
    DiskWriter,
    Erased,
    FrozenDisk,
    Owned,
    PowerState,
    Tagged,
    VerifiedDisk,
)
from coldferry.translation import Answers, Translation
from providers.libvirt import (
    arrivals,
    backing_up,
    disks,
    doctor,
    freezing,
    keeping,
    live,
    machines,
    marks,
    offers,
    ownership,
    power,
    preflight,
    preflight_source,
    removing,
    stakes,
    translate,
    trial,
)
from providers.libvirt.access import DomainFileAccess, LibvirtAccess
from providers.libvirt.catalogue import Catalogue
from providers.libvirt.connection import Host
from providers.libvirt.domain_file import DomainFile
from providers.libvirt.guest import GUEST


class LibvirtCloud:
    """One daemon of one host. Cheap to make: nothing is asked before it is needed.

    A ``vm`` is a domain's name.
    """

    provider = "libvirt"
    guest = GUEST

    def __init__(self, access: LibvirtAccess) -> None:
        self._host = Host(access)

    @property
    def freezes_stopped_only(self) -> bool:
        """See ``StillOnly`` and :mod:`providers.libvirt.backing_up`."""
        return not backing_up.backs_up(self._host)

    @property
    def scope(self) -> str:
        """See ``Machines.scope``."""
        return self._host.scope

    def machines(self) -> list[str]:
        """See ``Machines.machines``; names."""
        return [str(one.name()) for one in marks.persistent(self._host)]

    def describe(self, vm: str) -> Machine:
        """See :mod:`providers.libvirt.describe`."""
        return live.describe(self._host, vm)

    def power(self, vm: str) -> PowerState:
        """See ``Machines.power``."""
        return power.state_of(power.domain(self._host, vm))

    def start(self, vm: str) -> None:
        """See ``Machines.start``."""
        power.start(self._host, vm)

    def stop(self, vm: str, *, force: bool = False, timeout_s: float = 600) -> None:
        """See ``Machines.stop``."""
        power.stop(self._host, vm, force=force, timeout_s=timeout_s)

    def reboot(self, vm: str) -> None:
        """See ``Machines.reboot``."""
        power.reboot(self._host, vm)

    def owned(self, migration: str | None = None) -> list[Owned]:
        """See :mod:`providers.libvirt.ownership`."""
        return ownership.owned(self._host, migration)

    def tagged(self) -> Iterator[Tagged]:
        """See :mod:`providers.libvirt.ownership`."""
        return ownership.tagged(self._host)

    def diagnose(self) -> Iterator[Check]:
        """See :mod:`providers.libvirt.doctor`."""
        return doctor.diagnose(self._host)

    # -- source -------------------------------------------------------------

    def unmovable(self, vm: str) -> list[Finding]:
        """See :mod:`providers.libvirt.unmovable`."""
        return live.survey(self._host, vm)[1]

    def survey(self, vm: str) -> tuple[Machine, list[Finding]]:
        """Both from one look."""
        return live.survey(self._host, vm)

    def preflight_source(self, vm: str, plan: Plan) -> list[Finding]:
        """See :mod:`providers.libvirt.preflight_source`."""
        return preflight_source.findings(self._host, vm, plan)

    def marks(self, vm: str) -> Marks | None:
        """See :mod:`providers.libvirt.marks`."""
        return marks.read_marks(self._host, vm)

    def mark(self, vm: str, marks_: Marks) -> None:
        """See :mod:`providers.libvirt.marks`."""
        marks.write_marks(self._host, vm, marks_)

    def marked(self) -> Iterator[tuple[str, Marks]]:
        """See ``Source.marked``."""
        return marks.marked_machines(self._host)

    def freeze(self, vm: str, migration: str, devices: Sequence[Device]) -> list[FrozenDisk]:
        """See :mod:`providers.libvirt.freezing`."""
        return freezing.freeze(self._host, vm, migration, devices)

    def started_since(self, vm: str, frozen: Sequence[FrozenDisk]) -> bool:
        """See :mod:`providers.libvirt.freezing`."""
        return freezing.started_since(self._host, vm, frozen)

    def ran_since(self, vm: str, migration: str) -> bool | None:
        """See :mod:`providers.libvirt.freezing`."""
        return freezing.ran_since(self._host, vm, migration)

    def open_frozen(self, frozen: FrozenDisk) -> AbstractContextManager[DiskReader]:
        """See :mod:`providers.libvirt.streams`."""
        return freezing.open_frozen(self._host, frozen)

    def frozen(self, migration: str) -> list[Owned]:
        """See :mod:`providers.libvirt.freezing`."""
        return freezing.frozen(self._host, migration)

    def release(self, migration: str) -> list[Erased]:
        """See :mod:`providers.libvirt.freezing`."""
        return freezing.release(self._host, migration)

    def removal(self, vm: str, migration: str, copied: Collection[str]) -> Removal:
        """See :mod:`providers.libvirt.removing`."""
        return removing.removal(self._host, vm, migration, copied)

    def remove(self, vm: str, migration: str, copied: Collection[str]) -> list[Erased]:
        """See :mod:`providers.libvirt.removing`."""
        return removing.removed(self._host, vm, migration, copied)

    def remaining(self, things: Sequence[Owned]) -> list[Owned]:
        """See :mod:`providers.libvirt.removing`."""
        return removing.remaining(self._host, things)

    # -- target -------------------------------------------------------------

    def catalogue(self) -> Catalogue:
        """See :mod:`providers.libvirt.offers`."""
        return offers.read(self._host)

    def translate(self, machine: Machine, catalogue: Catalogue, answers: Answers) -> Translation:
        """See ``Target.translate``."""
        return translate.translate(machine, catalogue, answers)

    def preflight(self, plan: Plan) -> list[Finding]:
        """See :mod:`providers.libvirt.preflight`."""
        return preflight.findings(self._host, plan)

    def open_disk(self, plan: Plan, frozen: FrozenDisk) -> AbstractContextManager[DiskWriter]:
        """See :mod:`providers.libvirt.disks`."""
        return disks.open_disk(self._host, plan, frozen)

    def open_written(self, plan: Plan, ref: str) -> AbstractContextManager[DiskReader]:
        """See :mod:`providers.libvirt.disks`."""
        return disks.open_written(self._host, plan, ref)

    def in_use(self, plan: Plan, ref: str) -> bool:
        """See :mod:`providers.libvirt.disks`."""
        return disks.in_use(self._host, plan, ref)

    def discard_disk(self, plan: Plan, device: Device) -> None:
        """See :mod:`providers.libvirt.disks`."""
        disks.discard_disk(self._host, plan, device)

    def allocate(self, plan: Plan, disks: Sequence[VerifiedDisk]) -> str:
        """See :mod:`providers.libvirt.machines`."""
        return machines.allocate(self._host, plan, disks)

    def compare(self, plan: Plan, vm: str) -> list[Finding]:
        """See :mod:`providers.libvirt.machines`."""
        return machines.compare(self._host, plan, vm)

    def at_stake(self, migration: str, *, arrived: bool) -> list[Finding]:
        """See :mod:`providers.libvirt.stakes`."""
        return stakes.at_stake(self._host, migration, arrived=arrived)

    def arrived(self, migration: str) -> Arrived | None:
        """See :mod:`providers.libvirt.arrivals`."""
        return arrivals.arrived(self._host, migration)

    def open_up(self, migration: str, groups: Sequence[str]) -> None:
        """See :mod:`providers.libvirt.arrivals`."""
        arrivals.open_up(self._host, migration, groups)

    def keep(self, migration: str) -> list[Owned]:
        """See :mod:`providers.libvirt.keeping`."""
        return keeping.keep(self._host, migration)

    def kept(self, migration: str) -> list[Owned]:
        """See :mod:`providers.libvirt.keeping`."""
        return keeping.kept(self._host, migration)

    def erase_kept(self, migration: str) -> list[Erased]:
        """See :mod:`providers.libvirt.keeping`."""
        return keeping.erase_kept(self._host, migration)

    def temporary(self, migration: str) -> list[Owned]:
        """See :mod:`providers.libvirt.ownership`."""
        return ownership.temporary(self._host, migration)

    def at_hand_over(self, migration: str) -> list[Finding]:
        """See :mod:`providers.libvirt.ownership`."""
        return ownership.at_hand_over(self._host, migration)

    def hand_over(self, migration: str) -> list[Erased]:
        """See :mod:`providers.libvirt.ownership`."""
        return ownership.hand_over(self._host, migration)

    def discard(self, migration: str) -> list[Erased]:
        """See :mod:`providers.libvirt.ownership`."""
        return ownership.discard(self._host, migration)

    def start_trial(self, plan: Plan) -> str:
        """See :mod:`providers.libvirt.trial`."""
        return trial.start(self._host, plan)

    def trial_console(self, trial_id: str) -> str:
        """See :mod:`providers.libvirt.trial`."""
        return trial.console(self._host, trial_id)

    def end_trial(self, migration: str) -> list[Erased]:
        """See :mod:`providers.libvirt.trial`."""
        return trial.end(self._host, migration)


def connect(access: LibvirtAccess) -> LibvirtCloud | DomainFile:
    """What the settings stand for: a host, or a file that describes one of its machines."""
    if isinstance(access, DomainFileAccess):
        return DomainFile(access.file)
    return LibvirtCloud(access)
