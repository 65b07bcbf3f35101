"""What our element in a domain's metadata says. Page: ``virDomainSetMetadata`` (libvirt.org).

It is written into the persistent definition only, and read from there.
"""

import xml.etree.ElementTree as ET
from collections.abc import Iterator
from typing import Any

from coldferry.migration import Marks
from providers.libvirt.connection import Host, library, speaking
from providers.libvirt.power import domain
from providers.libvirt.words import MARKS_NS


def read_marks(host: Host, vm: str) -> Marks | None:
    """The marks as of now; None without any. Raises UnknownMachine."""
    return _marks_of(domain(host, vm), vm)


def write_marks(host: Host, vm: str, marks: Marks) -> None:
    """Replace the element as a whole. Idempotent."""
    lib = library()
    words = {"attempt": marks.tag(vm)}
    if marks.power_before is not None:
        words["power-before"] = marks.power_before
    text = ET.tostring(ET.Element("marks", words), encoding="unicode")
    with speaking("mark the machine", vm):
        domain(host, vm).setMetadata(
            lib.VIR_DOMAIN_METADATA_ELEMENT, text, "coldferry", MARKS_NS,
            lib.VIR_DOMAIN_AFFECT_CONFIG,
        )  # fmt: skip


def marked_machines(host: Host) -> Iterator[tuple[str, Marks]]:
    """``(name, marks)`` of every persistent machine that bears an attempt's mark."""
    for handle in persistent(host):
        name = handle.name()
        marks = _marks_of(handle, name)
        if marks is not None:  # a mark that a stranger wrote, or a copied one, is none
            yield name, marks


def persistent(host: Host) -> list[Any]:
    """The machines that are more than a running process, by name."""
    flag = library().VIR_CONNECT_LIST_DOMAINS_PERSISTENT
    with speaking("list the machines of", host.scope):
        return sorted(host.connection().listAllDomains(flag), key=lambda one: str(one.name()))


def element(handle: Any, namespace: str) -> ET.Element | None:
    """Our element of that namespace in the persistent definition; None without one."""
    lib = library()
    try:
        text = handle.metadata(
            lib.VIR_DOMAIN_METADATA_ELEMENT, namespace, lib.VIR_DOMAIN_AFFECT_CONFIG
        )
    except lib.libvirtError as error:
        missing = (lib.VIR_ERR_NO_DOMAIN_METADATA, lib.VIR_ERR_NO_DOMAIN)
        if error.get_error_code() in missing:
            return None
        with speaking("read the marks of", handle.name()):
            raise
    return ET.fromstring(text) if len(text) < 65536 else None  # noqa: S314 - libvirt wrote it


def _marks_of(handle: Any, vm: str) -> Marks | None:
    found = element(handle, MARKS_NS)
    if found is None:
        return None
    return Marks.parse(found.get("attempt", ""), found.get("power-before"), vm)
