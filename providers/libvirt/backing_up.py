"""The backup job by which a daemon writes a running machine's disks out as of one moment.

Pages: ``virDomainBackupBegin``, ``virDomainBackupGetXMLDesc``, ``virDomainAbortJob``, "Checkpoint
and Backup XML format" (libvirt.org). Mode ``push``: the daemon's own QEMU writes the files, so that
a remote host needs no other way in, and the job goes on, and ends, without whoever began it. A
machine has one backup at a time. ``VIR_DOMAIN_BACKUP_BEGIN_REUSE_EXTERNAL`` with a qcow2 file was
seen to end libvirtd 9.0 itself: it is never given.
"""

import time
import xml.etree.ElementTree as ET
from collections.abc import Mapping
from pathlib import PurePosixPath
from typing import Any

from coldferry.errors import Conflict, Transient
from coldferry.plain import plain
from providers.libvirt.connection import Host, library, speaking
from providers.libvirt.tags import migration_of
from providers.libvirt.xml_text import attribute, parse

_WITHIN_S = 24 * 3600.0
_PAUSE_S = 0.1
_SLOW_PAUSE_S = 2.0


def backs_up(host: Host) -> bool:
    """Whether this daemon and its QEMU can; its own word ("Domain capabilities", features)."""
    lib = library()
    try:
        said = host.connection().getDomainCapabilities()
    except lib.libvirtError:
        return False
    capabilities = parse(said, "domainCapabilities")
    return attribute(capabilities, "features/backup", "supported") == "yes"


def run(host: Host, handle: Any, files: Mapping[str, str]) -> None:
    """Write each disk, by its target, to a new qcow2 file; all of one moment, which is the start.

    Waits for a backup of somebody else. Raises Conflict where the machine stops meanwhile,
    Transient where the job fails.
    """
    lib, name = library(), str(handle.name())
    wait_for_others(handle)
    with speaking("copy the disks of", name):
        text = _wanted(parse(handle.XMLDesc(0)), files)
        handle.jobStats(lib.VIR_DOMAIN_JOB_STATS_COMPLETED)  # an earlier job's end is forgotten
        handle.backupBegin(text, None, 0)
    until = time.monotonic() + _WITHIN_S
    while _goes_on(handle):
        if time.monotonic() > until:
            abort(host, migration_of(PurePosixPath(next(iter(files.values()))).name))
            raise Transient(f"The backup of {name} did not end in a day.")
        time.sleep(_PAUSE_S)
    with speaking("copy the disks of", name):
        ended = handle.jobStats(lib.VIR_DOMAIN_JOB_STATS_COMPLETED)
    if ended.get("operation") != lib.VIR_DOMAIN_JOB_OPERATION_BACKUP or not ended.get("success"):
        why = plain(str(ended.get("errmsg", "it was aborted")), 200)
        raise Transient(f"The backup of {name} failed: {why}.")


def _goes_on(handle: Any) -> bool:
    lib = library()
    try:
        return bool(handle.jobStats(0).get("type"))
    except lib.libvirtError as error:
        if error.get_error_code() != lib.VIR_ERR_OPERATION_INVALID:
            with speaking("copy the disks of", handle.name()):
                raise
        raise Conflict(
            f"{handle.name()} stopped while its disks were copied.", "Run the same command again."
        ) from None


def _wanted(running: ET.Element, files: Mapping[str, str]) -> str:
    """The job's document; disks that are not among the ``files`` are named, and left out."""
    wanted = ET.Element("domainbackup", mode="push")
    disks = ET.SubElement(wanted, "disks")
    for one in running.findall("devices/disk/target"):
        target = one.get("dev", "")
        if target not in files:
            ET.SubElement(disks, "disk", name=target, backup="no")
            continue
        disk = ET.SubElement(disks, "disk", name=target, backup="yes", type="file")
        ET.SubElement(disk, "target", file=files[target])
        ET.SubElement(disk, "driver", type="qcow2")
    return ET.tostring(wanted, encoding="unicode")


def targets(handle: Any) -> list[str] | None:
    """The files that a backup of the machine writes just now; None where none is at work."""
    lib = library()
    try:
        document = parse(handle.backupGetXMLDesc(0), "domainbackup")
    except lib.libvirtError as error:
        none = (lib.VIR_ERR_NO_DOMAIN_BACKUP, lib.VIR_ERR_OPERATION_INVALID,
                lib.VIR_ERR_NO_SUPPORT, lib.VIR_ERR_NO_DOMAIN)  # fmt: skip
        if error.get_error_code() in none:
            return None
        with speaking("look at the backup of", handle.name()):
            raise
    return [one.get("file", "") for one in document.findall("disks/disk/target")]


def whose(handle: Any) -> str:
    """The migration whose backup is at work; "" where none is, or it is somebody else's."""
    files = targets(handle)
    found = {migration_of(PurePosixPath(one).name) for one in files or ()}
    return found.pop() if len(found) == 1 else ""


def wait_for_others(handle: Any) -> None:
    """Return once no backup of the machine is at work: each ends by itself."""
    until = time.monotonic() + _WITHIN_S
    while targets(handle) is not None:
        if time.monotonic() > until:
            raise Conflict(f"Another backup of {handle.name()} is at work, for a day by now.",
                           f"See 'virsh domjobinfo {plain(str(handle.name()))}'.")  # fmt: skip
        time.sleep(_SLOW_PAUSE_S)


def abort(host: Host, migration: str) -> None:
    """End that migration's backup, as a fresh look finds it; the machine runs on."""
    lib = library()
    with speaking("list the machines of", host.scope):
        running = host.connection().listAllDomains(lib.VIR_CONNECT_LIST_DOMAINS_ACTIVE)
    for handle in running:
        if whose(handle) != migration:
            continue
        try:
            handle.abortJob()
        except lib.libvirtError as error:
            if error.get_error_code() != lib.VIR_ERR_OPERATION_INVALID:  # it ended meanwhile
                with speaking("end the backup of", handle.name()):
                    raise
        until = time.monotonic() + 600
        while whose(handle) == migration:
            if time.monotonic() > until:
                raise Transient(f"The backup of {handle.name()} does not end.")
            time.sleep(_PAUSE_S)
