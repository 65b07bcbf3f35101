"""Which machine has which volume.

Machines that run without a definition count, and so does what was plugged into one that runs. A
path is compared as it is written, but for ``..`` and the like: links in it are the host's alone.
"""

import posixpath
import xml.etree.ElementTree as ET
from collections.abc import Iterator
from typing import Any

from providers.libvirt.connection import Host, library, speaking
from providers.libvirt.power import domain
from providers.libvirt.volumes import handle_of, look
from providers.libvirt.xml_text import parse


def attached(host: Host, name: str) -> list[str]:
    """The paths of a machine's disks, by its persistent definition."""
    with speaking("read the definition of", name):
        text = domain(host, name).XMLDesc(library().VIR_DOMAIN_XML_INACTIVE)
    return list(_paths(host, parse(text)))


def holders(host: Host, but: str | None = None) -> dict[str, str]:
    """Which machine has the volume at a path; ``but`` for one."""
    with speaking("list the machines of", host.scope):
        every = host.connection().listAllDomains(0)
    names = {str(handle.name()): handle for handle in every}
    return {
        path: name
        for name, handle in sorted(names.items())
        if name != but
        for document in _documents(handle)
        for path in _paths(host, document)
    }


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


def _paths(host: Host, document: ET.Element) -> Iterator[str]:
    for source in document.findall("devices/disk/source"):
        path = source.get("file") or source.get("dev") or ""
        if source.get("volume"):
            handle = handle_of(host, source.get("pool", ""), source.get("volume", ""))
            path = look(handle).path if handle is not None else ""
        if path:
            yield posixpath.normpath(path)
