"""A throwaway copy of the new machine: started with its links down, listened to, and removed.

Its disks are qcow2 images over the machine's volumes, whose formats are named: nothing is copied,
nothing is written to what was proven, and what the guest writes goes with the images. The machine
is defined and not merely created, since libvirt removes a machine's UEFI variables with its
definition only.

Pages: "Storage pool and volume XML format" (backing store), "Domain XML format" (serial port,
link state), ``virDomainUndefineFlags`` (libvirt.org).
"""

import xml.etree.ElementTree as ET
from collections.abc import Mapping

from coldferry.boot_check import trial_of
from coldferry.errors import Conflict, Refused
from coldferry.plan import Plan
from coldferry.ports import Erased, PowerState
from providers.libvirt import ownership
from providers.libvirt.connection import Host, library, speaking
from providers.libvirt.describe_disks import is_disk
from providers.libvirt.made import data_volumes, machine_uuid, made
from providers.libvirt.power import domain, state_of
from providers.libvirt.streams import tail
from providers.libvirt.tags import tag_name
from providers.libvirt.unmovable import FORMATS
from providers.libvirt.volumes import Volume, at, make, make_over
from providers.libvirt.words import MADE_NS
from providers.libvirt.xml_text import attribute, parse

_LARGEST_BYTES = 4 << 20
"""Of a longer console the end is read."""

_KEPT = frozenset({
    "name", "memory", "currentMemory", "maxMemory", "vcpu", "vcpus", "iothreads", "iothreadids",
    "os", "features", "cpu", "clock", "pm", "on_poweroff", "on_reboot", "on_crash", "devices",
})  # fmt: skip
"""What says how the guest's computer is built. Whatever else there is may reach its host or a
network: QEMU's own arguments (``<qemu:commandline>``) could name the proven volumes themselves."""

_KEPT_DEVICES = frozenset({"emulator", "disk", "controller", "interface", "memballoon", "rng"})
"""Nothing by which somebody reaches the guest, or it the host: a screen, a share, a device."""


_RANDOM = frozenset({"random", "builtin"})
"""Sources of random numbers on the host; others are sockets, which lead anywhere."""

_LINKED = frozenset({"bridge", "network", "user"})
"""Interfaces whose links can be down; one of the host's own, passed through, is left out."""


def start(host: Host, plan: Plan) -> str:
    """See ``Trying.start_trial``."""
    end(host, plan.migration)
    document = _stopped(host, plan)
    trial = plan.model_copy(update={"migration": trial_of(plan.migration)})
    devices = document.find("devices")
    if devices is None:
        raise Refused(f"The machine that {plan.migration} made has no devices.")
    for one in list(document):
        if one.tag not in _KEPT and not _names_hardware(one):
            document.remove(one)
    for one in list(devices):
        if not _is_kept(one):
            devices.remove(one)
    sizes = _sizes(host, plan)
    over = [_put_over(host, trial, disk, sizes) for disk in devices.findall("disk")]
    if not over:
        raise Refused(f"The machine that {plan.migration} made has no disk to start from.")
    for nic in devices.findall("interface"):
        if nic.get("type") in _LINKED:
            _take_down(nic)
        else:
            devices.remove(nic)
    name = trial.object_name("vm")
    file = make(host, over[0].pool, tag_name(trial.migration, "console", "vm.log"), 0)
    ET.SubElement(ET.SubElement(devices, "serial", type="file"), "source", path=file.path)
    _name(document, name, trial.migration)
    _have_it_speak(document)
    with speaking("start the machine", name):
        lib, text = library(), ET.tostring(document, encoding="unicode")
        host.connection().defineXMLFlags(text, lib.VIR_DOMAIN_DEFINE_VALIDATE).create()
    return name


def _names_hardware(one: ET.Element) -> bool:
    """What its firmware tells the guest of itself; of other types it hands files of the host on."""
    return one.tag == "sysinfo" and one.get("type", "smbios") == "smbios"


