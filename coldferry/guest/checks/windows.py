r"""What keeps a Windows system from starting elsewhere, or from starting whole.

Sources: Microsoft Learn, "HKLM\SYSTEM\CurrentControlSet\Services registry tree"
and "CreateServiceW" (start types), "Distinguishing Fast Startup from
Wake-from-Hibernation"; ntfs-3g(8), "Windows hibernation and fast restarting",
whose ntfs-3g.probe looks at the first letters of hiberfil.sys as is done here. No
page of Microsoft's is known for HiberbootEnabled.
"""

import re
from collections.abc import Iterator

from coldferry.errors import Finding
from coldferry.guest.guest import Guest
from coldferry.guest.mounted import Mounted
from coldferry.guest.registry import BOOT_START, Service

_STARTS = ("at boot", "by the kernel", "by itself, late", "on demand", "never")
_DRIVERS = "/Windows/System32/drivers"
_WINDOWS = re.compile(r"^(?:/\?\?/)?(?:[a-z]:/windows|/?%?systemroot%?)/", re.IGNORECASE)
_HIBERNATION = "/hiberfil.sys"
_HIBERNATED = (b"hibr", b"HIBR")
_ACTIVATION = r"Microsoft\Windows NT\CurrentVersion\SoftwareProtectionPlatform"


def boot_driver_missing(guest: Guest) -> Iterator[Finding]:
    """No start type helps a driver that is not there."""
    for name, service, there in _boot_drivers(guest):
        if not there:
            named = ": the registry names it, and its file is not there" if service else ""
            yield Finding(
                "warn",
                "windows-boot-driver-missing",
                name,
                f"The driver {name} is not installed{named}. Without it Windows does not find its "
                "disks at the target.",
                f"Install the driver {name} with its vendor's installer before the migration.",
            )


def boot_driver_late(guest: Guest) -> Iterator[Finding]:
    """Windows' loader takes what starts at boot only; an override goes before the start type."""
    for name, service, there in _boot_drivers(guest):
        if service is None or not there:
            continue
        late = [start for start in service.overrides if start != BOOT_START]
        if late or service.start != BOOT_START:
            start, why = (late[0], " by its StartOverride") if late else (service.start, "")
            yield Finding(
                "warn",
                "windows-boot-driver-late",
                name,
                f"The driver {name} starts {_in_words(start)}{why}, not at boot: Windows does not "
                "find its disks at the target.",
                f"Set Start of the service {name} to 0 in the registry, and remove its key "
                "StartOverride.",
            )


def hibernated(guest: Guest) -> Iterator[Finding]:
    """What Windows keeps in memory would be brought back on other hardware."""
    system, registry = guest.system, guest.registry
    if system is None or registry is None:
        return
    kept = system.files.read(_HIBERNATION, 4)
    if kept in _HIBERNATED:
        yield Finding(
            "warn",
            "windows-hibernated",
            system.root.name,
            f"Windows on {system.root.name} is hibernated, or was shut down with fast startup: "
            "its file system is not closed, and it would go on at the target with what it knew of "
            "the source's hardware.",
            "Switch hibernation off (powercfg /hibernate off), and shut Windows down fully "
            "(shutdown /s /t 0) before the migration.",
        )
        return
    on = registry.current("Control\\Power", "HibernateEnabled") not in (0, None)
    fast = registry.current("Control\\Session Manager\\Power", "HiberbootEnabled") not in (0, None)
    if kept is not None and on and fast:
        yield Finding(
            "inform",
            "windows-hibernated",
            system.root.name,
            f"Windows on {system.root.name} uses fast startup: the next shutdown would leave it "
            "hibernated.",
            "Switch hibernation off (powercfg /hibernate off), or shut Windows down fully "
            "(shutdown /s /t 0) before the migration.",
        )


def licence(guest: Guest) -> Iterator[Finding]:
    """Of every Windows: no disk says under which contract it may run at the target."""
    if guest.system is None or guest.registry is None:
        return
    server = guest.registry.software(_ACTIVATION, "KeyManagementServiceName")
    told = f" It is activated by the key server {server[:256]}." if isinstance(server, str) else ""
    yield Finding(
        "inform",
        "windows-licence",
        guest.system.name or "Windows",
        "What Windows is licensed by at the source does not move with the disk: the hour's price "
        f"pays for it there, or a contract of yours.{told}",
        "Settle which licence it runs under at the target, and activate it there.",
    )


def _boot_drivers(guest: Guest) -> Iterator[tuple[str, Service | None, bool]]:
    """Each that the target needs, and whether it is installed; none where that cannot be told."""
    system, registry = guest.system, guest.registry
    if system is None or registry is None:
        return
    for name in guest.needs.windows_boot_drivers:
        service = registry.service(name)
        if service is not None or not registry.damaged:
            yield name, service, service is not None and _has_file(system.files, name, service)


def _in_words(start: int | None) -> str:
    if start is None:
        return "at a time that the registry does not say"
    return _STARTS[start] if start < len(_STARTS) else f"in an unknown way ({start})"


def _has_file(files: Mounted, name: str, service: Service) -> bool:
    r"""It is written as ``System32\…``, ``\SystemRoot\…`` or ``\??\C:\Windows\…``."""
    image = service.image.replace("\\", "/")
    inside = _WINDOWS.sub("", image).lstrip("/")
    path = f"/Windows/{inside}" if image else f"{_DRIVERS}/{name}.sys"
    return files.read(path, 0) is not None
