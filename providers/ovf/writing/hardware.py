"""The items of virtual hardware, each with its children in the schema's order.

Source: CIM_ResourceAllocationSettingData (DSP8023): children of ``rasd`` are a sequence in
alphabetical order, and whoever checks the schema refuses any other.
"""

import xml.etree.ElementTree as ET
from collections.abc import Mapping

from coldferry.machine import UNKNOWN
from providers.ovf.catalogue import Profile
from providers.ovf.writing.names import OVF, RASD

MIB = 1 << 20
_PROCESSOR, _MEMORY, _ETHERNET, _DISK = 3, 4, 10, 17


def add(
    parent: ET.Element,
    space: str,
    name: str,
    text: str | None = None,
    attributes: Mapping[str, str] | None = None,
) -> ET.Element:
    """A child in the namespace ``space``; its ``attributes`` are OVF's."""
    child = ET.SubElement(parent, f"{{{space}}}{name}")
    child.text = text
    for key, value in (attributes or {}).items():
        child.set(f"{{{OVF}}}{key}", value)
    return child


class Items:
    """Hardware as it is added to its section; each item has a number of its own."""

    def __init__(self, section: ET.Element) -> None:
        self._section = section
        self._count = 0

    def processors(self, vcpus: int) -> None:
        """Virtual CPUs."""
        self._add(f"{vcpus} virtual CPU(s)", _PROCESSOR, VirtualQuantity=vcpus,
                  AllocationUnits="hertz * 10^6", Description="Number of Virtual CPUs")  # fmt: skip

    def memory(self, size_bytes: int) -> None:
        """In MiB, which is the one unit that all importers take for what it is."""
        mib = -(-size_bytes // MIB)
        self._add(f"{mib} MB of memory", _MEMORY, VirtualQuantity=mib,
                  AllocationUnits="byte * 2^20", Description="Memory Size")  # fmt: skip

    def disks(self, profile: Profile, count: int) -> None:
        """Controllers, as many as are needed, and the disks on them."""
        needed = profile.place(count - 1)[0] + 1 if count else 0
        controllers = [
            self._add(f"Controller {number}", profile.controller, Address=number,
                      ResourceSubType=profile.disks, Description=f"{profile.disks} controller")
            for number in range(needed)
        ]  # fmt: skip
        for number in range(count):
            controller, unit = profile.place(number)
            self._add(f"Hard disk {number + 1}", _DISK, AddressOnParent=unit,
                      HostResource=f"ovf:/disk/vmdisk{number}",
                      Parent=controllers[controller])  # fmt: skip

    def interface(self, profile: Profile, network: str, mac: str) -> None:
        """One that is on ``network``; ``mac`` may be unknown."""
        told = {} if mac == UNKNOWN else {"Address": mac}
        self._add(f"Interface on {network}", _ETHERNET, AutomaticAllocation="true",
                  Connection=network, Description=f"{profile.nics} ethernet adapter",
                  ResourceSubType=profile.nics, **told)  # fmt: skip

    def _add(self, name: str, kind: int, **told: object) -> int:
        self._count += 1
        item = add(self._section, OVF, "Item")
        told |= {"ElementName": name, "InstanceID": self._count, "ResourceType": kind}
        for word in sorted(told):
            add(item, RASD, word, str(told[word]))
        return self._count
