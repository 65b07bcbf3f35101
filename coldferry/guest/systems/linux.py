"""A Linux system: its root file system, what its fstab mounts, and what it calls itself.

Sources: os-release(5), fstab(5), hostname(5); ELF's ``e_machine`` of the
System V ABI.
"""

import re
import struct
from collections.abc import Callable, Sequence

from coldferry.guest.evidence import Mount
from coldferry.guest.mounted import Mounted
from coldferry.guest.naming import place_named
from coldferry.guest.places import DAMAGED, Place, Trouble
from coldferry.guest.steps import Steps
from coldferry.guest.systems.system import System
from coldferry.guest.text import lines, text_of
from coldferry.guest.tree import FILE_BYTES, Tree
from coldferry.machine import Architecture

_MOST_MOUNTS = 256
_NEVER_A_ROOT = ("vfat", "ntfs")
_WORD_BYTES = 512
"""Longer than any device, path or list of options in an honest fstab."""
_ELF_MACHINES: dict[int, Architecture] = {62: "x86_64", 183: "arm64"}
_PROGRAMS = ("/usr/lib/systemd/systemd", "/sbin/init", "/bin/sh", "/bin/busybox", "/usr/bin/env")


def find(roots: Sequence[Place], places: Sequence[Place], steps: Steps) -> System | None:
    """The system on the first of ``roots`` that holds one; it may mount any of ``places``."""
    for place in roots:
        if place.identity.kind in _NEVER_A_ROOT or place.tree is None:
            continue
        with steps.step(place.name):
            files = Mounted(place.tree, {}, steps)
            if _is_root(files):
                return _system(place, places, files, steps)
            if files.damaged:
                place.trouble = DAMAGED
    return None


def _is_root(files: Tree) -> bool:
    if any(files.read(path, 1) is not None for path in ("/etc/os-release", "/usr/lib/os-release")):
        return True
    return files.read("/etc/fstab", 1) is not None and "usr" in files.names("/")


def _system(root: Place, places: Sequence[Place], files: Mounted, steps: Steps) -> System:
    mounts, trouble = _fstab(files)
    held: dict[str, Place] = {}
    openers: dict[str, Callable[[], Tree | None]] = {}
    for mount in mounts:
        place = place_named(mount.source, places, root)
        path = mount.path.rstrip("/")
        if place is None or not mount.path.startswith("/"):
            continue
        held[mount.path] = place
        if path and path not in openers and place is not root:
            openers[path] = lambda place=place: place.tree  # type: ignore[misc]
    assert root.tree is not None
    whole = Mounted(root.tree, openers, steps)
    whole.damaged += files.damaged
    return System(
        family="linux",
        files=whole,
        root=root,
        name=_name(whole),
        hostname=text_of(whole, "/etc/hostname", 256).strip().partition("\n")[0],
        architecture=_architecture(whole),
        mounts=tuple(mounts),
        mounted_from=held,
        trouble=trouble,
    )


def _fstab(files: Tree) -> tuple[list[Mount], Trouble | None]:
    text = text_of(files, "/etc/fstab")
    found: list[Mount] = []
    for line in lines(text):
        words = [_unescaped(word) for word in line.split()[:4]]
        if len(words) >= 3 and len(line) <= 4 * _WORD_BYTES:
            options = tuple(words[3].split(","))[:32] if len(words) > 3 else ()
            found.append(Mount(source=words[0], path=words[1], kind=words[2], options=options))
        if len(found) >= _MOST_MOUNTS:
            break
    whole = len(text) < FILE_BYTES and len(found) < _MOST_MOUNTS
    why = "it is longer than any fstab is: its rest was not looked at"
    return found, None if whole else Trouble("/etc/fstab", why)


def _unescaped(word: str) -> str:
    return re.sub(r"\\([0-7]{3})", lambda octal: chr(int(octal[1], 8) & 0x7F), word)


def _name(files: Tree) -> str:
    for path in ("/etc/os-release", "/usr/lib/os-release"):
        for line in lines(text_of(files, path, 16 << 10)):
            key, _, value = line.partition("=")
            if key == "PRETTY_NAME":
                return value.strip().strip("\"'")[:256]
    return ""


def _architecture(files: Tree) -> Architecture | None:
    for path in _PROGRAMS:
        head = files.read(path, 20)
        if head is None or len(head) < 20 or head[:4] != b"\x7fELF":
            continue
        order = "<H" if head[5] == 1 else ">H"
        found = _ELF_MACHINES.get(struct.unpack(order, head[18:20])[0])
        if found is not None:
            return found
    return None
