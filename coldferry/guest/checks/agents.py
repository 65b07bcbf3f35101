"""What clouds install in their guests."""

import re
from collections.abc import Iterator

from coldferry.errors import Finding
from coldferry.guest.guest import Guest
from coldferry.guest.mounted import Mounted
from coldferry.guest.registry import DISABLED
from coldferry.guest.text import text_of

_DPKG_BYTES = 8 << 20
_UNITS = ("/usr/lib/systemd/system", "/lib/systemd/system", "/etc/systemd/system")
_FOLDERS = (
    ("/usr/lib/systemd/system", "{}.service"),
    ("/lib/systemd/system", "{}.service"),
    ("/etc/systemd/system", "{}.service"),
    ("/etc/systemd/system", "snap.{}.{}.service"),
    ("/etc/init.d", "{}"),
    ("/usr/sbin", "{}"),
    ("/usr/bin", "{}"),
)


def source_agent(guest: Guest) -> Iterator[Finding]:
    """It talks to a cloud that is no longer there: harmless, and noisy in the logs."""
    for agent in (*_started(guest), *_services(guest)):
        yield Finding(
            "inform",
            "source-agent",
            agent,
            f"{agent} is installed: it is of use at the source only.",
            f"Disable or remove {agent} once the machine runs at the target.",
        )


def no_target_agent(guest: Guest) -> Iterator[Finding]:
    """The machine starts without it; what the cloud does in a guest does not work."""
    wanted = guest.needs.agents
    if wanted and guest.linux is not None and not _installed(guest, wanted):
        yield Finding(
            "inform",
            "no-target-agent",
            wanted[0],
            f"None of {', '.join(wanted)} is installed: the target can run nothing in the guest, "
            "nor set it up at its first start.",
            f"Install {wanted[0]} or cloud-init before the migration, or do without.",
        )


def _started(guest: Guest) -> list[str]:
    files = guest.linux
    if files is None:
        return []
    return [name for name in _installed(guest, guest.left.foreign_agents) if _starts(files, name)]


def _services(guest: Guest) -> list[str]:
    """Of a Windows system."""
    if guest.registry is None:
        return []
    found = {name: guest.registry.service(name) for name in guest.left.foreign_agents}
    return [name for name, one in found.items() if one is not None and one.start != DISABLED]


def _installed(guest: Guest, names: tuple[str, ...]) -> list[str]:
    files = guest.linux
    if files is None or not names:
        return []
    packages = _packages(files)
    return [name for name in names if name in packages or _has_file(files, name)]


def _starts(files: Mounted, name: str) -> bool:
    """Some target of systemd wants it; what systemd does not know is started by something else."""
    units = {f"{name}.service", f"snap.{name}.{name}.service"}
    if not any(files.read(f"{at}/{unit}", 1) is not None for at in _UNITS for unit in units):
        return True
    wanting = [one for one in files.names(_UNITS[-1]) if one.endswith(".wants")]
    return any(units & set(files.names(f"{_UNITS[-1]}/{one}")) for one in wanting)


def _packages(files: Mounted) -> set[str]:
    """Of dpkg; rpm's database is a binary one, and its packages are known by their files."""
    text = text_of(files, "/var/lib/dpkg/status", _DPKG_BYTES)
    return set(re.findall(r"^Package: (\S+)\nStatus: \w+ \w+ installed$", text, flags=re.MULTILINE))


def _has_file(files: Mounted, name: str) -> bool:
    return any(
        files.read(f"{folder}/{pattern.format(name, name)}", 1) is not None
        for folder, pattern in _FOLDERS
    )
