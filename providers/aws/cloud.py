"""AWS behind the seam: read this beside ``coldferry.ports``."""

from collections.abc import Collection, Iterator, Sequence
from contextlib import AbstractContextManager
from functools import cached_property

from coldferry.abilities import Glimpse, Removal
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
from providers.aws import (
    arrivals,
    compare,
    deltas,
    doctor,
    instances,
    keeping,
    latest,
    launching,
    marks,
    offers,
    ownership,
    power,
    preflight,
    preflight_target,
    rations,
    removing,
    share,
    share_target,
    snapshots,
    stakes,
    tagged,
    target_disks,
    translate,
    trial,
    written,
)
from providers.aws.access import AwsAccess
from providers.aws.catalogue import Catalogue
from providers.aws.client import speaking
from providers.aws.describe import machine_of
from providers.aws.disks import open_snapshot
from providers.aws.guest import GUEST
from providers.aws.inventory import read_inventory
from providers.aws.session import Clients
from providers.aws.unmovable import findings_of


class AwsCloud:
    """One account and region; ``vm`` is an instance id. Making one calls nothing.

    A :class:`coldferry.ports.Source` and a :class:`coldferry.ports.Target`.
    """

    provider = "aws"
    guest = GUEST
    end = share.END

    def __init__(self, access: AwsAccess) -> None:
        self._clients = Clients(access)

    @cached_property
    def scope(self) -> str:
        """``<account>/<region>``; asks AWS once."""
        with speaking("sts:GetCallerIdentity", "these credentials"):
            account = self._clients.sts.get_caller_identity()["Account"]
        return f"{account}/{self._clients.region}"

    # -- machines -----------------------------------------------------------

    def machines(self) -> list[str]:
        """Every instance that is not terminated."""
        return instances.living(self._clients)

    def describe(self, vm: str) -> Machine:
        """See :mod:`providers.aws.describe`."""
        return machine_of(read_inventory(self._clients, vm), self.scope)

    def power(self, vm: str) -> PowerState:
        """As of now; GONE while EC2 still lists a terminated machine."""
        return power.power(self._clients, vm)

    def start(self, vm: str) -> None:
        """Return once EC2 said running."""
        power.start(self._clients, vm)

    def stop(self, vm: str, *, force: bool = False, timeout_s: float = 600) -> None:
        """Return once EC2 said stopped twice; ``force`` cuts the power."""
        power.stop(self._clients, vm, force=force, timeout_s=timeout_s)

    def reboot(self, vm: str) -> None:
        """Return once EC2 took the order."""
        power.reboot(self._clients, vm)

    def owned(self, migration: str | None = None) -> list[Owned]:
        """See :mod:`providers.aws.ownership`."""
        return ownership.owned(self._clients, migration)

    def tagged(self) -> Iterator[Tagged]:
        """See :mod:`providers.aws.tagged`."""
        return tagged.everything(self._clients)

    def diagnose(self) -> Iterator[Check]:
        """See :mod:`providers.aws.doctor`."""
        return doctor.diagnose(self._clients)

    # -- target -------------------------------------------------------------

    def catalogue(self) -> Catalogue:
        """See :mod:`providers.aws.offers`."""
        return offers.read(self._clients)

    def translate(self, machine: Machine, catalogue: Catalogue, answers: Answers) -> Translation:
        """See :mod:`providers.aws.translate`."""
        return translate.translate(machine, catalogue, answers)

    def target_share(self, plan: Plan, contents: Sequence[DiskContent], terms: Terms) -> Share:
        """See :mod:`providers.aws.share_target`."""
        return share_target.target_share(plan, contents, terms, self._clients.region)

    def rations(self, plan: Plan, catalogue: Catalogue) -> list[Ration]:
        """See ``coldferry.abilities.Rationing``."""
        return rations.rations(plan, catalogue, self.scope)

    def preflight(self, plan: Plan) -> list[Finding]:
        """See :mod:`providers.aws.preflight_target`."""
        return preflight_target.findings(self._clients, plan)

    def open_disk(self, plan: Plan, frozen: FrozenDisk) -> AbstractContextManager[DiskWriter]:
        """See :mod:`providers.aws.target_disks`."""
        return target_disks.open_disk(self._clients, plan, frozen)

    def open_written(self, plan: Plan, ref: str) -> AbstractContextManager[DiskReader]:
        """See :mod:`providers.aws.written`."""
        return written.open_written(self._clients, plan, ref)

    def in_use(self, plan: Plan, ref: str) -> bool:
        """See :mod:`providers.aws.target_disks`."""
        return target_disks.in_use(self._clients, plan, ref)

    def discard_disk(self, plan: Plan, device: Device) -> None:
        """See :mod:`providers.aws.target_disks`."""
        target_disks.discard_disk(self._clients, plan, device)

    def allocate(self, plan: Plan, disks: Sequence[VerifiedDisk]) -> str:
        """See :mod:`providers.aws.launching`."""
        return launching.allocate(self._clients, plan, disks)

    def compare(self, plan: Plan, vm: str) -> list[Finding]:
        """See :mod:`providers.aws.compare`."""
        return compare.compare(self._clients, plan, vm)

    def at_stake(self, migration: str, *, arrived: bool) -> list[Finding]:
        """See :mod:`providers.aws.stakes`."""
        return stakes.at_stake(self._clients, migration, arrived=arrived)

    def arrived(self, migration: str) -> Arrived | None:
        """See :mod:`providers.aws.arrivals`."""
        return arrivals.arrived(self._clients, migration)

    def open_up(self, migration: str, groups: Sequence[str]) -> None:
        """See :mod:`providers.aws.arrivals`."""
        arrivals.open_up(self._clients, migration, groups)

    def keep(self, migration: str) -> list[Owned]:
        """See :mod:`providers.aws.keeping`."""
        return keeping.keep(self._clients, migration)

    def kept(self, migration: str) -> list[Owned]:
        """See :mod:`providers.aws.keeping`."""
        return keeping.kept(self._clients, migration)

    def erase_kept(self, migration: str) -> list[Erased]:
        """See :mod:`providers.aws.keeping`."""
        return keeping.erase_kept(self._clients, migration)

    def temporary(self, migration: str) -> list[Owned]:
        """See :mod:`providers.aws.ownership`."""
        return ownership.temporary(self._clients, migration)

    def at_hand_over(self, migration: str) -> list[Finding]:
        """See :mod:`providers.aws.ownership`."""
        return ownership.at_hand_over(self._clients, migration)

    def hand_over(self, migration: str) -> list[Erased]:
        """See :mod:`providers.aws.ownership`."""
        return ownership.hand_over(self._clients, migration)

    def discard(self, migration: str) -> list[Erased]:
        """See :mod:`providers.aws.ownership`."""
        return ownership.discard(self._clients, migration)

    def start_trial(self, plan: Plan) -> str:
        """See :mod:`providers.aws.trial`."""
        return trial.start(self._clients, plan)

    def trial_console(self, trial_id: str) -> str:
        """See :mod:`providers.aws.trial`."""
        return trial.console(self._clients, trial_id)

    def end_trial(self, migration: str) -> list[Erased]:
        """See :mod:`providers.aws.trial`."""
        return trial.end(self._clients, migration)

    # -- source -------------------------------------------------------------

    def unmovable(self, vm: str) -> list[Finding]:
        """See :mod:`providers.aws.unmovable`."""
        return self.survey(vm)[1]

    def preflight_source(self, vm: str, plan: Plan) -> list[Finding]:
        """See :mod:`providers.aws.preflight`."""
        return preflight.findings(self._clients, vm, plan)

    def marks(self, vm: str) -> Marks | None:
        """From the instance's tags."""
        return marks.read_marks(self._clients, vm)

    def mark(self, vm: str, marks_: Marks) -> None:
        """Into the instance's tags."""
        marks.write_marks(self._clients, vm, marks_)

    def marked(self) -> Iterator[tuple[str, Marks]]:
        """Every living instance with an attempt's tag."""
        return marks.marked_machines(self._clients)

    def freeze(self, vm: str, migration: str, devices: Sequence[Device]) -> list[FrozenDisk]:
        """See :mod:`providers.aws.snapshots`."""
        return snapshots.freeze(self._clients, vm, migration, devices)

    def started_since(self, vm: str, frozen: Sequence[FrozenDisk]) -> bool:
        """See :mod:`providers.aws.snapshots`."""
        return snapshots.started_since(self._clients, vm, frozen)

    def ran_since(self, vm: str, migration: str) -> bool | None:
        """See :mod:`providers.aws.snapshots`."""
        return snapshots.ran_since(self._clients, vm, migration)

    def open_frozen(self, frozen: FrozenDisk) -> AbstractContextManager[DiskReader]:
        """See :mod:`providers.aws.disks`."""
        return open_snapshot(self._clients, frozen)

    def changes(
        self, before: FrozenDisk, after: FrozenDisk
    ) -> AbstractContextManager[Changes | None]:
        """See :mod:`providers.aws.deltas`."""
        return deltas.open_changes(self._clients, before, after)

    def survey(self, vm: str) -> tuple[Machine, list[Finding]]:
        """Both from one inventory."""
        inventory = read_inventory(self._clients, vm)
        machine = machine_of(inventory, self.scope)
        return machine, findings_of(self._clients, inventory, machine)

    def latest(self, devices: Sequence[Device]) -> Iterator[Glimpse]:
        """See :mod:`providers.aws.latest`."""
        return latest.latest(self._clients, devices)

    def source_share(self, plan: Plan, contents: Sequence[DiskContent], terms: Terms) -> Share:
        """See :mod:`providers.aws.share`."""
        return share.source_share(plan, contents, terms)

    def removal(self, vm: str, migration: str, copied: Collection[str]) -> Removal:
        """See :mod:`providers.aws.removing`."""
        return removing.removal(self._clients, vm, migration, copied)

    def remove(self, vm: str, migration: str, copied: Collection[str]) -> list[Erased]:
        """See :mod:`providers.aws.removing`."""
        return removing.remove(self._clients, vm, migration, copied)

    def remaining(self, things: Sequence[Owned]) -> list[Owned]:
        """See :mod:`providers.aws.removing`."""
        return removing.remaining(self._clients, things)

    def frozen(self, migration: str) -> list[Owned]:
        """Our snapshots of that migration's source."""
        return snapshots.frozen(self._clients, migration)

    def release(self, migration: str) -> list[Erased]:
        """Delete our snapshots of that migration."""
        return snapshots.release(self._clients, migration)
