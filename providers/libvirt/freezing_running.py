"""A running machine's disks as of one moment, and whatever a killed try left.

A backup job writes them as qcow2, which stays as sparse as they are; each is then copied as a raw
volume, which is what streams read, and goes. A tag is made before each file, since a pool knows
of files that another made only once it is read again.
"""

import secrets
from collections.abc import Sequence
from contextlib import suppress
from pathlib import PurePosixPath
from typing import Any

from coldferry.errors import ColdferryError, Conflict
from coldferry.plain import size
from coldferry.plan import Device
from coldferry.ports import FrozenDisk
from providers.libvirt import backing_up
from providers.libvirt.certain import DAY_S, surely
from providers.libvirt.connection import Host, speaking
from providers.libvirt.describe_disks import Source, disks_of
from providers.libvirt.live import elsewhere, volume_of
from providers.libvirt.power import domain
from providers.libvirt.room import lacking
from providers.libvirt.tags import Tag, put, tag_name, tags, take_off
from providers.libvirt.volumes import Volume, clone, handle_of, look, remove
from providers.libvirt.xml_text import parse

LIVE = "live"
"""In a copy's name, where one of a stopped machine has when its volumes were last written."""


def freeze_running(
    host: Host, vm: str, migration: str, devices: Sequence[Device]
) -> list[FrozenDisk]:
    """Copies of all of them, in their order, of one moment; what a whole earlier call made stays.

    Raises Conflict where the machine stops meanwhile, or its disks are not those that it has when
    it is started next, or there is no room: a full pool would halt the machine itself.
    """
    handle = domain(host, vm)
    if not backing_up.backs_up(host):
        raise Conflict(f"{vm} runs, and its host cannot copy a running machine's disks.",
                       f"Stop {vm} first.")  # fmt: skip
    sources = [_source(host, vm, handle, device) for device in devices]
    names = [tag_name(migration, "frozen", f"{device.name}.{LIVE}") for device in devices]
    before = list(tags(host, "whole", migration=migration))
    if any(one.rest == LIVE for one in before):
        pairs = zip(sources, names, strict=True)
        there = [handle_of(host, volume.pool, name) for (_, volume), name in pairs]
        if all(there):
            return _frozen(migration, devices, [look(one) for one in there])
    clear(host, migration)
    backing_up.wait_for_others(handle)
    _refuse_without_room(host, vm, [volume for _, volume in sources])
    files, word = {}, secrets.token_hex(4)  # another run's files are never taken for these
    for device, (source, volume) in zip(devices, sources, strict=True):
        rest = f"{device.name}.{word}"
        put(host, volume.pool, migration, "pushing", rest)
        folder = PurePosixPath(volume.path).parent
        files[source.target] = str(folder / tag_name(migration, "pushed", rest))
    try:
        backing_up.run(host, handle, files)
    except BaseException:
        with suppress(ColdferryError):  # the first error is the one to be told
            clear(host, migration)
        raise
    try:
        made = [
            _raw(host, volume.pool, migration, f"{device.name}.{word}", name)
            for device, (_, volume), name in zip(devices, sources, names, strict=True)
        ]
    except BaseException:
        with suppress(ColdferryError):  # and no more than its own: another run may be at work
            left = tags(host, "pushing", migration=migration)
            _drop(host, [one for one in left if one.rest.endswith(f".{word}")])
        raise
    put(host, made[0].pool, migration, "whole", LIVE)
    return _frozen(migration, devices, made)


def _frozen(
    migration: str, devices: Sequence[Device], volumes: Sequence[Volume]
) -> list[FrozenDisk]:
    return [
        FrozenDisk(migration, device, volume.path)
        for device, volume in zip(devices, volumes, strict=True)
    ]


