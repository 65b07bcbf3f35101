"""A new machine's disks: volumes that are written through the daemon.

A tag is made before the volume that it points to, and removed after it, so that what a crash
leaves is always known as ours. The volume's name has a random part: one begun anew is another one.
"""

import hashlib
import re
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

from coldferry.errors import Conflict, Gone
from coldferry.migration import slug
from coldferry.plain import plain
from coldferry.plan import Device, Plan
from coldferry.ports import FrozenDisk
from providers.libvirt.connection import Host
from providers.libvirt.holding import attached, holders
from providers.libvirt.made import data_volumes, made
from providers.libvirt.streams import VolumeReader, VolumeWriter
from providers.libvirt.tags import Tag, put, tag_name, tags, take_off
from providers.libvirt.volumes import Volume, handle_of, make, remove


class _Writer(VolumeWriter):
    """Puts a tag at the commit: what bears it is never written again."""

    def __init__(self, host: Host, volume: Volume, migration: str, *, sealed: bool) -> None:
        super().__init__(host, volume, sealed=sealed)
        self._volume, self._migration = volume, migration

    def commit(self) -> str:
        put(self._host, self._volume.pool, self._migration, "sealed", self._volume.name)
        return super().commit()


@contextmanager
def open_disk(host: Host, plan: Plan, frozen: FrozenDisk) -> Iterator[VolumeWriter]:
    """Adopt the device's volume; one of a frozen state that is not followed is begun anew."""
    device = frozen.device
    state = _state(frozen.ref)
    good = {state, *map(_state, frozen.follows)}
    mine = None
    for tag in _tags_of(host, plan.migration, device):
        if tag.rest.split(".")[1] in good and mine is None:
            mine = tag
        else:
            remove_disk(host, tag)
    pool = str(plan.value(f"disks[{device.index}].kind"))
    if mine is None:
        name = f"{slug(str(plan.value('name')), 60)}-{device.name}-{secrets.token_hex(4)}"
        rest = f"{device.name}.{state}.{name}"
        put(host, pool, plan.migration, "disk", rest)
        mine = Tag(pool, tag_name(plan.migration, "disk", rest), plan.migration, "disk", rest)
    name = mine.rest.split(".", 2)[2]
    size_bytes = int(plan.value(f"disks[{device.index}].size_bytes"))
    volume = make(host, mine.pool, name, size_bytes)
    # What is on a raw disk may look like an image of another size to the pool, once read again.
    volume = replace(volume, capacity_bytes=size_bytes)
    sealed = any(one.rest == name for one in tags(host, "sealed", migration=plan.migration))
    yield _Writer(host, volume, plan.migration, sealed=sealed)


@contextmanager
def open_written(host: Host, plan: Plan, ref: str) -> Iterator[VolumeReader]:
    """What was committed, of the size that was asked for. Raises Gone."""
    sizes = {device.name: device.disk.size_bytes for device in plan.devices}
    for tag, volume in data_volumes(host, plan.migration):
        if volume.path == ref:
            yield VolumeReader(host, ref, sizes[tag.rest.split(".")[0]])
            return
    raise Gone(f"There is no volume {ref} of {plan.migration} any more.",
               "Run the same command again: it begins that disk anew.")  # fmt: skip


def in_use(host: Host, plan: Plan, ref: str) -> bool:
    """The migration's own machine has it."""
    found = made(host, plan.migration)
    return found is not None and ref in attached(host, found[0].name())


def discard_disk(host: Host, plan: Plan, device: Device) -> None:
    """Remove a device's volume that no machine has."""
    ours = data_volumes(host, plan.migration)
    held = holders(host, among=[volume.path for _, volume in ours])
    for tag, volume in ours:
        if tag.rest.split(".")[0] == device.name and volume.path not in held:
            remove_disk(host, tag)


def looks_ours(name: str) -> bool:
    """Whether a file is named as :func:`open_disk` names volumes; no proof that it is one."""
    return re.fullmatch(r".+-disk[0-9]+-[0-9a-f]{8}", name) is not None


def _state(ref: str) -> str:
    """What a tag says of the frozen state that its volume was begun from."""
    return hashlib.sha256(ref.encode()).hexdigest()[:8]


def _tags_of(host: Host, migration: str, device: Device) -> list[Tag]:
    return [
        tag
        for tag in tags(host, "disk", migration=migration)
        if tag.rest.split(".")[0] == device.name and tag.rest.count(".") >= 2
    ]


def remove_disk(host: Host, tag: Tag) -> str:
    """The volume, then its tags. Raises Conflict when a machine has it."""
    name = tag.rest.split(".", 2)[2]
    handle = handle_of(host, tag.pool, name)
    answer = "it was gone"
    if handle is not None:
        ours = [volume.path for _, volume in data_volumes(host, tag.migration)]
        if (holder := holders(host, among=ours).get(handle.path())) is not None:
            raise Conflict(f"Volume {name} is used by {plain(holder)}.",
                           f"Detach it from {plain(holder)}.")  # fmt: skip
        answer = remove(handle)
    sealed = tags(host, "sealed", migration=tag.migration)
    take_off(host, [one for one in sealed if one.rest == name])
    take_off(host, [tag])
    return answer
