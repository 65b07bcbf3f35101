"""Whose process it is, and who listens on a port of loopback: asked of the kernel, not of a file.

A record of a process outlives it. By then its number may be another process's,
and its port another user's, who would be sent whatever is meant for us.

Source: proc(5), ``/proc/PID/fd`` and ``/proc/net/tcp``.
"""

import os
import re
from contextlib import suppress
from pathlib import Path

_LISTEN = "0A"
_LOOPBACK = "0100007F"
"""127.0.0.1 as the kernel prints it on a little-endian machine."""


def is_ours(pid: int, *words: str) -> bool:
    """The process lives, is this user's, and has ``words`` one after the other in its command."""
    try:
        owner = Path(f"/proc/{pid}").stat().st_uid
        command = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
    except OSError:
        return False
    wanted = [word.encode() for word in words]
    places = range(len(command) - len(wanted) + 1)
    return owner == os.geteuid() and any(command[i : i + len(wanted)] == wanted for i in places)


def listens(pid: int, port: int) -> bool:
    """The socket that takes connections to 127.0.0.1 at ``port`` is held by this process's group.

    A server may hand its socket on to workers; they stay in the group that it leads.
    """
    listening = _listening(port)
    return bool(listening) and any(listening & _sockets(member) for member in _group(pid))


def _listening(port: int) -> set[str]:
    rows = Path("/proc/net/tcp").read_text().splitlines()[1:]
    columns = [row.split() for row in rows]
    wanted = f"{_LOOPBACK}:{port:04X}"
    return {row[9] for row in columns if row[1] == wanted and row[3] == _LISTEN}


def _sockets(pid: int) -> set[str]:
    found = set()
    with suppress(OSError):
        for descriptor in Path(f"/proc/{pid}/fd").iterdir():
            with suppress(OSError):
                held = re.fullmatch(r"socket:\[(\d+)\]", str(descriptor.readlink()))
                found |= {held[1]} if held else set()
    return found


def _group(leader: int) -> list[int]:
    members = [leader]
    for folder in Path("/proc").iterdir():
        if folder.name.isdigit() and folder.name != str(leader):
            with suppress(OSError):
                if os.getpgid(int(folder.name)) == leader:
                    members.append(int(folder.name))
    return members
