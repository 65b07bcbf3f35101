"""A machine from a file with a domain's XML, without any hypervisor: described, never moved."""

import os
import stat
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager
from pathlib import Path

from coldferry.errors import BadInput, Finding, Refused, UnknownMachine, in_order
from coldferry.machine import Machine
from coldferry.migration import Marks
from coldferry.plain import plain
from coldferry.plan import Device, Plan
from coldferry.ports import Check, DiskReader, Erased, FrozenDisk, Owned, PowerState, Tagged
from providers.libvirt.describe import Around, describe
from providers.libvirt.describe_disks import disks_of
from providers.libvirt.guest import GUEST
from providers.libvirt.unmovable import findings_of
from providers.libvirt.xml_text import MAX_BYTES, parse

_DO = "Name a file with a domain's XML, as 'virsh dumpxml --inactive NAME' prints it."


class DomainFile:
    """The one machine that a file describes, read anew each time.

    It is a source without disks: what only looks is answered, what would do something refused.
    """

    provider = "libvirt"
    guest = GUEST
    scope = "file"

    def __init__(self, file: str) -> None:
        self._path = Path(file)

    def machines(self) -> list[str]:
        """See ``Machines.machines``; its name."""
        return [self._read()[0].name]

    def describe(self, vm: str) -> Machine:
        """The description as of now. Raises UnknownMachine, and BadInput as :func:`read_file`."""
        return self.survey(vm)[0]

    def survey(self, vm: str) -> tuple[Machine, list[Finding]]:
        """Both from one look; one finding says that it can only be planned for."""
        machine, findings = self._read()
        if vm != machine.name:
            raise UnknownMachine(
                f"{plain(self._path)} describes no machine '{plain(vm, 80)}'.",
                f"It describes '{plain(machine.name, 80)}'; VM may be left out.",
            )
        return machine, in_order([*findings, _only_planned(vm)])

    def unmovable(self, vm: str) -> list[Finding]:
        """What its XML tells."""
        return self.survey(vm)[1]

    def preflight_source(self, vm: str, plan: Plan) -> list[Finding]:
        """Nothing: there is no host to ask."""
        del vm, plan
        return []

    def power(self, vm: str) -> PowerState:
        """Stopped, as whatever is written down."""
        self.describe(vm)
        return PowerState.STOPPED

    def start(self, vm: str) -> None:
        """Raises Refused, as all that follow and return nothing."""
        raise _refused(vm)

    def stop(self, vm: str, *, force: bool = False, timeout_s: float = 600) -> None:
        """The machine may run at its host, so it is not said to be stopped."""
        del force, timeout_s
        raise _refused(vm)

    def reboot(self, vm: str) -> None:
        """See :meth:`start`."""
        raise _refused(vm)

    def owned(self, migration: str | None = None) -> list[Owned]:
        """A file bears no tag."""
        del migration
        return []

    def tagged(self) -> Iterator[Tagged]:
        """See :meth:`owned`."""
        return iter(())

    def diagnose(self) -> Iterator[Check]:
        """Whether the file can be read."""
        yield Check("file", ok=True, what=f"It describes {self.machines()[0]}.")

    def marks(self, vm: str) -> Marks | None:
        """See :meth:`owned`."""
        del vm
        return None

    def mark(self, vm: str, marks: Marks) -> None:
        """See :meth:`start`."""
        del marks
        raise _refused(vm)

    def marked(self) -> Iterator[tuple[str, Marks]]:
        """See :meth:`owned`."""
        return iter(())

    def freeze(self, vm: str, migration: str, devices: Sequence[Device]) -> list[FrozenDisk]:
        """See :meth:`start`."""
        del migration, devices
        raise _refused(vm)

    def started_since(self, vm: str, frozen: Sequence[FrozenDisk]) -> bool:
        """See :meth:`start`."""
        del frozen
        raise _refused(vm)

    def ran_since(self, vm: str, migration: str) -> bool | None:
        """Nobody knows."""
        del vm, migration
        return None

    def open_frozen(self, frozen: FrozenDisk) -> AbstractContextManager[DiskReader]:
        """See :meth:`start`."""
        raise _refused(frozen.ref)

    def frozen(self, migration: str) -> list[Owned]:
        """See :meth:`owned`."""
        return self.owned(migration)

    def release(self, migration: str) -> list[Erased]:
        """Nothing was made."""
        del migration
        return []

    def _read(self) -> tuple[Machine, list[Finding]]:
        return read_file(self._path, self.scope)


def read_file(path: Path, scope: str) -> tuple[Machine, list[Finding]]:
    """The machine that the file describes, and what its XML says against moving it.

    A disk's size is taken from the raw file that the XML names, where this machine has it, else
    from our own element in the document's metadata. Raises BadInput for a file that cannot be
    read or is no usable domain.
    """
    domain = parse(_content(path))
    sizes = {}
    for disk in disks_of(domain):
        if disk.kind == "file" and disk.format == "raw" and (size := _size_bytes(disk.place)):
            sizes[disk.target] = size
    return describe(domain, scope, Around(sizes=sizes)), findings_of(domain)


def _content(path: Path) -> bytes:
    """At most a byte more than is parsed: a pipe would never end, so only a file is read."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK | os.O_NOCTTY)
        try:
            if not stat.S_ISREG(os.fstat(descriptor).st_mode):
                raise BadInput(f"{plain(path)} is no file.", _DO)
            with open(descriptor, "rb", closefd=False) as file:
                return file.read(MAX_BYTES + 1)
        finally:
            os.close(descriptor)
    except OSError as error:
        raise BadInput(f"{plain(path)} cannot be read: {error.strerror}.", _DO) from None
    except ValueError:
        raise BadInput(f"{plain(path)} is no path.", _DO) from None  # a NUL


def _size_bytes(place: str) -> int:
    """Of a regular file on this machine; 0 where there is none."""
    try:
        found = Path(place).stat()
    except (OSError, ValueError):
        return 0
    return found.st_size if stat.S_ISREG(found.st_mode) else 0


def _only_planned(vm: str) -> Finding:
    return Finding(
        "warn", "only-planned", vm,
        f"{vm} is described by a file, which has no disks: it can be planned for, and not moved.",
        "Take this as what would become of it. To migrate, name its host: libvirt:URI.",
    )  # fmt: skip


def _refused(subject: str) -> Refused:
    return Refused(
        f"{plain(subject, 80)} is described by a file: there is no machine and no disk to work on.",
        "Name its host instead: libvirt:URI, or a saved block.",
    )
