"""A look at a machine's disks: through a temporary freeze while it runs, as frozen after the halt.

What the disks say fills what the source did not know, and never overrides
what it did.
"""

from collections.abc import Container, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field

from coldferry.copying import data_extents
from coldferry.errors import ColdferryError, Conflict, Finding
from coldferry.guest.evidence import Evidence, Inspection
from coldferry.guest.needs import GuestNeeds
from coldferry.guest.parent import look_at
from coldferry.guest.question import Question
from coldferry.home import in_turn
from coldferry.machine import UNKNOWN, Machine, NetworkFilesystem
from coldferry.mounting import is_of, told_by_guest
from coldferry.plan import Device, devices_of
from coldferry.ports import DiskReader, Extent, FrozenDisk, Limits, Source
from coldferry.progress import announce_step

NOT_INSPECTED = "not-inspected"

_TOLD_BY_DISKS = ("firmware", "architecture", "os_family")


@dataclass(frozen=True)
class Look:
    """What a look came to.

    ``fetched_bytes`` is what it cost at the provider; ``allocated_bytes`` the
    sum of the provider's extents by device, where that was asked for.
    """

    inspection: Inspection
    fetched_bytes: int
    allocated_bytes: dict[str, int] = field(default_factory=dict)


def inspection_of(migration: str) -> str:
    """The id that a migration's temporary frozen state bears."""
    return f"{migration}-inspect"


def inspect(
    source: Source,
    vm: str,
    machine: Machine,
    migration: str,
    needs: GuestNeeds,
    *,
    measure: bool = False,
    leaving: Container[int] = (),
) -> Look:
    """Look at a machine as it is now, for a target with these needs.

    Makes one temporary frozen state of all its disks, under an id of its own,
    and releases it on every end. ``measure`` counts what is allocated, too;
    ``leaving`` are the disks, by index, that nothing is frozen or read of.
    Raises what the provider raises.
    """
    devices = [device for device in devices_of(machine) if device.index not in leaving]
    with _glimpse(source, vm, inspection_of(migration), devices) as frozen:
        look = inspect_frozen(source, frozen, machine, needs, halted=False)
        counted = {f.device.name: _allocated(source, f) for f in frozen} if measure else {}
    return Look(look.inspection, look.fetched_bytes, counted)


def inspect_frozen(
    source: Source,
    frozen: Sequence[FrozenDisk],
    machine: Machine,
    needs: GuestNeeds,
    *,
    halted: bool,
) -> Look:
    """Look at disks that are frozen already; ``halted`` says that it was after the halt.

    Each keeps its number; one that is left behind has a place, and nothing in it.
    """
    places = max([len(machine.disks), *(disk.device.index + 1 for disk in frozen)])
    readers: list[DiskReader] = [_LeftBehind() for _ in range(places)]
    with ExitStack() as opened:
        for disk in frozen:
            readers[disk.device.index] = opened.enter_context(source.open_frozen(disk))
        question = Question(
            machine=machine,
            disks_bytes=tuple(reader.size_bytes for reader in readers),
            root_disk=next((f.device.index for f in frozen if f.device.disk.root), None),
            needs=needs,
            left=source.guest,
            halted=halted,
        )
        return Look(*look_at(question, readers))


class _LeftBehind:
    """Stands where a disk is that nobody reads: it has no byte."""

    size_bytes = 0
    limits = Limits(block_size_bytes=512, max_request_bytes=512, max_in_flight=1)

    def extents(self, offset: int, length: int) -> Iterator[Extent]:
        """None."""
        del offset, length
        return iter(())

    def read_into(self, offset: int, view: memoryview) -> None:
        """There is nothing to read. Raises Conflict."""
        raise Conflict(f"{len(view)} bytes at {offset} were asked of a disk that is left behind.")


def not_inspected(vm: str, why: ColdferryError) -> Inspection:
    """What stands in for a look that could not be made: the migration goes on without it."""
    finding = Finding(
        "warn",
        NOT_INSPECTED,
        vm,
        f"The guest was not inspected: {why.what}",
        "What its disks would have said of firmware, drivers and settings is not in this plan. "
        f"{why.do}".strip(),
    )
    return Inspection(findings=(finding,))


def with_evidence(machine: Machine, evidence: Evidence) -> Machine:
    """The machine with what its disks told and its source did not know; what it knew stands."""
    told = {
        "firmware": evidence.firmware,
        "architecture": evidence.architecture,
        "os_family": evidence.os_family,
    }
    changes: dict[str, object] = {
        name: value
        for name, value in told.items()
        if value is not None and getattr(machine, name) == UNKNOWN
    }
    known = machine.network_filesystems
    shares = (
        *(_mounted(share, evidence) for share in known),
        *told_by_guest(known, evidence),
    )
    if shares != machine.network_filesystems:
        changes["network_filesystems"] = shares
    return machine.model_copy(update=changes) if changes else machine


def as_if_seen(found: Machine, approved: Machine) -> Machine:
    """``found`` with what only its disks told of ``approved``, to compare the two by."""
    changes: dict[str, object] = {
        name: getattr(approved, name) for name in _TOLD_BY_DISKS if getattr(found, name) == UNKNOWN
    }
    before = {share.id: share.mounted for share in approved.network_filesystems}
    changes["network_filesystems"] = tuple(
        share.model_copy(update={"mounted": before.get(share.id, UNKNOWN)})
        if share.mounted == UNKNOWN
        else share
        for share in found.network_filesystems
    )
    return found.model_copy(update=changes)


def _mounted(share: NetworkFilesystem, evidence: Evidence) -> NetworkFilesystem:
    """True where the guest's list names it; that it is not there proves nothing."""
    named = any(is_of(mount, share) for mount in evidence.mounts)
    if share.mounted == UNKNOWN and named:
        return share.model_copy(update={"mounted": True})
    return share


@contextmanager
def _glimpse(
    source: Source, vm: str, inspection: str, devices: Sequence[Device]
) -> Iterator[list[FrozenDisk]]:
    """A temporary frozen state; one that a killed inspection left is too old to look at.

    Another look at the same machine from this home is waited for: what it froze
    would be taken for left behind.
    """
    with in_turn(inspection, waiting=lambda: announce_step("wait for another inspection of it")):
        source.release(inspection)
        try:
            yield source.freeze(vm, inspection, devices)
        except BaseException:
            with suppress(ColdferryError):  # the first error is the one to be told
                source.release(inspection)
            raise
        source.release(inspection)


def _allocated(source: Source, frozen: FrozenDisk) -> int:
    with source.open_frozen(frozen) as reader:
        return sum(length for _, length in data_extents(reader))
