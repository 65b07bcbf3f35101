"""One machine of one package: which system an id names, and which of its configurations is meant.

An id is a package's file name; where that holds several systems, ``#`` and one's id follow.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from coldferry.errors import BadInput
from providers.ovf.digests import check_descriptor
from providers.ovf.disks import names_of
from providers.ovf.envelope import Envelope, System, read_envelope
from providers.ovf.hardware import Item, chosen
from providers.ovf.machine_disks import PackagedDisk, disks_of
from providers.ovf.package import Package, escaped


@dataclass(frozen=True)
class Selected:
    """A machine's part of what was read."""

    vm: str
    package: Package
    envelope: Envelope
    system: System
    configuration: str
    items: Sequence[Item]
    disks: Sequence[PackagedDisk]

    @property
    def file_names(self) -> list[str]:
        """Of its disks, in order, each once. Raises NotMovable for one that is not there."""
        files = [disk.file for disk in self.disks if disk.file is not None]
        return list(dict.fromkeys(name for f in files for name in names_of(self.package, f)))

    @property
    def stamp(self) -> str:
        """What tells the machine's bytes from others. Raises NotMovable as above."""
        return self.package.stamp(self.file_names)


def read_envelope_of(package: Package) -> Envelope:
    """Its descriptor, held against the manifest first."""
    check_descriptor(package)
    return read_envelope(package.descriptor, package.descriptor_name)


def ids_of(package: Package, envelope: Envelope) -> list[str]:
    """The ids of its machines."""
    own = escaped(package.name)
    if len(envelope.systems) == 1:
        return [own]
    return [f"{own}#{escaped(system.id)}" for system in envelope.systems]


def select(vm: str, package: Package) -> Selected | None:
    """The machine of that id, None when it is none of this package's.

    Raises BadInput when several systems could be meant, or what is wrong with the descriptor.
    """
    own, _, part = vm.partition("#")
    if own != escaped(package.name):
        return None
    envelope = read_envelope_of(package)
    ids = ids_of(package, envelope)
    if not part and len(ids) > 1:
        raise BadInput(
            f"{package.name} holds {len(ids)} machines: which one is meant?",
            f"Name one: {', '.join(ids[:20])}.",
        )
    if vm not in ids:
        return None
    system = envelope.systems[ids.index(vm)]
    known = envelope.configurations
    default = next((one.id for one in known if one.default), known[0].id if known else "")
    name = package.name
    items = chosen(system.items, default, name)
    disks = disks_of(envelope, system, items, default, name)
    return Selected(vm, package, envelope, system, default, items, disks)