def pushed(host: Host, migration: str | None = None) -> list[tuple[Tag, Volume]]:
    """The files of backups that were not ended in order; the tag of one that the pool knows not."""
    found = {}
    for one in tags(host, "pushed", "pushing", migration=migration):
        handle = handle_of(host, one.pool, _file(one)) or handle_of(host, one.pool, one.name)
        if handle is not None:
            found[one.pool, _file(one)] = one, look(handle)
    return list(found.values())


def clear(host: Host, migration: str) -> None:
    """End the migration's backup, and delete its files and all frozen copies that it has."""
    abandon(host, migration)
    for one in tags(host, "frozen", migration=migration):
        handle = handle_of(host, one.pool, one.name)
        if handle is not None:
            remove(handle)
    whole = tags(host, "whole", migration=migration)
    take_off(host, [one for one in whole if not one.rest.startswith("kept.")])


def abandon(host: Host, migration: str) -> None:
    """End the migration's backup, and delete its files, each before its tag."""
    begun = list(tags(host, "pushed", "pushing", migration=migration))
    if begun:
        backing_up.abort(host, migration)
        _drop(host, begun)


def _drop(host: Host, begun: Sequence[Tag]) -> None:
    """Delete the files. A tag stays unless its file is surely gone: nothing else tells of it."""
    for one in begun:
        handle = surely(host, one.pool, _file(one))
        if handle is not None:
            remove(handle)
        if one.kind == "pushing":
            take_off(host, [one])


def _file(tag: Tag) -> str:
    return tag_name(tag.migration, "pushed", tag.rest)


def _raw(host: Host, pool: str, migration: str, rest: str, name: str) -> Volume:
    """The raw copy of what was written for a device, which goes then, with its tag."""
    tag = Tag(pool, tag_name(migration, "pushing", rest), migration, "pushing", rest)
    handle = surely(host, pool, _file(tag), DAY_S)
    if handle is None:
        raise Conflict(f"What was copied for {migration} is gone: another run removed it.",
                       "Run the same command again.")  # fmt: skip
    made = clone(host, handle, name, "qcow2")
    _drop(host, [tag])
    return made


def _source(host: Host, vm: str, handle: Any, device: Device) -> tuple[Source, Volume]:
    """The device's disk in both definitions, and its volume as it is."""
    with speaking("read the definition of", vm):
        running = {one.target: one for one in disks_of(parse(handle.XMLDesc(0)))}
    for source, volume_handle in volume_of(host, vm):
        if source.place != device.disk.id:
            continue
        now = running.get(source.target)
        if now is None or (now.kind, now.place, now.format) != (
            source.kind, source.place, source.format
        ):  # fmt: skip
            raise Conflict(
                f"Disk {source.target} of {vm}, which runs, is another one than {vm} has when it "
                "is started next.",
                "Restart it, or copy it after its halt ('--cold').",
            )
        return source, sound(host, source, look(volume_handle))
    raise Conflict(f"{vm} has no disk {device.disk.id} any more.", "Plan the migration again.")


def sound(host: Host, source: Source, volume: Volume) -> Volume:
    """The volume. Raises Conflict unless machine and pool take it for the same, and whole."""
    if volume.format != source.format or volume.backed or elsewhere(host, volume):
        raise Conflict(
            f"{volume.path} is {volume.format} to its pool and {source.format} to its machine, or "
            "rests on another file.",
            "See which is right: a guest can make a raw disk look like anything.",
        )
    return volume


def _refuse_without_room(host: Host, vm: str, volumes: Sequence[Volume]) -> None:
    """Once as qcow2 and once as raw: all of them at the worst, for a moment."""
    needed: dict[str, int] = {}
    for one in volumes:
        needed[one.pool] = needed.get(one.pool, 0) + 2 * one.allocation_bytes
    for pool, count in lacking(host, needed, DAY_S, certain=True):
        raise Conflict(
            f"Pool {pool.name} has {size(pool.available_bytes)} left; the copies of {vm}, which "
            f"runs, take up to {size(count)} with a reserve.",
            "Make room in it, or copy it after its halt ('--cold').",
        )
