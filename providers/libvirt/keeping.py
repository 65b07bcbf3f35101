"""Lasting copies of a new machine's disks, for what it wrote before it is discarded."""

from coldferry.erasing import erased
from coldferry.errors import Conflict
from coldferry.ports import KEPT_COPY, Erased, Owned, PowerState
from providers.libvirt.connection import Host
from providers.libvirt.holding import attached
from providers.libvirt.made import data_volumes, made, moment_of
from providers.libvirt.power import state_of
from providers.libvirt.tags import Tag, put, tag_name, tags, take_off
from providers.libvirt.volumes import clone, handle_of, look, remove


def keep(host: Host, migration: str) -> list[Owned]:
    """A copy of each disk of the migration's machine; those of an earlier moment are replaced."""
    found = made(host, migration)
    if found is None:
        return kept(host, migration)
    if state_of(found[0]) is not PowerState.STOPPED:
        raise Conflict(f"{found[0].name()} is not stopped.", "Stop it first.")
    moment = moment_of(host, migration)
    whole = _whole(host, migration)
    done = any(one.rest == f"kept.{moment}" for one in whole)
    ours = attached(host, found[0].name())
    volumes = [
        (tag, volume) for tag, volume in data_volumes(host, migration) if volume.path in ours
    ]
    names = {
        tag_name(migration, "kept", f"{tag.rest.split('.')[0]}.{moment}"): volume
        for tag, volume in volumes
    }
    for one in list(tags(host, "kept", migration=migration)):
        if not done or one.name not in names:
            _delete(host, one)
    for name, volume in names.items():
        if handle_of(host, volume.pool, name) is None:
            source = handle_of(host, volume.pool, volume.name)
            clone(host, source, name, "raw")
    if not done and volumes:
        take_off(host, whole)
        put(host, volumes[0][1].pool, migration, "whole", f"kept.{moment}")
    return kept(host, migration)


def kept(host: Host, migration: str | None = None) -> list[Owned]:
    """The copies that are there."""
    found = ((tag, handle_of(host, tag.pool, tag.name))
             for tag in tags(host, "kept", migration=migration))  # fmt: skip
    return [
        Owned(tag.migration, KEPT_COPY, look(handle).path)
        for tag, handle in found
        if handle is not None
    ]


def erase_kept(host: Host, migration: str) -> list[Erased]:
    """Delete them."""
    gone = []
    for one in kept(host, migration):
        tag = next(t for t in tags(host, "kept", migration=migration) if one.id.endswith(t.name))
        gone.append(erased(one, "virStorageVolDelete", _delete(host, tag)))
    take_off(host, _whole(host, migration))
    return gone


def _whole(host: Host, migration: str) -> list[Tag]:
    found = tags(host, "whole", migration=migration)
    return [one for one in found if one.rest.startswith("kept.")]


def _delete(host: Host, tag: Tag) -> str:
    handle = handle_of(host, tag.pool, tag.name)
    return remove(handle) if handle is not None else "it was gone"