def _is_kept(device: ET.Element) -> bool:
    if device.tag == "disk":
        return is_disk(device)
    if device.tag == "rng":
        return attribute(device, "backend", "model") in _RANDOM
    return device.tag in _KEPT_DEVICES


def console(host: Host, trial_id: str) -> str:
    """See ``Trying.trial_console``; what was said stays once the guest is off."""
    handle = domain(host, trial_id)
    with speaking("read the definition of", trial_id):
        document = parse(handle.XMLDesc(library().VIR_DOMAIN_XML_INACTIVE))
    path = attribute(document, "devices/serial[@type='file']/source", "path")
    return tail(host, path, _LARGEST_BYTES).decode(errors="replace")


def end(host: Host, migration: str) -> list[Erased]:
    """See ``Trying.end_trial``."""
    return ownership.discard(host, trial_of(migration))


def _stopped(host: Host, plan: Plan) -> ET.Element:
    """The machine's own definition, without the passwords that somebody may have put into it."""
    found = made(host, plan.migration)
    if found is None:
        raise Conflict(f"The machine that {plan.migration} made is not at {host.scope}.")
    handle, name = found[0], str(found[0].name())
    if (power := state_of(handle)) is not PowerState.STOPPED:
        raise Conflict(f"{name} is {power}: a copy is made once it is stopped.")
    with speaking("read the definition of", name):
        return parse(handle.XMLDesc(library().VIR_DOMAIN_XML_INACTIVE))


def _sizes(host: Host, plan: Plan) -> dict[str, int]:
    """Bytes of each new disk, by its path, as the plan has them."""
    indices = {device.name: device.index for device in plan.devices}
    return {
        volume.path: int(plan.value(f"disks[{indices[tag.rest.split('.')[0]]}].size_bytes"))
        for tag, volume in data_volumes(host, plan.migration)
    }


def _put_over(host: Host, trial: Plan, disk: ET.Element, sizes: Mapping[str, int]) -> Volume:
    """Make an image over the disk's volume, and have the machine use that."""
    target, path = attribute(disk, "target", "dev"), attribute(disk, "source", "file")
    driver, source = disk.find("driver"), disk.find("source")
    if driver is None or source is None or not path or driver.get("type") not in FORMATS:
        raise Refused(f"Disk {target} of the new machine is no volume that an image can be over.")
    under = at(host, path)
    name = tag_name(trial.migration, "trial", target)
    size_bytes = sizes.get(under.path, under.capacity_bytes)
    over = make_over(host, under, str(driver.get("type")), name, size_bytes)
    driver.set("type", "qcow2")
    source.set("file", over.path)
    for backing in disk.findall("backingStore"):
        disk.remove(backing)
    return over


def _take_down(nic: ET.Element) -> None:
    for link in nic.findall("link"):
        nic.remove(link)
    ET.SubElement(nic, "link", state="down")


def _name(document: ET.Element, name: str, migration: str) -> None:
    """Name, UUID and mark of its own; nothing of whose machine it is a copy of."""
    for tag in ("name", "uuid", "title", "description", "metadata", "seclabel"):
        for found in document.findall(tag):
            document.remove(found)
    ET.SubElement(document, "name").text = name
    ET.SubElement(document, "uuid").text = machine_uuid(migration)
    mark = ET.SubElement(ET.SubElement(document, "metadata"), f"{{{MADE_NS}}}made")
    mark.set("migration", migration)


def _have_it_speak(document: ET.Element) -> None:
    """A BIOS on its serial line, too; UEFI is, with variables that libvirt makes anew."""
    os = document.find("os")
    if os is None:
        return
    for tag in ("nvram", "bios"):
        for found in os.findall(tag):
            os.remove(found)
    if os.get("firmware") != "efi" and attribute(os, "type", "arch") == "x86_64":
        ET.SubElement(os, "bios", useserial="yes")
