"""Reading what the host offers, now.

Pages: "Driver capabilities XML format", "Domain capabilities XML format", "Network XML format"
(libvirt.org).
"""

import xml.etree.ElementTree as ET
from collections.abc import Iterator

from providers.libvirt.catalogue import USER, Catalogue, Here, Kind, Network, Place
from providers.libvirt.connection import Host, library, speaking
from providers.libvirt.live import networks
from providers.libvirt.made import made_element
from providers.libvirt.marks import persistent
from providers.libvirt.volumes import pools
from providers.libvirt.xml_text import attribute, parse

_ARCHITECTURES = {"x86_64": "x86_64", "aarch64": "arm64"}
_FAMILIES = ("pc", "q35", "virt")
_MIB = 1 << 20


def read(host: Host) -> Catalogue:
    """Ask the host for all of it."""
    with speaking("ask what is offered by", host.scope):
        memory_mib = int(host.connection().getInfo()[1])
        capabilities = parse(host.connection().getCapabilities(), "capabilities")
        kinds = tuple(_kinds(host, capabilities))
    return Catalogue(
        host=host.scope,
        memory_bytes=memory_mib * _MIB,
        kinds=kinds,
        pools=tuple(Place(name=p.name, available_bytes=p.available_bytes) for p in pools(host)),
        networks=tuple(_networks(host)),
        machines=tuple(_machines(host)),
        pool=host.access.pool,
    )


def _kinds(host: Host, capabilities: ET.Element) -> Iterator[Kind]:
    for guest in capabilities.findall("guest"):
        arch = attribute(guest, "arch", "name")
        names = {one.text for one in guest.findall("arch/machine")}
        families = tuple(one for one in _FAMILIES if one in names)
        if arch not in _ARCHITECTURES or not families:
            continue
        said = host.connection().getDomainCapabilities(None, arch, None, "qemu", 0)
        can = parse(said, "domainCapabilities")
        words = [one.text for one in can.findall("os/enum[@name='firmware']/value")]
        firmwares = (["bios"] if arch == "x86_64" else []) + (["uefi"] if "efi" in words else [])
        yield Kind(
            architecture=_ARCHITECTURES[arch],
            families=families,
            firmwares=tuple(firmwares),
            max_vcpus=int(attribute(can, "vcpu", "max", "1")),
        )


def _networks(host: Host) -> Iterator[Network]:
    if host.unprivileged:
        yield Network(id=USER, name=USER, network=USER, network_id=USER, cidrs=("10.0.2.0/24",))
    for name, found in sorted(networks(host).items()):
        yield Network(id=name, name=name, network=name, network_id=name, cidrs=found.cidrs)


def _machines(host: Host) -> Iterator[Here]:
    flag = library().VIR_DOMAIN_XML_INACTIVE
    for handle in persistent(host):
        with speaking("read the definition of", handle.name()):
            document = parse(handle.XMLDesc(flag))
        macs = (one.get("address", "") for one in document.findall("devices/interface/mac"))
        made = made_element(handle)
        yield Here(
            name=handle.name(),
            origin="" if made is None else made.get("origin", ""),
            macs=tuple(mac.lower() for mac in macs),
        )
