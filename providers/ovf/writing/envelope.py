"""The descriptor of a package: OVF 1.1, as VMware, virt-v2v, cot and EC2 read it.

Sources: DMTF DSP0243 1.1.0; DSP8023 (the schema); virt-v2v's ``input/parse_ovf_from_ova.ml``
(memory is taken as MiB whatever its unit says; firmware is ``bios`` or ``efi``); VMware's importers
(family ``vmx-NN``, every disk with its controller as ``Parent``).
"""

import json
import xml.etree.ElementTree as ET
from collections.abc import Sequence
from dataclasses import dataclass

from coldferry.machine import Machine
from providers.ovf.catalogue import HARDWARE, PROFILES, Profile
from providers.ovf.writing.hardware import Items, add
from providers.ovf.writing.names import COLDFERRY, OVF, SPACES, VMW, VSSD, xml_text

STREAM = "http://www.vmware.com/interfaces/specifications/vmdk.html#streamOptimized"

DESCRIBED = PROFILES["lsi-sas"]
"""The hardware of a described machine whose own words name none of ours."""

_SYSTEMS = {"linux": (101, "Linux 64-Bit", "otherLinux64Guest"),
            "windows": (102, "Microsoft Windows 64-Bit", "otherGuest64")}  # fmt: skip
_OTHER = (102, "Other 64-Bit", "otherGuest64")
"""CIM_OperatingSystem.OsType: a family is known, and no version."""


@dataclass(frozen=True)
class DiskFile:
    """A disk's file in the package; ``populated_bytes`` is how much of it is not zero."""

    name: str
    size_bytes: int
    populated_bytes: int


def envelope(machine: Machine, files: Sequence[DiskFile] = ()) -> bytes:
    """The text of the descriptor; ``files`` in the order of the machine's disks.

    Without files its disks are empty ones of their size, as the standard has it: a
    description, and nothing to deploy.
    """
    for prefix, space in SPACES.items():
        ET.register_namespace(prefix, space)
    profile = PROFILES.get(machine.instance_type, DESCRIBED)
    top = ET.Element(f"{{{OVF}}}Envelope")
    references = add(top, OVF, "References")
    for number, file in enumerate(files):
        add(references, OVF, "File", attributes={
            "id": f"file{number}", "href": file.name, "size": str(file.size_bytes)})  # fmt: skip
    _disks(top, machine, files)
    networks = list(dict.fromkeys(xml_text(nic.subnet_id) for nic in machine.nics))
    if networks:
        section = add(top, OVF, "NetworkSection")
        add(section, OVF, "Info", "The networks of the package")
        for name in networks:
            network = add(section, OVF, "Network", attributes={"name": name})
            add(network, OVF, "Description", f"The network {name}")
    _system(top, machine, profile)
    ET.indent(top)
    text: bytes = ET.tostring(top, encoding="UTF-8", xml_declaration=True)
    return text + b"\n"


def _disks(top: ET.Element, machine: Machine, files: Sequence[DiskFile]) -> None:
    section = add(top, OVF, "DiskSection")
    add(section, OVF, "Info", "The disks of the package")
    for number, disk in enumerate(machine.disks):
        told = {
            "diskId": f"vmdisk{number}",
            "capacity": str(disk.size_bytes),
            "capacityAllocationUnits": "byte",
        }
        if files:
            told |= {
                "fileRef": f"file{number}",
                "format": STREAM,
                "populatedSize": str(files[number].populated_bytes),
            }
        add(section, OVF, "Disk", attributes=told)


def _system(top: ET.Element, machine: Machine, profile: Profile) -> None:
    name = xml_text(machine.name)
    system = add(top, OVF, "VirtualSystem", attributes={"id": name})
    add(system, OVF, "Info", "A virtual machine")
    add(system, OVF, "Name", name)
    number, words, vmware = _SYSTEMS.get(machine.os_family, _OTHER)
    section = add(system, OVF, "OperatingSystemSection", attributes={"id": str(number)})
    section.set(f"{{{VMW}}}osType", vmware)
    add(section, OVF, "Info", "The kind of installed guest operating system")
    add(section, OVF, "Description", words)
    _hardware(system, machine, profile, name)
    notes = add(system, OVF, "AnnotationSection")
    add(notes, OVF, "Info", "Who wrote this package")
    add(notes, OVF, "Annotation", "Written by Coldferry. Its own section below holds what the "
        "rest of the descriptor cannot say; it may be removed.")  # fmt: skip
    # JSON is ASCII here: XML could not hold each character that a name can.
    described = add(notes, COLDFERRY, "Machine", json.dumps(machine.model_dump(mode="json")))
    described.set(f"{{{OVF}}}required", "false")


def _hardware(system: ET.Element, machine: Machine, profile: Profile, name: str) -> None:
    section = add(system, OVF, "VirtualHardwareSection")
    add(section, OVF, "Info", "Virtual hardware requirements")
    about = add(section, OVF, "System")
    for word, value in (
        ("ElementName", "Virtual Hardware Family"),
        ("InstanceID", "0"),
        ("VirtualSystemIdentifier", name),
        ("VirtualSystemType", HARDWARE),
    ):
        add(about, VSSD, word, value)
    items = Items(section)
    items.processors(machine.vcpus)
    items.memory(machine.memory_bytes)
    items.disks(profile, len(machine.disks))
    for nic in machine.nics:
        items.interface(profile, xml_text(nic.subnet_id), nic.mac)
    _config(section, "firmware", "efi" if machine.firmware == "uefi" else "bios")
    if machine.secure_boot is True:
        _config(section, "bootOptions.efiSecureBootEnabled", "true")


def _config(section: ET.Element, key: str, value: str) -> None:
    config = add(section, VMW, "Config")
    config.set(f"{{{OVF}}}required", "false")
    config.set(f"{{{VMW}}}key", key)
    config.set(f"{{{VMW}}}value", value)
