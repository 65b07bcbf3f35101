r"""A Windows system: its hives, what it calls itself, and the drive that it is on.

Sources: Microsoft Learn, "Registry hives"; "Windows NT\CurrentVersion" as
``systeminfo`` shows it; "Windows 11 release information" (its builds begin
with 22000, and its ProductName still says Windows 10).
"""

from collections.abc import Sequence

from coldferry.guest.mounted import Mounted
from coldferry.guest.places import DAMAGED, Place
from coldferry.guest.registry import SYSTEM, Registry
from coldferry.guest.steps import Steps
from coldferry.guest.systems.system import System
from coldferry.machine import Architecture

_VERSION = r"Microsoft\Windows NT\CurrentVersion"
_ARCHITECTURES: dict[str, Architecture] = {"AMD64": "x86_64", "ARM64": "arm64"}
_FIRST_WINDOWS_11 = 22000


def find(roots: Sequence[Place], _places: Sequence[Place], steps: Steps) -> System | None:
    """The system on the first of ``roots`` that holds one."""
    for place in roots:
        if place.identity.kind != "ntfs" or place.tree is None:
            continue
        with steps.step(place.name):
            files = Mounted(place.tree, {}, steps)
            if files.read(SYSTEM, 0) is not None:
                with steps.step(SYSTEM):
                    return _system(place, files)
            if files.damaged:
                place.trouble = DAMAGED
    return None


def _system(root: Place, files: Mounted) -> System:
    registry = Registry(files)
    architecture = _text(
        registry.current(r"Control\Session Manager\Environment", "PROCESSOR_ARCHITECTURE")
    )
    return System(
        family="windows",
        files=files,
        root=root,
        name=_name(registry),
        hostname=(
            _text(registry.current(r"Services\Tcpip\Parameters", "Hostname"))
            or _text(registry.current(r"Control\ComputerName\ComputerName", "ComputerName"))
        )[:256],
        architecture=_ARCHITECTURES.get(architecture.upper()),
        registry=registry,
    )


def _name(registry: Registry) -> str:
    product = _text(registry.software(_VERSION, "ProductName"))
    build = _text(registry.software(_VERSION, "CurrentBuild"))
    if build.isdecimal() and int(build[:9]) >= _FIRST_WINDOWS_11:
        product = product.replace("Windows 10", "Windows 11")
    return f"{product} (build {build})"[:256] if product and build else product[:256]


def _text(value: object) -> str:
    return value.strip() if isinstance(value, str) else ""
