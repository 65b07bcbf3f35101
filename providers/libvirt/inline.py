"""A machine from a file with a domain's XML, without any hypervisor: ``libvirt-xml:FILE``."""

import os
import stat
from pathlib import Path

from coldferry.errors import BadInput, Finding, in_order
from coldferry.machine import Machine
from coldferry.plain import plain
from providers.libvirt.describe import Around, describe
from providers.libvirt.describe_disks import disks_of
from providers.libvirt.unmovable import findings_of
from providers.libvirt.xml_text import MAX_BYTES, parse

PREFIX = "libvirt-xml:"
_SCOPE = "file"


def describe_file(reference: str) -> tuple[Machine, list[Finding]]:
    """The machine of ``libvirt-xml:FILE`` (the prefix may be left out), and what refuses it.

    A disk's size is taken from the raw file that the XML names, where this machine has it, else
    from our own element in the document's metadata. Raises BadInput for a file that cannot be
    read or is no usable domain.
    """
    path = Path(reference.removeprefix(PREFIX))
    domain = parse(_read(path))
    sizes = {}
    for disk in disks_of(domain):
        if disk.kind == "file" and disk.format == "raw" and (size := _size_bytes(disk.place)):
            sizes[disk.target] = size
    return describe(domain, _SCOPE, Around(sizes=sizes)), in_order(findings_of(domain))


def _read(path: Path) -> bytes:
    """At most a byte more than is parsed: a pipe would never end, so only a file is read."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
        with os.fdopen(descriptor, "rb") as file:
            if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
                raise BadInput(f"{plain(path)} is no file.", "Name a file with a domain's XML.")
            return file.read(MAX_BYTES + 1)
    except OSError as error:
        raise BadInput(
            f"{plain(path)} cannot be read: {error.strerror}.", "Name a file with a domain's XML."
        ) from None


def _size_bytes(place: str) -> int:
    """Of a regular file on this machine; 0 where there is none."""
    try:
        found = Path(place).stat()
    except (OSError, ValueError):
        return 0
    return found.st_size if stat.S_ISREG(found.st_mode) else 0
