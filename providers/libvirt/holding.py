"""Which machine or image uses which volume.

Machines that run without a definition count, and so does what was plugged into one that runs. A
volume is also used by whatever rests on it: a linked clone of a template reads its blocks from it
for as long as it lives. A path is compared as it is written, but for ``..`` and the like: links in
it are the host's alone.

Page: "Domain XML format" (backing store), "Storage pool and volume XML format" (libvirt.org).
"""

import posixpath
import xml.etree.ElementTree as ET
from collections.abc import Collection, Iterator
from contextlib import suppress
from typing import Any

from coldferry.errors import Conflict, Gone
from providers.libvirt.connection import Host, library, speaking
from providers.libvirt.power import domain
from providers.libvirt.tags import is_trial
from providers.libvirt.volumes import every, handle_of, look
from providers.libvirt.xml_text import parse


def attached(host: Host, name: str) -> list[str]:
    """The paths of a machine's disks, by its persistent definition."""
    with speaking("read the definition of", name):
        text = domain(host, name).XMLDesc(library().VIR_DOMAIN_XML_INACTIVE)
    sources = parse(text).findall("devices/disk/source")
    return [path for path in (_path(host, one) for one in sources) if path]


def holders(
    host: Host, but: str | None = None, among: Collection[str] = (), *, below: bool = True
) -> dict[str, str]:
    """Which machine, or else which image, uses the volume at a path.

    ``but`` for one machine and its disks, and for the images ``among`` which one is asked for:
    what those rest on goes with them. Without ``below`` only machines' own disks count. A trial of
    ours is no holder: it is ended before what it rests on is removed.
    """
    with speaking("list the machines of", host.scope):
        machines = {str(one.name()): one for one in host.connection().listAllDomains(0)}
    held, own = dict[str, str](), set(among)
    for name, handle in sorted(machines.items()):
        for document in _documents(handle):
            found = list(_strangers(host, document, below=below))
            if name == but:
                own.update(found)
            else:
                held.update(dict.fromkeys(found, name))
    for volume in every(host) if below else ():
        under = posixpath.normpath(volume.below)
        if volume.backed and not is_trial(volume.name) and volume.path not in {*own, under}:
            held.setdefault(under, held.get(volume.path, volume.path))
    return held


def _documents(handle: Any) -> Iterator[ET.Element]:
    """As it runs, and as it is started next; nothing of one that is gone by now."""
    lib = library()
    try:
        texts = [handle.XMLDesc(lib.VIR_DOMAIN_XML_INACTIVE)]
        if handle.isActive():
            texts.append(handle.XMLDesc(0))
    except lib.libvirtError as error:
        if error.get_error_code() == lib.VIR_ERR_NO_DOMAIN:
            return
        with speaking("read the definition of", handle.name()):
            raise
    yield from map(parse, texts)


def _strangers(host: Host, document: ET.Element, *, below: bool) -> Iterator[str]:
    """Paths of a machine that may be anybody's: what is in no active pool is no volume of ours."""
    for disk in document.findall("devices/disk"):
        direct = disk.findall("source")
        trial = any(is_trial(posixpath.basename(one.get("file", ""))) for one in direct)
        # With what is below come backing stores, and what a block job writes to.
        for source in disk.iter("source") if below and not trial else direct:
            with suppress(Conflict, Gone):
                if path := _path(host, source):
                    yield path


def _path(host: Host, source: ET.Element) -> str:
    """Where it is; "" for what is no file. Raises Gone or Conflict where its pool cannot tell."""
    path = source.get("file") or source.get("dev") or ""
    if source.get("volume"):
        handle = handle_of(host, source.get("pool", ""), source.get("volume", ""))
        path = look(handle).path if handle is not None else ""
    return posixpath.normpath(path) if path else ""
