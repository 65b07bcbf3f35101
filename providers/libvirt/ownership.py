"""What here bears a migration's name, as a fresh look found it; and its end."""

import posixpath
import xml.etree.ElementTree as ET
from collections.abc import Iterator
from typing import Any

from coldferry.erasing import erased
from coldferry.errors import Conflict, Finding
from coldferry.plain import plain
from coldferry.ports import FROZEN, Erased, Owned, Tagged
from providers.libvirt.arrivals import DENIED, group_of, interfaces
from providers.libvirt.connection import Host, library, speaking
from providers.libvirt.disks import looks_ours, remove_disk
from providers.libvirt.freezing import frozen_volumes
from providers.libvirt.holding import attached
from providers.libvirt.keeping import kept
from providers.libvirt.made import consoles, data_volumes, images, made, made_element, redefine
from providers.libvirt.marks import persistent
from providers.libvirt.power import state_of
from providers.libvirt.tags import Tag, tags, take_off
from providers.libvirt.unmovable import refusal
from providers.libvirt.volumes import Volume, handle_of, pools, remove
from providers.libvirt.words import MADE_NS
from providers.libvirt.xml_text import parse, quoted

CONSOLE = "console"
DISK = "disk"
MACHINE = "machine"


def owned(host: Host, migration: str | None = None) -> list[Owned]:
    """Frozen disks, new machines with their disks and consoles, and kept copies."""
    found = [Owned(t.migration, FROZEN, v.path) for t, v in frozen_volumes(host, migration)]
    found += [Owned(t.migration, DISK, v.path) for t, v in data_volumes(host, migration)]
    found += [Owned(t.migration, DISK, v.path) for t, v in images(host, migration)]
    found += [Owned(t.migration, CONSOLE, v.path) for t, v in consoles(host, migration)]
    found += [Owned(of, MACHINE, str(handle.name())) for of, handle in _machines(host, migration)]
    return found + kept(host, migration)


def _machines(host: Host, migration: str | None) -> Iterator[tuple[str, Any]]:
    for handle in persistent(host):
        element = made_element(handle)
        of = "" if element is None else element.get("migration", "")
        if of and migration in (None, of):
            yield of, handle


def tagged(host: Host) -> Iterator[Tagged]:
    """The same, with sizes and power; what lies on one's own host has no price."""
    volumes = [*frozen_volumes(host), *data_volumes(host), *images(host), *consoles(host)]
    sizes = {volume.path: volume.capacity_bytes for _, volume in volumes}
    powers = {str(handle.name()): state_of(handle) for _, handle in _machines(host, None)}
    for one in owned(host):
        power = powers.get(one.id) if one.kind == MACHINE else None
        kind = "VM" if one.kind == MACHINE else one.kind
        yield Tagged(one.migration, kind, one.id, size_bytes=sizes.get(one.id), power=power)


def temporary(host: Host, migration: str) -> list[Owned]:
    """The console's file: afterwards the machine has a console of the usual kind."""
    return [Owned(migration, CONSOLE, volume.path) for _, volume in consoles(host, migration)]


def at_hand_over(host: Host, migration: str) -> list[Finding]:
    """Interfaces whose links are still down."""
    found = made(host, migration)
    if found is None:
        return []
    name = str(found[0].name())
    return [
        refusal("denied", name, f"An interface of {name} has its link down.",
                f"Cut it over first, or: virsh domif-setlink {quoted(name)} MAC up --config")
        for nic in interfaces(*found)
        if group_of(nic) == DENIED
    ]  # fmt: skip


def hand_over(host: Host, migration: str) -> list[Erased]:
    """The console's file goes, then the tags of its disks, then the machine's own.

    A crash in between is gone on from: the machine's own mark is the last to go.
    """
    for one in at_hand_over(host, migration):
        raise Conflict(one.what, one.do)
    found = made(host, migration)
    if found is None:
        return []
    _change(host, found[0], _usual_console)
    gone = _erase(host, CONSOLE, consoles(host, migration))
    take_off(host, list(tags(host, "disk", "sealed", migration=migration)))
    _change(host, found[0], _unmark)
    return gone


def discard(host: Host, migration: str) -> list[Erased]:
    """The machine, its console and its disks; kept copies and what is not ours stay."""
    gone = []
    lib = library()
    for _, handle in list(_machines(host, migration)):
        name = str(handle.name())
        _refuse_out_of_sight(host, name)
        with speaking("undefine the machine", name):
            if handle.isActive():
                handle.destroy()
            handle.undefineFlags(
                lib.VIR_DOMAIN_UNDEFINE_MANAGED_SAVE
                | lib.VIR_DOMAIN_UNDEFINE_NVRAM
                | lib.VIR_DOMAIN_UNDEFINE_SNAPSHOTS_METADATA
                | lib.VIR_DOMAIN_UNDEFINE_CHECKPOINTS_METADATA
            )
        one = Owned(migration, MACHINE, name)
        gone.append(erased(one, "virDomainUndefineFlags", "undefined"))
    gone += _erase(host, CONSOLE, consoles(host, migration))
    gone += _erase(host, DISK, images(host, migration))
    for tag, volume in data_volumes(host, migration):
        answer = remove_disk(host, tag)
        gone.append(erased(Owned(migration, DISK, volume.path), "virStorageVolDelete", answer))
    # Of a disk whose making a crash forestalled only the tag is there.
    take_off(host, list(tags(host, "disk", "sealed", migration=migration)))
    return gone


def _refuse_out_of_sight(host: Host, name: str) -> None:
    """A disk of ours in a pool that is stopped would be left, and nothing would tell of it."""
    folders = {posixpath.normpath(pool.path) for pool in pools(host)}
    for path in attached(host, name):
        folder, _, file = path.rpartition("/")
        if looks_ours(file) and folder not in folders:
            raise Conflict(
                f"{plain(path)}, a disk of {plain(name)}, is in no active pool: it would be left.",
                "Start its pool, then run the same command again.",
            )


def _erase(host: Host, kind: str, found: list[tuple[Tag, Volume]]) -> list[Erased]:
    """Volumes that bear the tag in their own names."""
    gone = []
    for tag, volume in found:
        handle = handle_of(host, tag.pool, tag.name)
        answer = remove(handle) if handle is not None else "it was gone"
        one = Owned(tag.migration, kind, volume.path)
        gone.append(erased(one, "virStorageVolDelete", answer))
    return gone


def _change(host: Host, handle: Any, change: Any) -> None:
    """Change the persistent definition, with the secrets that somebody may have put into it."""
    lib = library()
    with speaking("read the definition of", handle.name()):
        flags = lib.VIR_DOMAIN_XML_INACTIVE | lib.VIR_DOMAIN_XML_SECURE
        document = parse(handle.XMLDesc(flags))
    if change(document):
        redefine(host, document)


def _usual_console(document: ET.Element) -> bool:
    """A serial line of type pty instead of our file; whether there was one."""
    changed = False
    for one in [*document.findall("devices/serial"), *document.findall("devices/console")]:
        source = one.find("source")
        if one.get("type") == "file" and source is not None and _ours(source.get("path", "")):
            one.set("type", "pty")
            one.remove(source)
            changed = True
    return changed


def _ours(path: str) -> bool:
    name = path.rpartition("/")[2]
    return name.startswith("coldferry.") and ".console." in name


def _unmark(document: ET.Element) -> bool:
    metadata = document.find("metadata")
    found = None if metadata is None else metadata.find(f"{{{MADE_NS}}}made")
    if metadata is None or found is None:
        return False
    metadata.remove(found)
    return True
