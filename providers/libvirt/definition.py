"""The XML of a new machine, from an approved plan.

Page: "Domain XML format" (libvirt.org). Each interface's link is down until cutover: that lets
nothing through at all, on every kind of interface and for unprivileged daemons too, where a filter
needs a privileged one and lets ARP and the guest's own DHCP be thought of. It is an interface's own
property, so nothing beside the machine has to be made or removed.
"""

import hashlib
import xml.etree.ElementTree as ET
from collections.abc import Sequence
from typing import Any

from coldferry.offered import origin_mark
from coldferry.plan import Plan
from coldferry.ports import VerifiedDisk
from providers.libvirt.catalogue import USER
from providers.libvirt.made import machine_uuid
from providers.libvirt.rules_storage import bus_of
from providers.libvirt.words import LABELS_NS, MADE_NS

_ARCHITECTURES = {"x86_64": "x86_64", "arm64": "aarch64"}
_WINDOWS_NICS = {"pc": "e1000", "q35": "e1000e"}


def definition(
    plan: Plan, disks: Sequence[VerifiedDisk], console: str, proven: str, *, kvm: bool
) -> str:
    """The document; ``console`` is the path of the file that it writes its serial line to."""
    windows = plan.value("os_family") == "windows"
    root = ET.Element("domain", type="kvm" if kvm else "qemu")
    _text(root, "name", plan.value("name"))
    _text(root, "uuid", machine_uuid(plan.migration))
    tags = _tags(plan)
    for key in ("title", "description"):
        if tags.get(key):
            _text(root, key, tags.pop(key))
    _metadata(root, plan, tags, proven)
    _text(root, "memory", plan.value("memory_bytes"), unit="b")
    _text(root, "vcpu", plan.value("vcpus"))
    _firmware(root, plan)
    # A CPU that the host can give under either accelerator, whatever it is called.
    ET.SubElement(root, "cpu", mode="host-model" if kvm else "maximum")
    ET.SubElement(root, "clock", offset="localtime" if windows else "utc")
    devices = ET.SubElement(root, "devices")
    for disk in disks:
        _disk(devices, plan, disk)
    if any(bus_of(plan.value(f"disks[{disk.device.index}].device")) == "scsi" for disk in disks):
        ET.SubElement(devices, "controller", type="scsi", model="virtio-scsi")
    for index in range(len(plan.machine.nics)):
        _nic(devices, plan, index, windows=windows)
    ET.SubElement(ET.SubElement(devices, "serial", type="file"), "source", path=console)
    channel = ET.SubElement(devices, "channel", type="unix")
    ET.SubElement(channel, "target", type="virtio", name="org.qemu.guest_agent.0")
    return ET.tostring(root, encoding="unicode")


def macs(plan: Plan) -> list[str]:
    """The addresses of its interfaces: what the plan says, else made up from the migration."""
    found = []
    for index in range(len(plan.machine.nics)):
        drawn = hashlib.sha256(plan.object_name(f"nic{index}").encode()).hexdigest()
        made_up = f"52:54:00:{drawn[:2]}:{drawn[2:4]}:{drawn[4:6]}"
        found.append(str(plan.value(f"nics[{index}].mac") or made_up).lower())
    return found


def _text(parent: ET.Element, tag: str, text: Any, **attributes: str) -> ET.Element:
    made = ET.SubElement(parent, tag, attributes)
    made.text = str(text)
    return made


def _tags(plan: Plan) -> dict[str, str]:
    pairs = (
        (plan.value(f"tags[{index}].key"), plan.value(f"tags[{index}].value"))
        for index in range(len(plan.machine.tags))
    )
    return {str(key): str(value or "") for key, value in pairs if key is not None}


def _metadata(root: ET.Element, plan: Plan, tags: dict[str, str], proven: str) -> None:
    metadata = ET.SubElement(root, "metadata")
    ET.SubElement(
        metadata, f"{{{MADE_NS}}}made",
        migration=plan.migration, origin=origin_mark(plan.machine), proven=proven,
        macs=" ".join(macs(plan)),
    )  # fmt: skip
    if tags:
        labels = ET.SubElement(metadata, f"{{{LABELS_NS}}}labels")
        for key, value in tags.items():
            ET.SubElement(labels, f"{{{LABELS_NS}}}label", key=key, value=value)


def _firmware(root: ET.Element, plan: Plan) -> None:
    uefi = plan.value("firmware") == "uefi"
    os = ET.SubElement(root, "os", {"firmware": "efi"} if uefi else {})
    arch = _ARCHITECTURES[plan.value("architecture")]
    _text(os, "type", "hvm", arch=arch, machine=plan.value("instance_type"))
    if uefi:
        firmware = ET.SubElement(os, "firmware")
        ET.SubElement(firmware, "feature", enabled="no", name="secure-boot")
    features = ET.SubElement(root, "features")
    ET.SubElement(features, "acpi")
    if arch == "x86_64":
        ET.SubElement(features, "apic")


def _disk(devices: ET.Element, plan: Plan, disk: VerifiedDisk) -> None:
    said = str(plan.value(f"disks[{disk.device.index}].device"))
    made = ET.SubElement(devices, "disk", type="file", device="disk")
    ET.SubElement(made, "driver", name="qemu", type="raw", discard="unmap")
    ET.SubElement(made, "source", file=disk.ref)
    ET.SubElement(made, "target", dev=said.partition(" ")[0], bus=bus_of(said))
    if disk.device.disk.root:
        ET.SubElement(made, "boot", order="1")


def _nic(devices: ET.Element, plan: Plan, index: int, *, windows: bool) -> None:
    network = str(plan.value(f"nics[{index}].subnet_id"))
    made = ET.SubElement(devices, "interface", type="user" if network == USER else "network")
    ET.SubElement(made, "mac", address=macs(plan)[index])
    if network != USER:
        ET.SubElement(made, "source", network=network)
    model = _WINDOWS_NICS.get(plan.value("instance_type"), "virtio") if windows else "virtio"
    ET.SubElement(made, "model", type=model)
    ET.SubElement(made, "link", state="down")
