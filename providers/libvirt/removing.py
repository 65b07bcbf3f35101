"""Removing a machine that was moved, with those of its volumes that were copied.

Pages: ``virDomainUndefineFlags``, ``virStorageVolDelete`` (libvirt.org). libvirt counts no starts:
that its volumes were written since it was cut over tells that it was used. The volumes go first: a
crash in between leaves a machine that can be named again, and no volume that nobody knows of.
"""

from collections.abc import Collection, Iterator, Sequence
from datetime import UTC, datetime

from coldferry import removing
from coldferry.abilities import Removal
from coldferry.erasing import erased
from coldferry.errors import Conflict, Finding, UnknownMachine
from coldferry.plain import plain
from coldferry.ports import Erased, Owned, PowerState
from coldferry.removing import SOURCE_DISK, SOURCE_MACHINE
from providers.libvirt.connection import Host, library, speaking
from providers.libvirt.describe_disks import disks_of
from providers.libvirt.holding import holders
from providers.libvirt.live import definition, look_at
from providers.libvirt.marks import persistent, read_marks
from providers.libvirt.power import domain, state_of
from providers.libvirt.unmovable import refusal
from providers.libvirt.volumes import Volume, handle_at, handle_of, remove


def removal(host: Host, vm: str, migration: str, copied: Collection[str]) -> Removal:
    """See :meth:`coldferry.abilities.Removing.removal`."""
    domain(host, vm)
    volumes = {source.place: volume for source, volume in look_at(host, vm)[1]}
    things = [Owned(migration, SOURCE_DISK, one) for one in sorted({*volumes} & {*copied})]
    found = tuple(_findings(host, vm, migration, volumes, copied))
    return Removal((Owned(migration, SOURCE_MACHINE, vm), *things), found)


def removed(host: Host, vm: str, migration: str, copied: Collection[str]) -> list[Erased]:
    """See :meth:`coldferry.abilities.Removing.remove`."""
    try:
        looked = removal(host, vm, migration, copied)
    except UnknownMachine:
        return []
    if held := [one for one in looked.findings if one.severity == "refuse"]:
        raise Conflict(" ".join(one.what for one in held), " ".join(one.do for one in held))
    handle, gone = domain(host, vm), dict[str, Erased]()
    volumes = {source.place: volume for source, volume in look_at(host, vm)[1]}
    for one in looked.things:
        if one.kind == SOURCE_DISK:
            found = handle_at(host, volumes[one.id].path)
            answer = "it was gone" if found is None else remove(found)
            gone[one.id] = erased(one, "virStorageVolDelete", answer)
    lib = library()
    with speaking("undefine the machine", vm):
        handle.undefineFlags(lib.VIR_DOMAIN_UNDEFINE_NVRAM)
    gone[vm] = erased(looked.things[0], "virDomainUndefineFlags", "undefined")
    return [gone[one.id] for one in looked.things]


def remaining(host: Host, things: Sequence[Owned]) -> list[Owned]:
    """See :meth:`coldferry.abilities.Removing.remaining`."""
    names = [str(one.name()) for one in persistent(host)]
    return [
        one
        for one in things
        if (one.id in names if one.kind == SOURCE_MACHINE else _there(host, one.id))
    ]


def _there(host: Host, place: str) -> bool:
    if place.startswith("/"):
        return handle_at(host, place) is not None
    pool, _, name = place.partition("/")
    return handle_of(host, pool, name) is not None


def _findings(
    host: Host, vm: str, migration: str, volumes: dict[str, Volume], copied: Collection[str]
) -> Iterator[Finding]:
    marks = read_marks(host, vm)
    strange = removing.not_moved(vm, migration, marks)
    yield from strange
    if not strange and marks is not None:
        written = [_moment(volume.modified) for volume in volumes.values()]
        yield from removing.newer(vm, marks, written)
    if (power := state_of(domain(host, vm))) is not PowerState.STOPPED:
        yield removing.still_runs(vm, power)
    others = holders(host, but=vm)
    places = [disk.place for disk in disks_of(definition(host, vm))]
    for place in places:
        if place not in copied:
            yield removing.not_copied(vm, place)
        elif place in volumes and (holder := others.get(volumes[place].path)):
            yield refusal("held", place, f"Disk {plain(place)} of {vm} is used by {plain(holder)}.",
                          "Detach it, or have what rests on it copied in full ('virsh blockpull'), "
                          "or remove the machine by hand.")  # fmt: skip
    for one in sorted({*copied} - {*places}):
        yield removing.away(vm, one)


def _moment(modified: str) -> datetime | None:
    return datetime.fromtimestamp(float(modified), UTC) if modified else None
