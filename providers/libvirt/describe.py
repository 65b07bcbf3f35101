"""A domain's XML in the neutral description's words; pure, and without libvirt.

Page: "Domain XML format" (libvirt.org). What the host knows beside it (sizes of volumes, the
networks' ranges) comes as an argument. Passwords and keys that a document may hold (graphics,
encryption, authentication, start-up data) are never looked at.
"""

import re
import xml.etree.ElementTree as ET
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from coldferry.machine import (
    UNKNOWN,
    Architecture,
    Dns,
    Firmware,
    Licence,
    Machine,
    NetworkFilesystem,
    Nic,
    Origin,
    SecurityGroup,
    Tag,
    Unknown,
)
from coldferry.migration import TAG_PREFIX
from providers.libvirt.describe_disks import described, disks_of, root_of, sizes_in
from providers.libvirt.words import LABELS_NS, OSINFO_NS
from providers.libvirt.xml_text import attribute, refuse, scaled, text_at, whole

_ARCHITECTURES: dict[str, Architecture] = {"x86_64": "x86_64", "aarch64": "arm64"}
_MIB = 1 << 20


@dataclass(frozen=True)
class Network:
    """What the host says of a network: its ranges, and addresses that it gives by MAC."""

    cidrs: tuple[str, ...] = ()
    reserved: Mapping[str, str] = field(default_factory=dict)
    leased: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Around:
    """What the host knows and the domain's XML does not: sizes by target, networks by name."""

    sizes: Mapping[str, int] = field(default_factory=dict)
    networks: Mapping[str, Network] = field(default_factory=dict)


def describe(domain: ET.Element, scope: str, around: Around) -> Machine:
    """The description. Raises BadInput in a sentence for what is no usable domain."""
    name = text_at(domain, "name")
    if not name:
        refuse("The XML has no name of a machine.")
    vcpus, memory_bytes = _vcpus(domain), _memory_bytes(domain)
    found = disks_of(domain)
    disks, forgetful, image = described(
        found, root_of(domain, found), {**sizes_in(domain), **around.sizes}
    )
    family = _os_family(domain)
    firmware = firmware_of(domain)
    return Machine(
        origin=Origin(provider="libvirt", scope=scope, id=name),
        name=name,
        hostname=UNKNOWN,
        instance_type=f"{machine_family(domain)}/{vcpus}x{memory_bytes // _MIB}",
        vcpus=vcpus,
        memory_bytes=memory_bytes,
        accelerators=UNKNOWN if domain.find("devices/hostdev") is not None else 0,
        burstable=False,
        bare_metal=False,
        architecture=_ARCHITECTURES.get(attribute(domain, "os/type", "arch"), UNKNOWN),
        firmware=firmware,
        secure_boot=_secure_boot(domain, firmware),
        tpm=_tpm(domain),
        os_family=family,
        zone="host",
        tenancy="default",
        dns=Dns(),
        nics=tuple(_nics(domain, around.networks)),
        disks=disks,
        ephemeral_disks=forgetful,
        root_image=image,
        network_filesystems=tuple(_shares(domain)),
        tags=tuple(_tags(domain)),
        licence=Licence(platform=UNKNOWN),
    )


def machine_family(domain: ET.Element) -> str:
    """``pc``, ``q35``, ``virt``: the canonical name (``pc-i440fx-7.2``) without its version.

    libvirt writes out the newest version that a host has; another host may not have it.
    """
    said = attribute(domain, "os/type", "machine")
    if re.match(r"(pc-)?q35", said):
        return "q35"
    return re.split(r"-\d|-i440fx|-rhel", said)[0] or "unknown"


def firmware_of(domain: ET.Element) -> Firmware | Unknown:
    """By the word, by the loader, or by what a PC without any has."""
    said = attribute(domain, "os", "firmware")
    if said:
        words: dict[str, Firmware] = {"efi": "uefi", "bios": "bios"}
        return words.get(said, UNKNOWN)
    loader = domain.find("os/loader")
    if loader is not None:
        return "uefi" if loader.get("type") == "pflash" else UNKNOWN
    plain_pc = attribute(domain, "os/type", "arch") in ("x86_64", "i686")
    return "bios" if plain_pc and domain.find("os/kernel") is None else UNKNOWN


