"""A domain as the host has it: its XML, its volumes, its networks, and what stands against it."""

import xml.etree.ElementTree as ET
from collections.abc import Iterator
from ipaddress import ip_network
from typing import Any

from coldferry.errors import Finding, in_order
from coldferry.machine import Machine
from coldferry.plain import plain
from providers.libvirt import describe as described
from providers.libvirt.backing_up import backs_up, whose
from providers.libvirt.connection import Host, library, speaking
from providers.libvirt.describe import Around, Network
from providers.libvirt.describe_disks import Source, disks_of
from providers.libvirt.holding import holders
from providers.libvirt.power import domain
from providers.libvirt.qcow2 import HEADER_BYTES, rests_on_another
from providers.libvirt.streams import VolumeReader
from providers.libvirt.unmovable import FORMATS, findings_of, refusal
from providers.libvirt.volumes import LUKS_DO, Volume, handle_at, handle_of, look
from providers.libvirt.xml_text import parse, quoted


def definition(host: Host, vm: str) -> ET.Element:
    """Its persistent definition, without the passwords that it may hold."""
    with speaking("read the definition of", vm):
        return parse(domain(host, vm).XMLDesc(library().VIR_DOMAIN_XML_INACTIVE))


def describe(host: Host, vm: str) -> Machine:
    """The description as of now. Raises UnknownMachine."""
    return survey(host, vm)[0]


def survey(host: Host, vm: str) -> tuple[Machine, list[Finding]]:
    """The description, and what stands against moving it."""
    handle, document = domain(host, vm), definition(host, vm)
    around = Around(sizes=_sizes(host, handle, document), networks=networks(host))
    machine = described.describe(document, host.scope, around)
    return machine, in_order(
        [*findings_of(document), *_state(host, handle), *_storage(host, vm, document)]
    )


def volume_of(host: Host, vm: str) -> Iterator[tuple[Source, Any]]:
    """Each lasting disk with libvirt's object of its volume; those that are no volume are left."""
    for source in disks_of(definition(host, vm)):
        handle = None if source.transient else _volume(host, source)
        if handle is not None:
            yield source, handle


def look_at(host: Host, vm: str) -> tuple[ET.Element, list[tuple[Source, Volume]]]:
    """Its definition, and its volumes as they are now."""
    return definition(host, vm), [(source, look(one)) for source, one in volume_of(host, vm)]


def _volume(host: Host, source: Source) -> Any | None:
    if source.kind == "volume":
        pool, _, name = source.place.partition("/")
        with speaking("find the volume", source.place):
            return handle_of(host, pool, name)
    return handle_at(host, source.place) if source.kind == "file" and source.place else None


def _sizes(host: Host, handle: Any, document: ET.Element) -> dict[str, int]:
    sizes = {}
    for source in disks_of(document):
        volume = _volume(host, source)
        if volume is not None:
            seen = look(volume)
            whole = source.format == "raw" and seen.luks  # the header is the guest's, too
            sizes[source.target] = seen.physical_bytes if whole else seen.capacity_bytes
            continue
        try:
            sizes[source.target] = int(handle.blockInfo(source.target, 0)[0])
        except library().libvirtError:
            continue  # the description says that nobody knows
    return sizes


def networks(host: Host) -> dict[str, Network]:
    """The active networks by name, with their ranges, reservations and leases."""
    lib = library()
    found = {}
    with speaking("list the networks of", host.scope):
        for one in host.connection().listAllNetworks(lib.VIR_CONNECT_LIST_NETWORKS_ACTIVE):
            document = parse(one.XMLDesc(0), "network")
            try:
                leases = one.DHCPLeases()
            except lib.libvirtError:
                leases = []  # a network of somebody else's bridge has none
            found[str(one.name())] = Network(
                cidrs=tuple(_cidrs(document)),
                reserved={
                    host_.get("mac", "").lower(): host_.get("ip", "")
                    for host_ in document.findall("ip/dhcp/host")
                },
                leased={str(lease["mac"]).lower(): str(lease["ipaddr"]) for lease in leases},
            )
    return found


def _cidrs(document: ET.Element) -> Iterator[str]:
    for ip in document.findall("ip"):
        mask = ip.get("prefix") or ip.get("netmask") or "24"
        try:
            yield str(ip_network(f"{ip.get('address')}/{mask}", strict=False))
        except ValueError:
            continue


