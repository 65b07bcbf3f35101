"""A folder of packages as a target: each method of the protocol is one file away.

A package is not a machine: nothing starts it. Its power is whether it was *given out*: from a
``start`` on somebody may have deployed it, and what that wrote is out of our sight.
"""

from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import replace
from pathlib import Path

from coldferry.disk import DiskReader, DiskWriter
from coldferry.erasing import erased
from coldferry.errors import BadInput, Conflict, Finding, Gone, UnknownMachine
from coldferry.machine import Machine, Origin
from coldferry.plan import Device, Plan
from coldferry.ports import (
    KEPT_COPY,
    Arrived,
    Erased,
    FrozenDisk,
    Owned,
    PowerState,
    Tagged,
    VerifiedDisk,
)
from coldferry.translation import Answers, Translation
from providers.ovf import translate
from providers.ovf.catalogue import Catalogue, name_of
from providers.ovf.writing import disks, keeping, making, preflight, stakes
from providers.ovf.writing.records import PackageRecord
from providers.ovf.writing.staging import HIDDEN, Staging, migrations

DISK = "disk"
PACKAGE = "package"
STAGING = "staging folder"


class OvfTarget:
    """One folder. A ``vm`` is the file name of a package in it."""

    provider = "ovf"

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    @property
    def scope(self) -> str:
        """The folder, by its full path."""
        return str(self.folder.absolute())

    # -- machines: of the packages that were written here ---------------------

    def machines(self) -> list[str]:
        return [path.name for path in self._packages()]

    def wrote(self, vm: str) -> bool:
        """A migration that was not handed over yet made this package."""
        return any(made.package == vm for made in self._made())

    def power(self, vm: str) -> PowerState:
        _, made = self._of(vm)
        return PowerState.RUNNING if made.running else PowerState.STOPPED

    def start(self, vm: str) -> None:
        """Write down that it is given out."""
        staging, made = self._of(vm)
        if not made.running:
            staging.put_package(replace(made, running=True, starts=made.starts + 1))

    def stop(self, vm: str, *, force: bool = False, timeout_s: float = 600) -> None:
        """Write down that it is not given out any more; what it was deployed as runs on."""
        del force, timeout_s
        staging, made = self._of(vm)
        staging.put_package(replace(made, running=False))

    def owned(self, migration: str | None = None) -> list[Owned]:
        """Disks that are written, packages, staging folders, lasting copies."""
        found = (Owned(one.migration, one.kind, one.id) for one in self._things())
        return [one for one in found if migration in (None, one.migration)]

    def tagged(self) -> Iterator[Tagged]:
        yield from self._things()

    # -- target ---------------------------------------------------------------

    def catalogue(self) -> Catalogue:
        made = {record.package: record for record in self._made()}
        taken = {}
        for path in self._packages():
            record = made.get(path.name)
            taken[name_of(path)] = record.made_for if record is not None else ""
        return Catalogue(folder=self.scope, taken=taken)

    def translate(self, machine: Machine, catalogue: Catalogue, answers: Answers) -> Translation:
        return translate.translate(machine, catalogue, answers)

    def preflight(self, plan: Plan) -> list[Finding]:
        if found := preflight.unusable(self.folder):
            return found
        return list(preflight.faults(self.folder, self._staging(plan.migration), plan))

    def open_disk(self, plan: Plan, frozen: FrozenDisk) -> AbstractContextManager[DiskWriter]:
        return disks.open_disk(self._staging(plan.migration), frozen)

    def open_written(self, plan: Plan, ref: str) -> AbstractContextManager[DiskReader]:
        return disks.open_written(self._staging(plan.migration), plan, ref)

    def in_use(self, plan: Plan, ref: str) -> bool:
        staging = self._staging(plan.migration)
        made = staging.package()
        return made is not None and ref in {str(staging.raw(name)) for name in made.devices}

    def discard_disk(self, plan: Plan, device: Device) -> None:
        staging = self._staging(plan.migration)
        made = staging.package()
        if made is None or device.name not in made.devices:
            staging.remove_disk(device.name)

    def allocate(self, plan: Plan, disks: Sequence[VerifiedDisk]) -> str:
        return making.make(self._staging(plan.migration), plan, disks, self._origin(plan))

    def compare(self, plan: Plan, vm: str) -> list[Finding]:
        del vm
        staging = self._staging(plan.migration)
        return list(stakes.differences(staging, plan, self._origin(plan)))

    def at_stake(self, migration: str, *, arrived: bool) -> list[Finding]:
        del arrived  # the record of a proof cannot be lost without the package's tag
        return stakes.at_stake(self.folder, self._staging(migration).package())

    def arrived(self, migration: str) -> Arrived | None:
        made = self._staging(migration).package()
        if made is None:
            return None
        power = PowerState.RUNNING if made.running else PowerState.STOPPED
        return Arrived(
            made.package, power, made.interfaces, made.groups, made.networks, made.address
        )

    def open_up(self, migration: str, groups: Sequence[str]) -> None:
        """Nothing of a package is closed: it is written down what it may be given out under.

        A "group" is a network of the package; ``""`` says that none is needed.
        """
        staging = self._staging(migration)
        made = staging.package()
        if made is None:
            raise Gone(f"The package that {migration} made is gone.")
        for name in groups:
            if name and name not in made.networks:
                offered = ", ".join(made.networks) or "none"
                raise BadInput(f"{made.package} has no network '{name}'.", f"It has: {offered}.")
        if len(groups) != len(made.interfaces):
            raise BadInput(f"{made.package} has {len(made.interfaces)} interfaces: say one each.")
        staging.put_package(made.opened(tuple(groups)))

    def keep(self, migration: str) -> list[Owned]:
        return keeping.keep(self._staging(migration))

    def kept(self, migration: str) -> list[Owned]:
        return keeping.kept(self._staging(migration))

    def erase_kept(self, migration: str) -> list[Erased]:
        gone = self._staging(migration).remove_kept()
        return [erased(Owned(migration, KEPT_COPY, str(one)), "unlink", "gone") for one in gone]

    def temporary(self, migration: str) -> list[Owned]:
        """The staging folder, with the tag that is in it."""
        return [one for one in OvfTarget.owned(self, migration) if one.kind == STAGING]

    def at_hand_over(self, migration: str) -> list[Finding]:
        made = self._staging(migration).package()
        waiting = made is not None and not set(made.groups) <= {*made.networks, ""}
        if made is None or not waiting:
            return []
        what = f"{made.package} was not opened up: nobody said that it may be given out."
        return [Finding("refuse", "denied", made.package, what, "Cut over first.")]

    def hand_over(self, migration: str) -> list[Erased]:
        for one in self.at_hand_over(migration):
            raise Conflict(one.what, one.do)
        things = self.temporary(migration)
        if things:
            self._staging(migration).remove()
        return [erased(one, "rmtree", "gone") for one in things]

    def discard(self, migration: str) -> list[Erased]:
        staging = self._staging(migration)
        if not staging.path.exists():
            return []
        with staging.alone():
            things = [one for one in OvfTarget.owned(self, migration) if one.kind != KEPT_COPY]
            if (made := staging.package()) is not None:
                (self.folder / made.package).unlink(missing_ok=True)
            staging.remove()
        return [erased(one, "unlink", "gone") for one in things]

    # -- what the methods above look at ---------------------------------------

    def _origin(self, plan: Plan) -> Origin:
        return Origin(provider=self.provider, scope=self.scope, id=f"{plan.value('name')}.ova")

    def _staging(self, migration: str) -> Staging:
        return Staging(self.folder, migration)

    def _migrations(self) -> list[Staging]:
        return migrations(self.folder)

    def _things(self) -> Iterator[Tagged]:
        for staging in self._migrations():
            name = staging.migration
            for disk in staging.disks():
                ref = str(staging.raw(disk.device))
                yield Tagged(name, DISK, ref, size_bytes=disk.size_bytes)
            if (made := staging.package()) is not None:
                power = PowerState.RUNNING if made.running else PowerState.STOPPED
                length = _length(self.folder / made.package)
                if length is not None:
                    yield Tagged(name, PACKAGE, made.package, size_bytes=length, power=power)
            if staging.path.exists():
                yield Tagged(name, STAGING, str(staging.path))
            for path in staging.kept():
                if (length := _length(path)) is not None:
                    yield Tagged(name, KEPT_COPY, str(path), size_bytes=length)

    def _made(self) -> list[PackageRecord]:
        every = (staging.package() for staging in self._migrations())
        return [record for record in every if record is not None]

    def _packages(self) -> list[Path]:
        """Archives here, and descriptors here and in folders of one level."""
        if not self.folder.is_dir():
            return []
        found = [*self.folder.glob("*.ov[af]"), *self.folder.glob("*/*.ovf")]
        return sorted(path for path in found if HIDDEN not in path.parts)

    def _of(self, vm: str) -> tuple[Staging, PackageRecord]:
        for staging in self._migrations():
            made = staging.package()
            if made is not None and made.package == vm:
                return staging, made
        raise UnknownMachine(f"No package {vm} was written to {self.folder} by a migration.")


def _length(path: Path) -> int | None:
    """In bytes; None where another run removed it meanwhile."""
    try:
        return path.stat().st_size
    except FileNotFoundError:
        return None
