"""A folder of packages as a source: each machine in it is stopped, always."""

import os
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from coldferry.erasing import erased
from coldferry.errors import (
    BadInput,
    ColdferryError,
    Drifted,
    Finding,
    Gone,
    Refused,
    UnknownMachine,
)
from coldferry.guest.needs import GuestNeeds
from coldferry.machine import Machine
from coldferry.migration import Marks
from coldferry.plan import Device, Plan
from coldferry.ports import FROZEN, Check, DiskReader, Erased, FrozenDisk, Owned, PowerState, Tagged
from providers.ovf import describe, sidecar, unmovable
from providers.ovf.access import OvfAccess
from providers.ovf.digests import check_files
from providers.ovf.disks import opened
from providers.ovf.doctor import diagnose
from providers.ovf.package import Package, escaped, paths, read_package
from providers.ovf.selected import Selected, ids_of, read_envelope_of, select
from providers.ovf.sidecar import Frozen
from providers.ovf.writing.target import OvfTarget

_NEVER_RUNS = "{} is a package on disk: it has no power, and cannot be {}."
_TARGET = "Migrate it to a cloud, and start the new machine there."


class OvfCloud(OvfTarget):
    """The packages of one folder, or one of them."""

    provider = "ovf"
    guest = GuestNeeds()

    def __init__(self, access: OvfAccess) -> None:
        """Raises BadInput for settings that name no folder."""
        if not access.folder.startswith("/"):
            raise BadInput(
                "The block names no folder of packages.", "Give its absolute path as the folder."
            )
        super().__init__(Path(access.folder))
        self._only = access.package
        self._checked = dict[str, str]()
        self._lock = threading.Lock()

    @property
    def scope(self) -> str:
        return str(self.folder.resolve())

    # -- machines -----------------------------------------------------------

    def machines(self) -> list[str]:
        """Those that can be described.

        Raises BadInput or NotMovable, where one package is meant, for what keeps its only machine
        from it: nobody would be told otherwise.
        """
        found = []
        for path in self._paths():
            try:
                package = read_package(path)
                found += ids_of(package, read_envelope_of(package))
            except ColdferryError:
                if self._only:
                    raise
        if self._only and len(found) == 1:
            self.describe(found[0])
            return found
        return [vm for vm in found if self._can_be_described(vm)]

    def describe(self, vm: str) -> Machine:
        return describe.describe(self._select(vm), self.scope)[0]

    def power(self, vm: str) -> PowerState:
        self._package(vm)
        return super().power(vm) if self.wrote(vm) else PowerState.STOPPED

    def start(self, vm: str) -> None:
        self._package(vm)
        if self.wrote(vm):
            return super().start(vm)
        raise Refused(_NEVER_RUNS.format(vm, "started"), _TARGET)

    def stop(self, vm: str, *, force: bool = False, timeout_s: float = 600) -> None:
        self._package(vm)
        if self.wrote(vm):
            super().stop(vm, force=force, timeout_s=timeout_s)

    def reboot(self, vm: str) -> None:
        self._package(vm)
        raise Refused(_NEVER_RUNS.format(vm, "rebooted"), _TARGET)

    def owned(self, migration: str | None = None) -> list[Owned]:
        return [*self.frozen_for(migration), *super().owned(migration)]

    def frozen_for(self, migration: str | None) -> list[Owned]:
        return [
            Owned(one.migration, FROZEN, one.ref)
            for _, record in sidecar.every(self.folder)
            for one in record.frozen
            if migration in (None, one.migration)
        ]

    def tagged(self) -> Iterator[Tagged]:
        yield from super().tagged()
        for _, record in sidecar.every(self.folder):
            for one in record.frozen:
                yield Tagged(one.migration, FROZEN, one.ref, size_bytes=one.size_bytes)

    def diagnose(self) -> Iterator[Check]:
        yield from diagnose(self.folder, self._paths)

    # -- source -------------------------------------------------------------

    def unmovable(self, vm: str) -> list[Finding]:
        selected = self._select(vm)
        return unmovable.look(selected, describe.describe(selected, self.scope)[1])

    def preflight_source(self, vm: str, plan: Plan) -> list[Finding]:
        del plan
        found = []
        selected = self._select(vm)
        if not os.access(self.folder, os.W_OK | os.X_OK):
            found.append(
                Finding(
                    "refuse", "read-only", str(self.folder),
                    f"The folder {self.folder} cannot be written to: a migration's marks are kept "
                    "there.",
                    "Let the worker write to it, or move a copy of the package.",
                )
            )  # fmt: skip
        try:
            self._check(selected)
        except ColdferryError as error:
            found.append(Finding("refuse", "manifest", vm, error.what, error.do))
        return found

    def marks(self, vm: str) -> Marks | None:
        return sidecar.read(self._package(vm).path).marks.get(vm)

    def mark(self, vm: str, marks: Marks) -> None:
        with sidecar.changing(self._package(vm).path) as record:
            record.marks[vm] = marks

    def marked(self) -> Iterator[tuple[str, Marks]]:
        there = {escaped(path.name) for path in self._paths()}
        for package, record in sidecar.every(self.folder):
            if escaped(package.name) in there:
                yield from record.marks.items()

    def freeze(self, vm: str, migration: str, devices: Sequence[Device]) -> list[FrozenDisk]:
        selected = self._select(vm)
        stamp = self._check(selected)
        made = [Frozen(migration, vm, d.name, stamp, d.disk.size_bytes) for d in devices]
        with sidecar.changing(selected.package.path) as record:
            others = [one for one in record.frozen if (one.migration, one.vm) != (migration, vm)]
            record.frozen = [*others, *made]
            record.checked[vm] = stamp
        return [
            FrozenDisk(migration, device, one.ref)
            for device, one in zip(devices, made, strict=True)
        ]

    def started_since(self, vm: str, frozen: Sequence[FrozenDisk]) -> bool:
        stamp = self._select(vm).stamp
        return any(disk.ref.split("/")[2] != stamp for disk in frozen)

    def ran_since(self, vm: str, migration: str) -> bool | None:
        selected = self._select(vm)
        frozen = sidecar.read(selected.package.path).frozen
        stamps = {one.stamp for one in frozen if (one.vm, one.migration) == (vm, migration)}
        return stamps != {selected.stamp} if stamps else None

    @contextmanager
    def open_frozen(self, frozen: FrozenDisk) -> Iterator[DiskReader]:
        _, _, stamp, vm = frozen.ref.split("/")
        selected = self._select(vm)
        if selected.stamp != stamp:
            raise Drifted(
                f"{vm} was changed since its disks were frozen: its files are not those that were "
                "looked at.",
                "Find out who writes to it, then run the same command again: it begins anew.",
            )
        disk = next((one for one in selected.disks if one.id == frozen.device.disk.id), None)
        if disk is None:
            raise Gone(f"{vm} has no disk {frozen.device.disk.id} any more.")
        with opened(selected.package, disk) as reader:
            yield reader

    def frozen(self, migration: str) -> list[Owned]:
        return self.frozen_for(migration)

    def release(self, migration: str) -> list[Erased]:
        gone = []
        for package, found in sidecar.every(self.folder):
            if not any(one.migration == migration for one in found.frozen):
                continue
            with sidecar.changing(package) as record:
                ours = [one for one in record.frozen if one.migration == migration]
                record.frozen = [one for one in record.frozen if one.migration != migration]
            gone += [Owned(migration, FROZEN, one.ref) for one in ours]
        return [erased(one, "forget", "no longer noted beside the package") for one in gone]

    # -- packages -----------------------------------------------------------

    def _paths(self) -> list[Path]:
        return [path for path in paths(self.folder) if self._only in ("", path.name)]

    def _package(self, vm: str) -> Package:
        """The package that holds a machine. Raises UnknownMachine where none does."""
        name = vm.partition("#")[0]
        path = next((one for one in self._paths() if escaped(one.name) == name), None)
        if path is None:
            raise UnknownMachine(
                f"There is no package {vm} in {self.folder}.",
                "A machine's id is its package's file name, as web-01.ova.",
            )
        return read_package(path)

    def _select(self, vm: str) -> Selected:
        package = self._package(vm)
        found = select(vm, package)
        if found is None:
            raise UnknownMachine(f"{package.name} holds no machine of the id {vm}.")
        return found

    def _can_be_described(self, vm: str) -> bool:
        try:
            self.describe(vm)
        except ColdferryError:
            return False
        return True

    def _check(self, selected: Selected) -> str:
        """Hold the disks' files against the manifest, once for a state of them: its stamp.

        Raises Drifted where they were written to meanwhile: what was read is of no one state.
        """
        stamp = selected.stamp
        with self._lock:
            known = (self._checked | sidecar.read(selected.package.path).checked).get(selected.vm)
        if known != stamp:
            check_files(selected.package, selected.file_names)
            if selected.stamp != stamp:
                raise Drifted(
                    f"{selected.vm} was written to while it was held against its manifest.",
                    "Find out who writes to it, then run the same command again.",
                )
            with self._lock:
                self._checked[selected.vm] = stamp
        return stamp
