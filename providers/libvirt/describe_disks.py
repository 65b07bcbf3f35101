"""The disks of a domain: which are carried, where their bytes are, and how large they are.

Page: "Domain XML format", hard drives, floppy disks, CD-ROMs (libvirt.org). Nothing is probed: what
a disk's content looks like says nothing of what it is.
"""

import xml.etree.ElementTree as ET
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from coldferry.errors import BadInput
from coldferry.machine import UNKNOWN, Disk, EphemeralDisk, RootImage, Unknown
from coldferry.plain import plain
from providers.libvirt.words import SIZES_NS
from providers.libvirt.xml_text import attribute, refuse, text_at, whole

MAX_DISK_BYTES = 1 << 60
"""QEMU's own end is at 2^63; no disk is near either."""


@dataclass(frozen=True)
class Source:
    """One disk of a domain, as its XML has it.

    ``kind`` is the disk's type (``file``, ``block``, ``volume``, ``network`` or another word;
    ``lun`` for a whole SCSI device), ``place`` its path, ``POOL/VOLUME`` or ``protocol:name``,
    ``format`` what the XML names, "" where it names none. ``order`` is its place in the boot
    order, None where it has none.
    """

    kind: str
    place: str
    format: str
    target: str
    bus: str
    order: int | None
    shared: bool
    transient: bool
    encrypted: bool
    backed: bool
    iops: int | None

    @property
    def device(self) -> str:
        """``vda (virtio)``."""
        return f"{self.target} ({self.bus})" if self.bus else self.target


def disks_of(domain: ET.Element) -> list[Source]:
    """Its hard disks, in the document's order; CD-ROMs and floppy disks are left out.

    Raises BadInput for two of one target: by that everything else is told of them.
    """
    found = [_source(one) for one in domain.findall("devices/disk") if is_disk(one)]
    targets = [one.target for one in found]
    for target in targets:
        if targets.count(target) > 1:
            refuse(f"The XML has two disks of the target {plain(target, 40)}.")
    return found


def is_disk(element: ET.Element) -> bool:
    """A hard disk: libvirt's default where no device is named."""
    return element.get("device", "disk") in ("disk", "lun")


def _source(element: ET.Element) -> Source:
    kind = element.get("type", "file")
    target = attribute(element, "target", "dev")
    if not target:
        refuse("A disk of the XML has no target device.")
    iops = text_at(element, "iotune/total_iops_sec")
    order = attribute(element, "boot", "order")
    return Source(
        kind="lun" if element.get("device") == "lun" else kind,
        place=place_of(element, kind),
        format=attribute(element, "driver", "type"),
        target=target,
        bus=attribute(element, "target", "bus"),
        order=whole(order, f"The boot order of {plain(target, 40)}") if order else None,
        shared=element.find("shareable") is not None,
        transient=element.find("transient") is not None,
        encrypted=any(element.find(at) is not None for at in ("encryption", "source/encryption")),
        backed=element.find("backingStore/source") is not None,
        iops=(whole(iops, f"The IOPS of {plain(target, 40)}") or None) if iops else None,
    )


def place_of(element: ET.Element, kind: str) -> str:
    """Where its bytes are, in one word; "" where the XML does not say."""
    source = element.find("source")
    if source is None:
        return ""
    if kind == "volume":
        return f"{source.get('pool', '')}/{source.get('volume', '')}"
    if kind == "network":
        return f"{source.get('protocol', '')}:{source.get('name', '')}"
    return source.get({"file": "file", "block": "dev", "dir": "dir"}.get(kind, "path"), "")


def root_of(domain: ET.Element, disks: Sequence[Source]) -> Source | None:
    """The disk that it boots from: by the devices' order, else the first that the BIOS sees."""
    ordered = [disk for disk in disks if disk.order is not None]
    if ordered:
        return min(ordered, key=lambda disk: disk.order or 0)
    devices = [boot.get("dev") for boot in domain.findall("os/boot")]
    return disks[0] if disks and (not devices or "hd" in devices) else None


def sizes_in(domain: ET.Element) -> dict[str, int]:
    """What the document says of its disks' sizes in our own element, by target."""
    return {
        one.get("target", ""): whole(
            one.get("bytes", ""), f"The size of {plain(one.get('target', ''), 40)}"
        )
        for one in domain.findall(f"metadata/{{{SIZES_NS}}}disks/{{{SIZES_NS}}}disk")
    }


def described(
    disks: Sequence[Source], root: Source | None, sizes: Mapping[str, int]
) -> tuple[tuple[Disk, ...], tuple[EphemeralDisk, ...], RootImage | None]:
    """Persistent disks, root first; those that forget what was written; the root's image.

    Raises BadInput where nobody says how large a disk is.
    """
    lasting = sorted((d for d in disks if not d.transient), key=lambda disk: disk is not root)
    forgetful = tuple(
        EphemeralDisk(device=disk.device, size_bytes=sizes.get(disk.target, UNKNOWN))
        for disk in disks
        if disk.transient and disk is not root
    )
    image = RootImage(image=root.place or UNKNOWN) if root and root.transient else None
    return tuple(_disk(disk, disk is root, sizes) for disk in lasting), forgetful, image


def _disk(source: Source, root: bool, sizes: Mapping[str, int]) -> Disk:
    if not 0 < sizes.get(source.target, 0) <= MAX_DISK_BYTES:
        target = plain(source.target, 40)
        raise BadInput(
            f"The XML does not say how large {target} is, and its volume cannot be asked.",
            f'Write into its <metadata>: <c:disks xmlns:c="{SIZES_NS}"><c:disk target="{target}" '
            'bytes="…"/></c:disks>.',
        )
    iops: int | Unknown = source.iops or UNKNOWN
    return Disk(
        id=source.place or source.target,
        device=source.device,
        root=root,
        size_bytes=sizes[source.target],
        kind=f"{source.format or 'unknown'} {source.kind}",
        iops=iops,
        throughput_bytes_s=UNKNOWN,
        encrypted=True if source.encrypted else UNKNOWN,
        key_id=None,
        shared=source.shared,
        deleted_with_machine=False,
    )
