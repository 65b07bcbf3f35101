"""A machine's disks as copies of their volumes, and when those are void.

A volume has no snapshot that its own writes leave alone, and no lock that outlives a process: so
the daemon copies it beside itself, raw and sparse, with shared blocks where its file system can.
The copy's name has the moments at which the machine's volumes were last written: once it ran,
others are made. Of a running machine see :mod:`providers.libvirt.freezing_running`.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from coldferry.erasing import erased
from coldferry.errors import Conflict
from coldferry.plain import size
from coldferry.plan import Device
from coldferry.ports import FROZEN, Erased, FrozenDisk, Owned, PowerState
from providers.libvirt.connection import Host
from providers.libvirt.describe_disks import Source
from providers.libvirt.freezing_running import abandon, freeze_running, pushed, sound
from providers.libvirt.live import look_at, volume_of
from providers.libvirt.moments import moment
from providers.libvirt.power import domain, state_of
from providers.libvirt.room import lacking
from providers.libvirt.streams import VolumeReader
from providers.libvirt.tags import Tag, put, tag_name, tags, take_off
from providers.libvirt.volumes import Volume, clone, handle_of, look, remove

_BUSY_S = 60.0
"""The machine is halted by now: a pool that is busy for longer is taken as it was last read."""


def freeze(host: Host, vm: str, migration: str, devices: Sequence[Device]) -> list[FrozenDisk]:
    """Copies of all of them, in their order, of a machine that runs or is stopped.

    What an earlier call made is found while a stopped machine has not run; what it left half is
    made anew, and what is of an earlier moment is deleted.
    """
    power = state_of(domain(host, vm))
    if power is PowerState.RUNNING and devices:
        return freeze_running(host, vm, migration, devices)
    _refuse_running(host, vm)
    abandon(host, migration)
    now = moment_of(host, vm)
    before = list(tags(host, "frozen", "whole", migration=migration))
    names = [_name(migration, device, now) for device in devices]
    whole = any(one.kind == "whole" and one.rest == now for one in before)
    kept = names if whole else []
    for one in before:
        if one.rest.startswith("kept."):
            continue
        if one.name not in kept and (one.kind, one.rest) != ("whole", now):
            _delete(host, one)
    if not whole:
        _refuse_without_room(host, vm, devices)
    made = [_copy(host, vm, device, name) for device, name in zip(devices, names, strict=True)]
    if not whole:
        _refuse_running(host, vm)
        if moment_of(host, vm) != now:
            raise Conflict(
                f"{vm} ran while its disks were frozen.", "Freeze it once it is stopped."
            )
        put(host, made[0].pool, migration, "whole", now)
    return [
        FrozenDisk(migration, device, volume.path)
        for device, volume in zip(devices, made, strict=True)
    ]


def started_since(host: Host, vm: str, frozen: Sequence[FrozenDisk]) -> bool:
    """It runs, or a volume of it was written since."""
    if state_of(domain(host, vm)) is not PowerState.STOPPED:
        return True
    now = moment_of(host, vm)
    return any(not one.ref.endswith(f".{now}") for one in frozen)


def ran_since(host: Host, vm: str, migration: str) -> bool | None:
    """The same of what is left of that migration; None when nothing is."""
    rests = [one.rest for one in tags(host, "frozen", migration=migration)]
    if not rests:
        return None
    if state_of(domain(host, vm)) is not PowerState.STOPPED:
        return True
    now = moment_of(host, vm)
    return not any(rest.endswith(f".{now}") for rest in rests)


@contextmanager
def open_frozen(host: Host, frozen: FrozenDisk) -> Iterator[VolumeReader]:
    """The copy's bytes; a guest can write what lets its pool take the copy for another size."""
    yield VolumeReader(host, frozen.ref, frozen.device.disk.size_bytes)


def frozen_volumes(host: Host, migration: str | None = None) -> list[tuple[Tag, Volume]]:
    """The copies that are there, and the files that a backup was writing for some."""
    found = ((one, handle_of(host, one.pool, one.name))
             for one in tags(host, "frozen", migration=migration))  # fmt: skip
    whole = [(one, look(handle)) for one, handle in found if handle is not None]
    return whole + pushed(host, migration)


def frozen(host: Host, migration: str) -> list[Owned]:
    """What a release deletes."""
    return [Owned(migration, FROZEN, volume.path) for _, volume in frozen_volumes(host, migration)]


def release(host: Host, migration: str) -> list[Erased]:
    """Delete the copies that bear the migration's name, and end the backup that makes some."""
    gone = []
    there = frozen_volumes(host, migration)
    abandon(host, migration)
    for one, volume in there:
        handle = handle_of(host, one.pool, volume.name)
        answer = remove(handle) if handle is not None else "it was gone"
        gone.append(erased(Owned(migration, FROZEN, volume.path), "virStorageVolDelete", answer))
    marks = tags(host, "whole", migration=migration)
    take_off(host, [one for one in marks if not one.rest.startswith("kept.")])
    return gone


def moment_of(host: Host, vm: str) -> str:
    """Eight hex digits of when its volumes were last written."""
    _, disks = look_at(host, vm)
    return moment(volume for _, volume in disks)


def _name(migration: str, device: Device, now: str) -> str:
    return tag_name(migration, "frozen", f"{device.name}.{now}")


def _copy(host: Host, vm: str, device: Device, name: str) -> Volume:
    source, handle = _volume(host, vm, device)
    volume = sound(host, source, look(handle))
    made = handle_of(host, volume.pool, name)
    return look(made) if made is not None else clone(host, handle, name, source.format)


def _refuse_without_room(host: Host, vm: str, devices: Sequence[Device]) -> None:
    needed: dict[str, int] = {}
    for device in devices:
        volume = look(_volume(host, vm, device)[1])
        needed[volume.pool] = needed.get(volume.pool, 0) + volume.allocation_bytes
    for pool, count in lacking(host, needed, _BUSY_S):
        raise Conflict(
            f"Pool {pool.name} has {size(pool.available_bytes)} left; the frozen copies of {vm} "
            f"take up to {size(count)} with a reserve.",
            "Make room in it, then run the same command again.",
        )


def _volume(host: Host, vm: str, device: Device) -> tuple[Source, Any]:
    for source, handle in volume_of(host, vm):
        if source.place == device.disk.id:
            return source, handle
    raise Conflict(f"{vm} has no disk {device.disk.id} any more.", "Plan the migration again.")


def _refuse_running(host: Host, vm: str) -> None:
    if state_of(domain(host, vm)) is not PowerState.STOPPED:
        raise Conflict(f"{vm} runs: its disks have no still moment.", f"Stop {vm} first.")


def _delete(host: Host, one: Tag) -> None:
    handle = handle_of(host, one.pool, one.name)
    if handle is not None:
        remove(handle)
