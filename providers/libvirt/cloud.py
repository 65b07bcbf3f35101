"""A libvirt host behind the seam; each method is one file away."""

from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager

from coldferry.errors import Finding
from coldferry.machine import Machine
from coldferry.migration import Marks
from coldferry.plan import Device, Plan
from coldferry.ports import Check, DiskReader, Erased, FrozenDisk, Owned, PowerState, Tagged
from providers.libvirt import (
    doctor,
    freezing,
    live,
    marks,
    ownership,
    power,
    preflight_source,
)
from providers.libvirt.access import LibvirtAccess
from providers.libvirt.connection import Host
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
