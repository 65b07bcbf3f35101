"""The new machine from its arrival on: what its interfaces are behind, and what it is put behind.

``link-down`` is our deny-all. ``link-up`` is a link that is up and guarded by no filter; a filter's
name is a link that is up behind it. Pages: "Domain XML format" (network interfaces, link state),
"Network Filters", ``virDomainUpdateDeviceFlags`` (libvirt.org).
"""

import xml.etree.ElementTree as ET
from collections.abc import Sequence
from typing import Any

from coldferry.errors import BadInput, Gone
from coldferry.plain import plain
from coldferry.ports import Arrived
from providers.libvirt.connection import Host, library, speaking
from providers.libvirt.live import networks
from providers.libvirt.made import made
from providers.libvirt.power import state_of
from providers.libvirt.xml_text import attribute, parse

DENIED = "link-down"
OPEN = "link-up"


def arrived(host: Host, migration: str) -> Arrived | None:
    """The migration's own machine as of now."""
    found = made(host, migration)
    if found is None:
        return None
    handle, element = found
    nics = interfaces(handle, element)
    macs = [_mac(one) for one in nics]
    return Arrived(
        vm=str(handle.name()),
        power=state_of(handle),
        interfaces=tuple(macs),
        groups=tuple(group_of(one) for one in nics),
        offered=_offered(host),
        address=_address(host, macs[0]) if macs else "",
    )


def open_up(host: Host, migration: str, groups: Sequence[str]) -> None:
    """Put each interface behind its group, now and for its next start."""
    found = made(host, migration)
    if found is None:
        raise Gone(f"The machine that {migration} made is gone.", "See whether it was removed.")
    offered = _offered(host)
    if wrong := [one for one in groups if one and one not in offered]:
        raise BadInput(f"There is no group {plain(wrong[0])} here.",
                       f"Say one of {', '.join(offered)}.")  # fmt: skip
    handle, element = found
    lib = library()
    flags = lib.VIR_DOMAIN_AFFECT_CONFIG
    if handle.isActive():
        flags |= lib.VIR_DOMAIN_AFFECT_LIVE
    for nic, group in zip(interfaces(handle, element), groups, strict=True):
        if group_of(nic) != group:
            _put_behind(nic, group)
            with speaking("change an interface of", handle.name()):
                handle.updateDeviceFlags(ET.tostring(nic, encoding="unicode"), flags)


def interfaces(handle: Any, made_element: ET.Element) -> list[ET.Element]:
    """Those that the migration made, in its order; others are not ours to change."""
    with speaking("read the definition of", handle.name()):
        document = parse(handle.XMLDesc(library().VIR_DOMAIN_XML_INACTIVE))
    by_mac = {_mac(one): one for one in document.findall("devices/interface")}
    return [by_mac[mac] for mac in made_element.get("macs", "").split() if mac in by_mac]


def group_of(nic: ET.Element) -> str:
    """What it is behind; "" for a link of which nothing is said."""
    if attribute(nic, "link", "state") == "down":
        return DENIED
    if guard := attribute(nic, "filterref", "filter"):
        return guard
    return OPEN if attribute(nic, "link", "state") == "up" else ""


def _put_behind(nic: ET.Element, group: str) -> None:
    for tag in ("link", "filterref"):
        for one in nic.findall(tag):
            nic.remove(one)
    if group:
        ET.SubElement(nic, "link", state="up")
    if group not in ("", OPEN):
        ET.SubElement(nic, "filterref", filter=group)


def _offered(host: Host) -> tuple[str, ...]:
    with speaking("list the filters of", host.scope):
        filters = sorted(str(one.name()) for one in host.connection().listAllNWFilters(0))
    return (OPEN, *filters)


def _address(host: Host, mac: str) -> str:
    """What a network of the host leased to it, "" where none tells."""
    return next((found.leased[mac] for found in networks(host).values() if mac in found.leased), "")


def _mac(nic: ET.Element) -> str:
    return attribute(nic, "mac", "address").lower()