def _vcpus(domain: ET.Element) -> int:
    """Those that it has, of those that could be plugged in."""
    said = attribute(domain, "vcpu", "current") or text_at(domain, "vcpu", "1")
    count = whole(said, "The number of vCPUs")
    return count or refuse("The machine has no vCPU.")


def _memory_bytes(domain: ET.Element) -> int:
    """What it was given; a balloon may hold some of it back, and a later boot has it all."""
    unit = attribute(domain, "memory", "unit") or "KiB"
    size_bytes = scaled(text_at(domain, "memory"), unit, "The memory")
    return size_bytes or refuse("The machine has no memory.")


def _secure_boot(domain: ET.Element, firmware: str) -> bool | Unknown:
    if firmware == "bios":
        return False
    for feature in domain.findall("os/firmware/feature"):
        if feature.get("name") == "secure-boot":
            return feature.get("enabled") == "yes"
    loader = domain.find("os/loader")
    # Of a firmware that libvirt chose the inactive XML of older releases names no loader.
    return UNKNOWN if loader is None else loader.get("secure") == "yes"


def _tpm(domain: ET.Element) -> str | None | Unknown:
    backend = domain.find("devices/tpm/backend")
    return None if backend is None else backend.get("version") or UNKNOWN


def _os_family(domain: ET.Element) -> Literal["linux", "windows"] | Unknown:
    said = attribute(domain, f"metadata/{{{OSINFO_NS}}}libosinfo/{{{OSINFO_NS}}}os", "id")
    if said.startswith("http://microsoft.com/"):
        return "windows"
    # Short ids of other vendors are of systems that are no Linux, too (BSD, Solaris, Haiku).
    linux = ("alma", "alpine", "amazon", "arch", "centos", "cirros", "debian", "fedora", "gentoo",
             "linux", "mageia", "nixos", "opensuse", "oracle", "redhat", "rocky", "suse",
             "ubuntu")  # fmt: skip
    host = re.match(r"https?://(?:www\.)?([a-z]+)", said)
    return "linux" if host and host[1].startswith(linux) and "solaris" not in said else UNKNOWN


def _nics(domain: ET.Element, networks: Mapping[str, Network]) -> list[Nic]:
    return [
        _nic(index, one, networks) for index, one in enumerate(domain.findall("devices/interface"))
    ]


def _nic(index: int, element: ET.Element, networks: Mapping[str, Network]) -> Nic:
    kind = element.get("type", "")
    source = element.find("source")
    name = source.get(kind, source.get("dev", "")) if source is not None else ""
    place = name if kind == "network" else ":".join(filter(None, (kind, name)))
    network = networks.get(name, Network()) if kind == "network" else Network()
    mac = attribute(element, "mac", "address").lower()
    reserved, leased = network.reserved.get(mac), network.leased.get(mac)
    model = attribute(element, "model", "type") or "no model"
    groups = [one.get("filter", "") for one in element.findall("filterref")]
    return Nic(
        id=f"net{index} ({model})",
        device_index=index,
        primary=index == 0,
        mac=mac or UNKNOWN,
        network_id=place or UNKNOWN,
        subnet_id=place or UNKNOWN,
        subnet_cidr=network.cidrs[0] if network.cidrs else UNKNOWN,
        private_address=reserved or leased,
        address_assignment="static" if reserved else "automatic" if leased else UNKNOWN,
        public_address=None,
        public_address_kind=None,
        forwards_packets=UNKNOWN,
        security_groups=tuple(SecurityGroup(id=one, name=one) for one in groups if one),
    )


def _shares(domain: ET.Element) -> list[NetworkFilesystem]:
    """Folders of the host that the guest may mount."""
    return [
        NetworkFilesystem(
            id=attribute(one, "target", "dir") or UNKNOWN,
            kind=attribute(one, "driver", "type") or "9p",
            address=UNKNOWN,
            mounted=UNKNOWN,
        )
        for one in domain.findall("devices/filesystem")
    ]


def _tags(domain: ET.Element) -> list[Tag]:
    said = [(key, text_at(domain, key)) for key in ("title", "description")]
    labels = domain.findall(f"metadata/{{{LABELS_NS}}}labels/{{{LABELS_NS}}}label")
    said += [(one.get("key", ""), one.get("value", "")) for one in labels]
    return [
        Tag(key=key, value=value)
        for key, value in said
        if key and (value or key not in ("title", "description"))
        if not key.startswith(TAG_PREFIX)
    ]
