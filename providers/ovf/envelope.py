"""What an OVF descriptor says, of any version from 1.0 on, in one shape.

Sources: DSP0243 1.1.0 and 2.1.1 (sections 7 to 9). Nothing is decided here
that concerns a machine; what cannot be read is refused by name.
"""

from dataclasses import dataclass, field
from xml.etree.ElementTree import Element

from coldferry.errors import BadInput, NotMovable
from providers.ovf.elements import attribute, child, children, name_of, namespace, parse, text_of
from providers.ovf.hardware import Item, items_of
from providers.ovf.units import unit_bytes

_VERSION_0_9 = "http://www.vmware.com/schema/ovf"
OURS = "urn:coldferry:1"
"""The namespace of what OVF has no words for: one element, the description's JSON."""

_KNOWN = {
    "Info", "Name", "OperatingSystemSection", "VirtualHardwareSection", "ProductSection",
    "AnnotationSection", "EulaSection", "DeploymentOptionSection", "ResourceAllocationSection",
    "StartupSection", "InstallSection", "References", "DiskSection", "NetworkSection", "Strings",
    "VirtualSystem", "VirtualSystemCollection", "EnvironmentFilesSection", "PlacementSection",
    "PlacementGroupSection", "BootDeviceSection", "SharedDiskSection", "ScaleOutSection",
    "EncryptionSection", "Machine",
}  # fmt: skip
"""Sections that are understood, or that say nothing about one machine's hardware."""

_SILENT = _KNOWN - {"ProductSection", "EulaSection"}
_MOST_SYSTEMS, _MOST_DEPTH, _MOST_SECTIONS = 64, 8, 500


@dataclass(frozen=True)
class File:
    """A row of References; ``size_bytes`` as it claims, None where it does not."""

    id: str
    href: str
    size_bytes: int | None
    compression: str
    chunk_bytes: int | None


@dataclass(frozen=True)
class VirtualDisk:
    """A row of DiskSection. ``capacity`` is a number or ``${property}``, in ``unit_bytes``."""

    id: str
    file_id: str
    capacity: str
    unit_bytes: int
    format: str
    parent: str


@dataclass(frozen=True)
class Configuration:
    """A size that whoever deploys may choose."""

    id: str
    default: bool


@dataclass(frozen=True)
class System:
    """One virtual system; ``extension`` is the text of our own section, if any."""

    id: str
    name: str
    os_id: str
    os_type: str
    os_text: str
    hardware_type: str
    items: tuple[Item, ...]
    settings: dict[str, str] = field(default_factory=dict)
    properties: dict[str, dict[str, str]] = field(default_factory=dict)
    """Values by key, and by configuration; "" is that of none."""
    unknown_sections: tuple[str, ...] = ()
    licence_text: bool = False
    extension: str = ""


@dataclass(frozen=True)
class Envelope:
    """The whole descriptor."""

    files: dict[str, File]
    disks: dict[str, VirtualDisk]
    configurations: tuple[Configuration, ...]
    systems: tuple[System, ...]


def read_envelope(text: bytes, name: str) -> Envelope:
    """Read a descriptor. Raises BadInput for one that is faulty, NotMovable for one unsupported."""
    root = parse(text, name)
    if namespace(root).startswith(_VERSION_0_9) or _typed_sections(root):
        raise NotMovable(
            f"{name} is written in OVF 0.9, a draft of 2007 that is not read.",
            "Convert it with VMware's ovftool: it writes OVF 1.x.",
        )
    if name_of(root) != "Envelope":
        raise BadInput(f"{name} is no OVF: its root is {name_of(root)!r}, not Envelope.")
    if any(name_of(one) == "EncryptionSection" for one in root):
        raise NotMovable(
            f"{name} has encrypted files, which are not read.", "Export it without encryption."
        )
    systems = tuple(_system(one, outer, name) for one, outer in _systems(root, name))
    if not systems:
        raise BadInput(f"{name} describes no virtual system.")
    ids = [one.id for one in systems]
    if len(set(ids)) != len(ids):
        raise BadInput(f"{name} has two virtual systems of one id.", "Export them anew.")
    return Envelope(_files(root, name), _disks(root, name), _configurations(root), systems)


def _typed_sections(root: Element) -> bool:
    """OVF 0.9 has ``<Section xsi:type=…>``, which no later version has."""
    return any(name_of(one) in {"Section", "Content"} for one in root)


def _systems(root: Element, name: str) -> list[tuple[Element, list[Element]]]:
    """Each virtual system with the sections around it that concern it, inner ones first."""
    found: list[tuple[Element, list[Element]]] = []
    waiting: list[tuple[Element, list[Element], int]] = [(root, [], 0)]
    while waiting:  # not by recursion: a stranger says how deep it goes
        inside, outer, depth = waiting.pop()
        own = [one for one in inside if name_of(one) not in _SILENT]
        found += [(one, [*own, *outer]) for one in children(inside, "VirtualSystem")]
        nested = list(children(inside, "VirtualSystemCollection"))
        if (
            depth > _MOST_DEPTH
            or len(own) > _MOST_SECTIONS
            or len(found) + len(nested) > _MOST_SYSTEMS
        ):
            raise NotMovable(
                f"{name} has more than {_MOST_SYSTEMS} virtual systems, collections more than "
                f"{_MOST_DEPTH} deep, or more than {_MOST_SECTIONS} sections around them: that is "
                "not read.",
                "Export the machines by themselves.",
            )
        waiting += [(one, [*own, *outer], depth + 1) for one in reversed(nested)]
    return found


