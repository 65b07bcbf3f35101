"""The items of a virtual hardware section: CPUs, memory, controllers, disks, interfaces.

Sources: DSP0243 section 8 (bounds, configurations), CIM_ResourceAllocationSettingData
(resource types). OVF 2.x spells the same fields in three elements.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum
from xml.etree.ElementTree import Element

from coldferry.errors import BadInput
from providers.ovf.elements import attribute, children, text_of
from providers.ovf.units import MOST_BYTES, unit_bytes


class Kind(IntEnum):
    """CIM's resource types, as far as they say something here."""

    CPU = 3
    MEMORY = 4
    IDE = 5
    SCSI = 6
    ETHERNET = 10
    FLOPPY = 14
    CD = 15
    DVD = 16
    DISK = 17
    SATA = 20
    STORAGE_VOLUME = 31


CONTROLLERS = {Kind.IDE: "ide", Kind.SCSI: "scsi", Kind.SATA: "sata"}
_MOST_ITEMS = 1000
_MOST_CPUS = 1 << 16
_NAMES = frozenset({"Item", "StorageItem", "EthernetPortItem"})
_MAC = re.compile(r"(?:[0-9a-f]{2}[:-]?){5}[0-9a-f]{2}")


@dataclass(frozen=True)
class Item:
    """One row of the hardware, all as text but for its kind.

    ``mode`` is VMware's own word of a disk, as ``independent_nonpersistent`` ("VirtualDiskMode"
    of the vSphere Web Services API); "" where it says none.
    """

    instance: str
    kind: int
    subtype: str
    title: str
    address: str
    on_parent: str
    parent: str
    quantity: str
    units: str
    connection: str
    resource: str
    bound: str
    configurations: tuple[str, ...]
    mode: str

    @property
    def mac(self) -> str | None:
        """``02:00:00:00:00:01``; None where it has none, or something else."""
        said = self.address.lower()
        if not _MAC.fullmatch(said):
            return None
        digits = re.sub("[:-]", "", said)
        return ":".join(digits[at : at + 2] for at in range(0, 12, 2))


def items_of(hardware: Element, name: str) -> tuple[Item, ...]:
    """All of them, in the document's order. Raises BadInput for a kind that is no number."""
    found = tuple(_item(one, name) for one in children(hardware, *_NAMES))
    if len(found) > _MOST_ITEMS:
        raise BadInput(f"{name} has more than {_MOST_ITEMS} hardware items: that is no machine.")
    return found


def chosen(items: Sequence[Item], configuration: str, name: str) -> list[Item]:
    """Those of one configuration ("" for none), one for each instance.

    An item without a configuration is of all; one that has some is of these alone, and goes
    before one that has none. Of bounds the normal one counts, else the largest. Raises BadInput
    for two of one instance between which nothing decides.
    """
    found = dict[str, Item]()
    for number, item in enumerate(items):
        if item.configurations and configuration not in item.configurations:
            continue
        key = f"{item.kind}:{item.instance}" if item.instance else f"#{number}"
        if key not in found or _rank(item) < _rank(found[key]):
            found[key] = item  # the first one's place in the order is kept
        elif _rank(item) == _rank(found[key]):
            raise BadInput(f"{name} has two items of the InstanceID {item.instance[:40]!r}.")
    return list(found.values())


def _rank(item: Item) -> tuple[int, bool]:
    bounds = {"": 0, "normal": 0, "max": 1, "min": 2}
    return bounds.get(item.bound, 3), not item.configurations


def vcpus(items: Sequence[Item], name: str) -> int:
    """The sum over all of them. Raises BadInput for none, or no number."""
    found = [(item, 1) for item in items if item.kind == Kind.CPU]
    return _sum(found, "CPUs", name, _MOST_CPUS)


def memory_bytes(items: Sequence[Item], name: str) -> int:
    """The sum over all of them. Raises BadInput for none, no number or no unit."""
    found = []
    for item in (item for item in items if item.kind == Kind.MEMORY):
        try:
            found.append((item, unit_bytes(item.units)))
        except ValueError:
            raise BadInput(
                f"{name} gives its memory as {item.quantity[:40]!r} in {item.units[:40]!r}, which "
                "is no unit of bytes."
            ) from None
    return _sum(found, "memory", name, MOST_BYTES)


def _sum(found: Sequence[tuple[Item, int]], what: str, name: str, most: int) -> int:
    total = 0
    for item, unit in found:
        said = item.quantity
        if not (said.isascii() and said.isdigit() and len(said) < 20):
            raise BadInput(f"{name} gives its {what} as {said[:40]!r}, which is no number.")
        total += int(said) * unit
    if total > most:
        raise BadInput(f"{name} gives its {what} as {total}: no machine has as many.")
    if not total:
        raise BadInput(f"{name} does not say how much {what} the machine has.")
    return total


def _item(element: Element, name: str) -> Item:
    kind = text_of(element, "ResourceType")
    if not (kind.isascii() and kind.isdigit() and len(kind) < 6):
        raise BadInput(f"{name} has a hardware item of the type {kind[:40]!r}, which is none.")
    return Item(
        instance=text_of(element, "InstanceID") or text_of(element, "InstanceId"),
        kind=int(kind),
        subtype=text_of(element, "ResourceSubType"),
        title=text_of(element, "ElementName") or text_of(element, "Caption"),
        address=text_of(element, "Address"),
        on_parent=text_of(element, "AddressOnParent"),
        parent=text_of(element, "Parent"),
        quantity=text_of(element, "VirtualQuantity"),
        units=text_of(element, "AllocationUnits"),
        connection=text_of(element, "Connection"),
        resource=text_of(element, "HostResource"),
        bound=(attribute(element, "bound") or "").lower(),
        configurations=tuple((attribute(element, "configuration") or "").split()),
        mode=next(
            (
                attribute(one, "value") or ""
                for one in children(element, "Config")
                if attribute(one, "key") == "backing.diskMode"
            ),
            "",
        ).lower(),
    )