def _state(host: Host, handle: Any) -> Iterator[Finding]:
    lib, name = library(), plain(handle.name())
    with speaking("look at the machine", name):
        if not handle.isPersistent():
            yield refusal("transient", name, f"{name} is gone once it is stopped.",
                          f"Define it first: virsh dumpxml {quoted(name)} | virsh define "
                          "/dev/stdin")  # fmt: skip
            return
        if handle.hasManagedSaveImage(0):
            yield refusal("saved", name, f"{name} was saved with its memory, which is not carried.",
                          f"Start it and shut it down, or give the memory up with: virsh "
                          f"managedsave-remove {quoted(name)}")  # fmt: skip
        if handle.snapshotNum(0) or handle.listAllCheckpoints(0):
            yield refusal("snapshots", name, f"{name} has snapshots or checkpoints of libvirt.",
                          "Delete them: they would be lost, and they hold its disks.")  # fmt: skip
        if handle.state(0)[0] in (lib.VIR_DOMAIN_PAUSED, lib.VIR_DOMAIN_PMSUSPENDED,
                                  lib.VIR_DOMAIN_CRASHED):  # fmt: skip
            yield refusal("paused", name, f"{name} is paused, suspended or crashed.",
                          "Resume it, or shut it down.")  # fmt: skip
        if handle.autostart():
            yield Finding("warn", "autostart", name,
                          f"{name} starts with its host, also after it was moved.",
                          f"See: virsh autostart --disable {quoted(name)}")  # fmt: skip
        if handle.isActive():
            yield from _jobs(handle)
            if not backs_up(host):
                yield Finding("inform", "copied-after-halt", name,
                              f"{name} is copied after its halt only: its host's libvirt or QEMU "
                              "makes no backup of a machine that runs.",
                              "Later ones do (QEMU 4.2 is the first).")  # fmt: skip


def _jobs(handle: Any) -> Iterator[Finding]:
    """But for a backup of ours, which whoever freezes the machine waits for or ends."""
    name = plain(handle.name())
    if whose(handle):
        return
    for source in disks_of(parse(handle.XMLDesc(0))):
        if handle.blockJobInfo(source.target, 0):
            yield refusal("block-job", name,
                          f"A block job is at work on disk {plain(source.target, 40)} of {name}.",
                          "Wait for its end, or abort it.")  # fmt: skip


def _storage(host: Host, vm: str, document: ET.Element) -> Iterator[Finding]:
    """Whether each disk is a volume that can be copied, of the format that the XML names."""
    others = holders(host, but=vm, below=False)  # a template may be copied
    for source in disks_of(document):
        subject = plain(source.target, 40)
        if source.transient or source.format not in FORMATS or source.kind == "lun":
            continue
        handle = _volume(host, source)
        if handle is None:
            yield refusal(
                "no-volume", subject,
                f"Disk {subject} of {plain(vm)} is in no active pool of folders: "
                "nobody could tell whether it was written since it was frozen.",
                "Define and start a pool (dir, fs or netfs) on its folder.",
            )  # fmt: skip
        elif (volume := look(handle)).format != source.format:
            yield refusal(
                "format-differs", subject,
                f"The machine takes disk {subject} for {source.format}, its pool for "
                f"{volume.format or 'nothing known'}.",
                "See which is right: a guest can make a raw disk look like anything.",
            )  # fmt: skip
        elif volume.luks:
            yield refusal("disk-encrypted", subject,
                          f"Disk {subject} of {plain(vm)} begins as an encrypted disk does (LUKS): "
                          "its pool copies it only with a key.", LUKS_DO)  # fmt: skip
        elif volume.backed or elsewhere(host, volume):
            yield refusal("disk-chain", subject, f"Disk {subject} rests on another image.",
                          "Merge it first ('virsh blockpull').")  # fmt: skip
        elif holder := others.get(volume.path):
            yield refusal("disk-held", subject,
                          f"Disk {subject} of {vm} is a disk of {plain(holder)}, too.",
                          "Detach it from one of them: the other could write to it.")  # fmt: skip


def elsewhere(host: Host, volume: Volume) -> bool:
    """Some of its bytes are in another file, whatever its pool knows of that."""
    if volume.format != "qcow2":
        return False
    reader = VolumeReader(host, volume.path)
    header = bytearray(HEADER_BYTES)
    reader.read_into(0, memoryview(header))
    return rests_on_another(bytes(header))
