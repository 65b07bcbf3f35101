r"""Windows' page file on a drive that is not the system's.

Sources: Microsoft Learn, "Introduction to the page file", "Win32_PageFileSetting
class" and "Prepare a Windows VHD or VHDX to upload to Azure" (PagingFiles);
``HKLM\SYSTEM\MountedDevices``, where a drive's value is the signature of its
MBR and an offset, or ``DMIO:ID:`` and the GUID of its GPT partition.
"""

import re
import struct
import uuid
from collections.abc import Iterator

from coldferry.errors import Finding
from coldferry.guest.guest import Guest
from coldferry.guest.places import Place
from coldferry.guest.registry import Registry

_SETTINGS = r"Control\Session Manager\Memory Management"
_VERSION = r"Microsoft\Windows NT\CurrentVersion"
_ENTRY = re.compile(r"(?:\\\?\?\\)?([A-Za-z]:)(\\.*?)(?:\s+\d+\s+\d+)?\s*")
"""``?:`` instead of a drive leaves the choice to Windows, at each start."""
_MOST = 16
_OF_GPT = b"DMIO:ID:"


def page_file(guest: Guest) -> Iterator[Finding]:
    """A temporary disk stays behind; another disk has to arrive under the same letter."""
    registry = guest.registry
    if registry is None:
        return
    said = registry.current(_SETTINGS, "PagingFiles")
    entries = said if isinstance(said, tuple) else (said,) if isinstance(said, str) else ()
    for entry in entries[:_MOST]:
        told = _ENTRY.fullmatch(entry[:512])
        if told is None or told[1].upper() == _system_drive(registry):
            continue
        drive, place = told[1].upper(), _place_of(guest, registry, told[1].upper())
        where = f"on {place.name}" if place else "on none of the disks that are moved"
        yield Finding(
            "inform" if place else "warn",
            "windows-page-file",
            f"{drive}{told[2]}",
            f"The page file {drive}{told[2]} is {where}, not on the system's drive"
            + (
                "."
                if place
                else ": a temporary disk stays behind, and Windows starts without a page file."
            ),
            f"Put the page file on {_system_drive(registry)}"
            + (", or see that the disk keeps its letter." if place else "."),
        )


def _system_drive(registry: Registry) -> str:
    root = registry.software(_VERSION, "SystemRoot")
    return root[:2].upper() if isinstance(root, str) and root[1:2] == ":" else "C:"


def _place_of(guest: Guest, registry: Registry, drive: str) -> Place | None:
    said = registry.system("MountedDevices", f"\\DosDevices\\{drive}")
    if not isinstance(said, bytes):
        return None
    for place in guest.places:
        if place.partition is None or not place.partition.uuid:
            continue
        if said == _as_windows_has_it(place.partition.uuid, place.partition.offset):
            return place
    return None


def _as_windows_has_it(part_uuid: str, offset: int) -> bytes:
    if len(part_uuid) == 36:
        return _OF_GPT + uuid.UUID(part_uuid).bytes_le
    return struct.pack("<IQ", int(part_uuid.partition("-")[0], 16), offset)
