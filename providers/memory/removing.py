"""Removing a machine that was moved: see :class:`coldferry.abilities.Removing`."""

from collections.abc import Collection, Sequence

from coldferry.abilities import Removal
from coldferry.erasing import erased
from coldferry.errors import Conflict
from coldferry.ports import Erased, Owned, PowerState
from coldferry.removing import (
    SOURCE_DISK,
    SOURCE_MACHINE,
    away,
    newer,
    not_copied,
    not_moved,
    still_runs,
)
from providers.memory.world import World


def removal(world: World, vm: str, migration: str, copied: Collection[str]) -> Removal:
    """What would go, and what stands against it."""
    stored, disks = world.machines[vm], _at(world, vm)
    found = not_moved(vm, migration, stored.marks)
    if not found and stored.marks is not None:
        found = newer(vm, stored.marks, [stored.started_at])
    if stored.power is not PowerState.STOPPED:
        found.append(still_runs(vm, stored.power))
    found += [not_copied(vm, disk) for disk in disks if disk not in copied]
    found += [away(vm, disk) for disk in sorted({*copied} - {*disks})]
    things = [Owned(migration, SOURCE_MACHINE, vm)]
    things += [Owned(migration, SOURCE_DISK, disk) for disk in disks if disk in copied]
    return Removal(tuple(things), tuple(found))


def remove(world: World, vm: str, migration: str, copied: Collection[str]) -> list[Erased]:
    """Remove all of it at once. Raises Conflict for what stands against it."""
    with world.lock:
        if vm not in world.machines:
            return []
        looked = removal(world, vm, migration, copied)
        if held := [found for found in looked.findings if found.severity == "refuse"]:
            raise Conflict(held[0].what, held[0].do)
        for one in looked.things:
            del (world.machines if one.kind == SOURCE_MACHINE else world.disks)[one.id]
        return [erased(one, "remove", "gone") for one in looked.things]


def remaining(world: World, things: Sequence[Owned]) -> list[Owned]:
    """Which of them are there."""
    return [one for one in things if one.id in {*world.machines, *world.disks}]


def _at(world: World, vm: str) -> list[str]:
    """The disks at a machine now: those that it is described with, and attached ones."""
    told = {disk.id for disk in world.machines[vm].machine.disks}
    return [one.id for one in world.disks.values() if one.id in told or one.attached_to == vm]
