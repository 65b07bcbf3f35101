"""Whether KVM runs a guest here: told by running one, never by a device file or a capability.

Measured: hosts whose /dev/kvm opens, and whose capabilities name it, whose guests abort or hang.
"""

import contextlib
import time
from typing import Any
from xml.sax.saxutils import quoteattr

from coldferry.errors import ColdferryError
from providers.libvirt.connection import Host, library, speaking
from providers.libvirt.streams import VolumeWriter
from providers.libvirt.tags import tag_name
from providers.libvirt.volumes import handle_of, make, remove
from providers.libvirt.xml_text import parse

_WITHIN_S = 8.0
_PAUSE_S = 0.2

_OFF = bytes.fromhex("ba0406b80020efebfe").ljust(510, b"\0") + b"\x55\xaa"
"""A boot sector that switches its machine off: 2000h to the PIIX4's PM1_CNT at port 604h."""

_known: dict[str, bool] = {}


def accelerated(host: Host, architecture: str, pool: str) -> bool:
    """KVM is offered for the architecture, and a guest came up and went off under it."""
    if architecture != "x86_64" or not _offered(host):
        return False
    if host.scope not in _known:
        _known[host.scope] = boots(host, pool, "kvm", "host-model")
    return _known[host.scope]


def boots(host: Host, pool: str, kind: str, cpu: str) -> bool:
    """A machine of one sector, gone once it is off, switches itself off in time."""
    name = tag_name("probe", "disk", kind)
    handle: Any = None
    try:
        volume = make(host, pool, name, 1 << 20)
        VolumeWriter(host, volume, sealed=False).write(0, memoryview(_OFF))
        with speaking("try a machine at", host.scope):
            xml = _XML.format(kind=kind, cpu=cpu, name=name, file=quoteattr(volume.path))
            handle = host.connection().createXML(xml, 0)
        return _goes_off(handle)
    except ColdferryError:
        return False
    finally:
        _clear(host, pool, name, handle)


_XML = """<domain type='{kind}'><name>{name}</name><memory unit='MiB'>32</memory><vcpu>1</vcpu>
<os><type arch='x86_64' machine='pc'>hvm</type></os><features><acpi/></features><cpu mode='{cpu}'/>
<devices><disk type='file' device='disk'><driver name='qemu' type='raw'/><source file={file}/>
<target dev='vda' bus='virtio'/></disk></devices></domain>"""


def _goes_off(handle: Any) -> bool:
    """A transient machine that went off is not there any more."""
    deadline = time.monotonic() + _WITHIN_S
    while time.monotonic() < deadline:
        try:
            if not handle.isActive():
                return True
        except library().libvirtError:
            return True
        time.sleep(_PAUSE_S)
    return False


def _clear(host: Host, pool: str, name: str, handle: Any) -> None:
    if handle is not None:
        with contextlib.suppress(library().libvirtError):
            handle.destroy()
    left = handle_of(host, pool, name)
    if left is not None:
        remove(left)


def _offered(host: Host) -> bool:
    with speaking("ask what is offered by", host.scope):
        said = parse(host.connection().getCapabilities(), "capabilities")
    kinds = said.findall("guest/arch[@name='x86_64']/domain")
    return any(one.get("type") == "kvm" for one in kinds)
