"""A look at a machine's disks: through a temporary freeze while it runs, as frozen after the halt.

What the disks say fills what the source did not know, and never overrides
what it did.
"""

import time
from collections.abc import Container, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass

from coldferry.contents import DiskContent
from coldferry.copying import data_extents
from coldferry.errors import ColdferryError, Conflict, Finding
from coldferry.guest.evidence import Evidence, Inspection
from coldferry.guest.needs import GuestNeeds
from coldferry.guest.parent import look_at
from coldferry.guest.question import Question
from coldferry.home import in_turn
from coldferry.machine import UNKNOWN, Machine, NetworkFilesystem
from coldferry.migration import inspection_of
from coldferry.mounting import is_of, told_by_guest
from coldferry.plan import Device, devices_of
from coldferry.ports import DiskReader, Extent, FrozenDisk, Limits, Source
from coldferry.progress import announce_step
from coldferry.traffic import End, measured, until

NOT_INSPECTED = "not-inspected"

MEASURED_WITHIN_S = 120.0
"""A person waits: what is allocated of larger disks is taken as all of them."""

_TOLD_BY_DISKS = ("firmware", "architecture", "os_family")


@dataclass(frozen=True)
class Look:
    """What a look came to.

    ``fetched_bytes`` is what it cost at the provider.
    """

    inspection: Inspection
    fetched_bytes: int

    @property
    def allocated_bytes(self) -> dict[str, int]:
        """The sum of the provider's extents by device, where they were asked for."""
        return {one.device: one.allocated_bytes for one in self.inspection.contents}


def inspect(
    source: Source,
    vm: str,
    machine: Machine,
    migration: str,
    needs: GuestNeeds,
    *,
    leaving: Container[int] = (),
    ends: tuple[End, End] | None = None,
) -> Look:
    """Look at a machine as it is now, for a target with these needs.

    Makes one temporary frozen state of all its disks, under an id of its own,
    and releases it on every end. ``leaving`` are the disks, by index, that nothing
    is frozen or read of. With ``ends`` it counts what is allocated, and what a copy
    between them takes. Raises what the provider raises.
    """
    devices = [device for device in devices_of(machine) if device.index not in leaving]
    with _glimpse(source, vm, inspection_of(migration), devices) as frozen:
        look = inspect_frozen(source, frozen, machine, needs, halted=False)
        contents = tuple(_contents(source, frozen, ends)) if ends is not None else ()
    seen = look.inspection.model_copy(update={"contents": contents})
    return Look(seen, look.fetched_bytes)


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
        seen, fetched_bytes = look_at(question, readers)
    told = {"contents": (), "fetched_bytes": fetched_bytes}
    return Look(seen.model_copy(update=told), fetched_bytes)


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


def _contents(
    source: Source, frozen: Sequence[FrozenDisk], ends: tuple[End, End]
) -> Iterator[DiskContent]:
    """Disk by disk; one that is not listed in time is left out, and counts as full."""
    deadline_s = time.monotonic() + MEASURED_WITHIN_S
    for disk in frozen:
        with source.open_frozen(disk) as reader, suppress(TimeoutError):
            spans = until(deadline_s, data_extents(reader))
            yield measured(disk.device.name, disk.device.disk.size_bytes, spans, *ends)