def _files(root: Element, name: str) -> dict[str, File]:
    found = dict[str, File]()
    for section in children(root, "References"):
        for row in children(section, "File"):
            file = File(
                id=attribute(row, "id") or "",
                href=attribute(row, "href") or "",
                size_bytes=_number(row, "size", name),
                compression=(attribute(row, "compression") or "").lower(),
                chunk_bytes=_number(row, "chunkSize", name),
            )
            if file.id in found:
                raise BadInput(f"{name} has two files of the id {file.id!r}.")
            found[file.id] = file
    return found


def _disks(root: Element, name: str) -> dict[str, VirtualDisk]:
    found = dict[str, VirtualDisk]()
    for section in children(root, "DiskSection"):
        for row in children(section, "Disk"):
            spelled = attribute(row, "capacityAllocationUnits") or "byte"
            id_ = attribute(row, "diskId") or ""
            if id_ in found:
                raise BadInput(f"{name} has two disks of the id {id_!r}.")
            try:
                unit = unit_bytes(spelled)
            except ValueError:
                raise BadInput(
                    f"{name} gives the size of {id_!r} in {spelled!r}, which is no unit of bytes."
                ) from None
            found[id_] = VirtualDisk(
                id=id_,
                file_id=attribute(row, "fileRef") or "",
                capacity=attribute(row, "capacity") or "",
                unit_bytes=unit,
                format=attribute(row, "format") or "",
                parent=attribute(row, "parentRef") or "",
            )
    return found


def _configurations(root: Element) -> tuple[Configuration, ...]:
    return tuple(
        Configuration(
            attribute(row, "id") or "", (attribute(row, "default") or "") in ("true", "1")
        )
        for section in children(root, "DeploymentOptionSection")
        for row in children(section, "Configuration")
    )


def _system(element: Element, outer: list[Element], name: str) -> System:
    hardware = child(element, "VirtualHardwareSection")
    system = child(element, "OperatingSystemSection")
    if hardware is None:
        raise BadInput(f"{name} has a virtual system without hardware: there is nothing to move.")
    id_ = attribute(element, "id") or ""
    described = child(hardware, "System")
    sections = [*element, *outer]
    return System(
        id=id_,
        name=text_of(element, "Name") or id_,
        os_id=(attribute(system, "id") or "") if system is not None else "",
        os_type=(attribute(system, "osType") or "") if system is not None else "",
        os_text=text_of(system, "Description") if system is not None else "",
        hardware_type=text_of(described, "VirtualSystemType") if described is not None else "",
        items=items_of(hardware, name),
        settings=_settings(hardware) | _settings_of_others(element),
        properties=_properties(sections),
        unknown_sections=tuple(
            name_of(one)
            for one in sections
            if name_of(one) not in _KNOWN and attribute(one, "required") not in ("false", "0")
        ),
        licence_text=any(name_of(one) == "EulaSection" for one in sections),
        extension=_extension(element),
    )


def _settings(hardware: Element) -> dict[str, str]:
    """VMware's own settings of the hardware (``vmw:Config``), as firmware."""
    return {
        attribute(one, "key") or "": attribute(one, "value") or ""
        for one in children(hardware, "Config", "ExtraConfig")
    }


def _settings_of_others(element: Element) -> dict[str, str]:
    """VirtualBox's ``<Firmware type="EFI">``, in the section of its own that it writes."""
    for section in children(element, "Machine"):
        if "virtualbox" in namespace(section).lower():
            for one in section.iter():
                if name_of(one) == "Firmware" and (said := attribute(one, "type")):
                    return {"firmware": "efi" if said.lower().startswith("efi") else said.lower()}
    return {}


def _properties(sections: list[Element]) -> dict[str, dict[str, str]]:
    """Of product sections, inner ones first; by key, and by ``class.key.instance``."""
    found = dict[str, dict[str, str]]()
    for section in (one for one in sections if name_of(one) == "ProductSection"):
        class_, instance = attribute(section, "class") or "", attribute(section, "instance") or ""
        for row in children(section, "Property"):
            key = attribute(row, "key") or ""
            values = {"": said} if (said := attribute(row, "value")) is not None else {}
            for one in children(row, "Value"):
                values[attribute(one, "configuration") or ""] = attribute(one, "value") or ""
            full = ".".join(part for part in (class_, key, instance) if part)
            for spelled in {key, full}:
                found.setdefault(spelled, values)
    return found


def _extension(element: Element) -> str:
    """The JSON of our own section, wherever it stands in the system; no text of its children."""
    for section in element.iter(f"{{{OURS}}}Machine"):
        return "".join([section.text or "", *(one.tail or "" for one in section)]).strip()
    return ""


def _number(row: Element, named: str, name: str) -> int | None:
    said = attribute(row, named)
    if said is None or said == "":
        return None
    if not (said.isascii() and said.isdigit() and len(said) < 20):
        raise BadInput(f"{name} gives the {named} of a file as {said[:40]!r}, which is no number.")
    return int(said)
