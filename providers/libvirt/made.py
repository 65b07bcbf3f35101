"""The machine that a migration made, told by our element in its metadata, and nothing else."""

import uuid
import xml.etree.ElementTree as ET
from typing import Any

from providers.libvirt.connection import Host, library, speaking
from providers.libvirt.marks import element, persistent
from providers.libvirt.moments import moment
from providers.libvirt.tags import Tag, tags
from providers.libvirt.volumes import Volume, handle_of, look
from providers.libvirt.words import MADE_NS


def machine_uuid(migration: str) -> str:
    """The UUID of the migration's machine: a clone of it has its metadata, and another UUID."""
    return str(uuid.uuid5(uuid.NAMESPACE_URL, f"coldferry:{migration}"))


def made_element(handle: Any) -> ET.Element | None:
    """``migration``, ``origin``, ``proven``, ``macs``; None for a machine that is not ours."""
    found = element(handle, MADE_NS)
    if found is None or handle.UUIDString() != machine_uuid(found.get("migration", "")):
        return None
    return found


def made(host: Host, migration: str) -> tuple[Any, ET.Element] | None:
    """The migration's machine and that element; None when there is none."""
    for handle in persistent(host):
        found = made_element(handle)
        if found is not None and found.get("migration") == migration:
            return handle, found
    return None


def data_volumes(host: Host, migration: str | None = None) -> list[tuple[Tag, Volume]]:
    """The volumes that a migration's tags point to; ``rest`` is ``DEVICE.STATE.NAME``."""
    found = ((tag, handle_of(host, tag.pool, tag.rest.split(".", 2)[2]))
             for tag in tags(host, "disk", migration=migration)
             if tag.rest.count(".") >= 2)  # fmt: skip
    return [(tag, look(handle)) for tag, handle in found if handle is not None]


def consoles(host: Host, migration: str | None = None) -> list[tuple[Tag, Volume]]:
    """The files that new machines write their consoles to."""
    found = ((tag, handle_of(host, tag.pool, tag.name))
             for tag in tags(host, "console", migration=migration))  # fmt: skip
    return [(tag, look(handle)) for tag, handle in found if handle is not None]


def images(host: Host, migration: str | None = None) -> list[tuple[Tag, Volume]]:
    """What the guests of trials write to, in place of the volumes that are below."""
    found = ((tag, handle_of(host, tag.pool, tag.name))
             for tag in tags(host, "trial", migration=migration))  # fmt: skip
    return [(tag, look(handle)) for tag, handle in found if handle is not None]


def moment_of(host: Host, migration: str) -> str:
    """When the machine's disks and its console were last written.

    QEMU empties the console's file at each start, so that a start shows even when the guest
    wrote to no disk.
    """
    volumes = [*data_volumes(host, migration), *consoles(host, migration)]
    return moment(volume for _, volume in volumes)


def redefine(host: Host, document: ET.Element) -> None:
    """Replace a machine's persistent definition by this one, read with its secrets."""
    lib = library()
    with speaking("change the definition of", document.findtext("name", "")):
        text = ET.tostring(document, encoding="unicode")
        host.connection().defineXMLFlags(text, lib.VIR_DOMAIN_DEFINE_VALIDATE)
