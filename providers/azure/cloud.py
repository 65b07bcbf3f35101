"""Azure behind the seam, on both sides of it; each method is one file away."""

from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager

from coldferry.contents import DiskContent
from coldferry.disk import Changes
from coldferry.errors import Finding
from coldferry.estimating import Share, Terms
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
from coldferry.rations import Ration
from coldferry.translation import Answers, Translation
from providers.azure import (
    arrivals,
    compare,
    deltas,
    describe,
    disks,
    doctor,
    freezing,
    frozen_bytes,
    keeping,
    machines,
    marks,
    offers,
    ownership,
    power,
    preflight,
    preflight_source,
    quotas,
    reading,
    share,
    share_source,
    stakes,
    translate,
    trial,
    unmovable,
)
from providers.azure.access import AzureAccess
from providers.azure.catalogue import Catalogue
from providers.azure.client import Arm
from providers.azure.guest import GUEST
from providers.azure.kinds import VM


class AzureCloud:
    """One resource group in one location. Cheap to make: nothing is asked before it is needed.

    A ``vm`` is a name in the resource group or a full resource id.
    """

    provider = "azure"
    guest = GUEST
    end = share.END

    def __init__(self, access: AzureAccess) -> None:
        self.scope = f"{access.subscription_id}/{access.resource_group}/{access.location}"
        self._arm = Arm(access)
        self._granted = frozen_bytes.Granted(self._arm)

    def machines(self) -> list[str]:
        """See ``Machines.machines``; full resource ids."""
        return sorted(str(found["id"]) for found in self._arm.in_group(VM))

    def describe(self, vm: str) -> Machine:
        """See ``Machines.describe``."""
        return describe.describe(self._arm, self.scope, vm)

    def power(self, vm: str) -> PowerState:
        """See ``Machines.power``."""
        return power.state_of(power.read_vm(self._arm, vm))

    def start(self, vm: str) -> None:
        """See ``Machines.start``."""
        power.start(self._arm, vm)

    def stop(self, vm: str, *, force: bool = False, timeout_s: float = 600) -> None:
        """See ``Machines.stop``; deallocates."""
        power.stop(self._arm, vm, force=force, timeout_s=timeout_s)

    def reboot(self, vm: str) -> None:
        """See ``Machines.reboot``."""
        power.reboot(self._arm, vm)

    def owned(self, migration: str | None = None) -> list[Owned]:
        """See ``Machines.owned``."""
        return ownership.owned(self._arm, migration)

    def tagged(self) -> Iterator[Tagged]:
        """See :mod:`providers.azure.ownership`."""
        return ownership.tagged(self._arm)

    def diagnose(self) -> Iterator[Check]:
        """See ``Machines.diagnose``."""
        return doctor.diagnose(self._arm)

    # -- source -------------------------------------------------------------

    def unmovable(self, vm: str) -> list[Finding]:
        """See :mod:`providers.azure.unmovable`."""
        return self.survey(vm)[1]

    def survey(self, vm: str) -> tuple[Machine, list[Finding]]:
        """Both from one look."""
        machine, found, resources = describe.look(self._arm, self.scope, vm)
        return machine, unmovable.findings_of(self._arm, vm, found, resources, machine)

    def preflight_source(self, vm: str, plan: Plan) -> list[Finding]:
        """See :mod:`providers.azure.preflight_source`."""
        return preflight_source.findings(self._arm, vm, plan)

    def marks(self, vm: str) -> Marks | None:
        """From the VM's tags."""
        return marks.read_marks(self._arm, vm)

    def mark(self, vm: str, marks_: Marks) -> None:
        """Into the VM's tags."""
        marks.write_marks(self._arm, vm, marks_)

    def marked(self) -> Iterator[tuple[str, Marks]]:
        """See ``Source.marked``; full resource ids."""
        return marks.marked_machines(self._arm)

    def freeze(self, vm: str, migration: str, devices: Sequence[Device]) -> list[FrozenDisk]:
        """See :mod:`providers.azure.freezing`."""
        return freezing.freeze(self._arm, vm, migration, devices)

    def started_since(self, vm: str, frozen: Sequence[FrozenDisk]) -> bool:
        """See :mod:`providers.azure.freezing`."""
        return freezing.started_since(self._arm, vm, frozen)

    def ran_since(self, vm: str, migration: str) -> bool | None:
        """See :mod:`providers.azure.freezing`."""
        return freezing.ran_since(self._arm, vm, migration)

    def open_frozen(self, frozen: FrozenDisk) -> AbstractContextManager[DiskReader]:
        """See :mod:`providers.azure.frozen_bytes`."""
        return frozen_bytes.open_frozen(self._arm, self._granted, frozen)

    def changes(
        self, before: FrozenDisk, after: FrozenDisk
    ) -> AbstractContextManager[Changes | None]:
        """See :mod:`providers.azure.deltas`."""
        return deltas.open_changes(self._arm, self._granted, before, after)

    def frozen(self, migration: str) -> list[Owned]:
        """See :mod:`providers.azure.freezing`."""
        return freezing.frozen(self._arm, migration)

    def release(self, migration: str) -> list[Erased]:
        """See :mod:`providers.azure.freezing`."""
        return freezing.release(self._arm, migration)

    def source_share(self, plan: Plan, contents: Sequence[DiskContent], terms: Terms) -> Share:
        """See :mod:`providers.azure.share_source`."""
        return share_source.source_share(plan, contents, terms, self._arm.access.location)

    # -- target -------------------------------------------------------------

    def catalogue(self) -> Catalogue:
        """See ``Target.catalogue``."""
        return offers.read(self._arm)

    def translate(self, machine: Machine, catalogue: Catalogue, answers: Answers) -> Translation:
        """See ``Target.translate``."""
        return translate.translate(machine, catalogue, answers)

    def target_share(self, plan: Plan, contents: Sequence[DiskContent], terms: Terms) -> Share:
        """See :mod:`providers.azure.share`."""
        return share.target_share(plan, contents, terms, self._arm.access.location)

    def rations(self, plan: Plan, catalogue: Catalogue) -> list[Ration]:
        """See ``coldferry.abilities.Rationing``."""
        return quotas.rations(plan, catalogue, self._arm.access.subscription_id)

    def preflight(self, plan: Plan) -> list[Finding]:
        """See ``Target.preflight``."""
        return preflight.findings(self._arm, plan)

    def open_disk(self, plan: Plan, frozen: FrozenDisk) -> AbstractContextManager[DiskWriter]:
        """See ``Target.open_disk``."""
        return disks.open_disk(self._arm, plan, frozen)

    def open_written(self, plan: Plan, ref: str) -> AbstractContextManager[DiskReader]:
        """See ``Target.open_written``."""
        return reading.open_written(self._arm, plan, ref)

    def in_use(self, plan: Plan, ref: str) -> bool:
        """See ``Target.in_use``."""
        return machines.in_use(self._arm, plan, ref)

    def discard_disk(self, plan: Plan, device: Device) -> None:
        """See ``Target.discard_disk``."""
        disks.discard_disk(self._arm, plan, device)

    def allocate(self, plan: Plan, disks: Sequence[VerifiedDisk]) -> str:
        """See ``Target.allocate``."""
        return machines.allocate(self._arm, plan, disks)

    def compare(self, plan: Plan, vm: str) -> list[Finding]:
        """See ``Target.compare``."""
        return compare.compare(self._arm, plan, vm)

    def at_stake(self, migration: str, *, arrived: bool) -> list[Finding]:
        """See ``Target.at_stake``."""
        return stakes.at_stake(self._arm, migration, arrived=arrived)

    def arrived(self, migration: str) -> Arrived | None:
        """See ``Target.arrived``."""
        return arrivals.arrived(self._arm, migration)

    def open_up(self, migration: str, groups: Sequence[str]) -> None:
        """See ``Target.open_up``."""
        arrivals.open_up(self._arm, migration, groups)

    def keep(self, migration: str) -> list[Owned]:
        """See ``Target.keep``."""
        return keeping.keep(self._arm, migration)

    def kept(self, migration: str) -> list[Owned]:
        """See ``Target.kept``."""
        return keeping.kept(self._arm, migration)

    def erase_kept(self, migration: str) -> list[Erased]:
        """See ``Target.erase_kept``."""
        return keeping.erase_kept(self._arm, migration)

    def temporary(self, migration: str) -> list[Owned]:
        """See ``Target.temporary``."""
        return ownership.temporary(self._arm, migration)

    def at_hand_over(self, migration: str) -> list[Finding]:
        """See ``Target.at_hand_over``."""
        return ownership.at_hand_over(self._arm, migration)

    def hand_over(self, migration: str) -> list[Erased]:
        """See ``Target.hand_over``."""
        return ownership.hand_over(self._arm, migration)

    def discard(self, migration: str) -> list[Erased]:
        """See ``Target.discard``."""
        return ownership.discard(self._arm, migration)

    def start_trial(self, plan: Plan) -> str:
        """See :mod:`providers.azure.trial`."""
        return trial.start(self._arm, plan)

    def trial_console(self, trial_id: str) -> str:
        """See :mod:`providers.azure.trial`."""
        return trial.console(self._arm, trial_id)

    def end_trial(self, migration: str) -> list[Erased]:
        """See :mod:`providers.azure.trial`."""
        return trial.end(self._arm, migration)
