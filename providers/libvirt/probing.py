"""Whether KVM runs a guest here: told by running one, never by a device file or a capability.

Measured: hosts whose /dev/kvm opens, and whose capabilities name it, whose guests abort or hang.
"""

import contextlib
import secrets
import time
from typing import Any
from xml.sax.saxutils import quoteattr

from coldferry.errors import ColdferryError, Conflict, Quota
from providers.libvirt.connection import Host, library, speaking
from providers.libvirt.streams import VolumeWriter
from providers.libvirt.tags import tag_name, tags
from providers.libvirt.volumes import Volume, handle_of, look, make, remove
from providers.libvirt.xml_text import parse

_WITHIN_S = 8.0
_PAUSE_S = 0.2

_OFF = bytes.fromhex("ba0406b80020efebfe").ljust(510, b"\0") + b"\x55\xaa"
"""A boot sector that switches its machine off: 2000h to the PIIX4's PM1_CNT at port 604h."""

_PROBE = "probe"
"""Where other volumes of ours have a migration's name."""

_LEFT_AFTER_S = 120.0
"""A probe takes some seconds: one that is this much older than another was killed."""

_known: dict[str, bool] = {}


def accelerated(host: Host, architecture: str, pool: str) -> bool:
    """KVM is offered for the architecture, and a guest came up and went off under it.

    Where nobody can try it now (a full pool, something else in the way) it is tried again when
    it is asked for next.
    """
    if architecture != "x86_64" or not _offered(host):
        return False
    if host.scope not in _known:
        try:
            _known[host.scope] = boots(host, pool, "kvm", "host-model")
        except (Conflict, Quota):
            return False
    return _known[host.scope]


def boots(host: Host, pool: str, kind: str, cpu: str) -> bool:
    """A machine of one sector, gone once it is off, switches itself off in time.

    Several may be tried at once, each by a name of its own. Raises Conflict or Quota where that
    stands in the way: it says nothing of the accelerator.
    """
    name = tag_name(_PROBE, "disk", f"{kind}-{secrets.token_hex(4)}")
    handle: Any = None
    try:
        volume = make(host, pool, name, 1 << 20)
        with contextlib.suppress(ColdferryError):  # what is left says nothing of the accelerator
            _end_left(host, volume)
        VolumeWriter(host, volume, sealed=False).write(0, memoryview(_OFF))
        with speaking("try a machine at", host.scope):
            xml = _XML.format(kind=kind, cpu=cpu, name=name, file=quoteattr(volume.path))
            handle = host.connection().createXML(xml, 0)
        return _goes_off(handle)
    except (Conflict, Quota):
        raise
    except ColdferryError:
        return False
    finally:
        _clear(host, pool, name, handle)


def _end_left(host: Host, mine: Volume) -> None:
    """Machines and volumes of probes that were killed; both moments are of the host's own clock."""
    for tag in list(tags(host, "disk", migration=_PROBE)):
        left = handle_of(host, tag.pool, tag.name)
        seen = None if left is None else look(left).modified
        if not seen or float(mine.modified or 0) - float(seen) < _LEFT_AFTER_S:
            continue
        _clear(host, tag.pool, tag.name, _running(host, tag.name))


def _running(host: Host, name: str) -> Any | None:
    """The machine of a probe, which has no definition; None without one."""
    lib = library()
    try:
        handle = host.connection().lookupByName(name)
        return None if handle.isPersistent() else handle
    except lib.libvirtError as error:
        if error.get_error_code() == lib.VIR_ERR_NO_DOMAIN:
            return None
        with speaking("look for the machine", name):
            raise


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
