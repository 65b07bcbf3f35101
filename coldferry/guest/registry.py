r"""What a Windows system's registry says, as far as its start hangs on it.

Sources: Microsoft Learn, "Registry hives", "HKLM\SYSTEM\CurrentControlSet\Services
registry tree" and "CreateServiceW" (start types); TechNet, "CurrentControlSet"
(``Current`` of ``Select`` is the number of the one that was started last). No page
of Microsoft's is known for ``StartOverride``, which Windows writes beside the start
type of a driver whose hardware it did not see.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

from coldferry.guest.hive import Damaged, Hive, Value
from coldferry.guest.mounted import Mounted

R = TypeVar("R")

SYSTEM = "/Windows/System32/config/SYSTEM"
SOFTWARE = "/Windows/System32/config/SOFTWARE"
BOOT_START = 0
DISABLED = 4
"""Values of ``Start``."""


@dataclass(frozen=True)
class Service:
    """A service or a driver. ``overrides`` go before ``start`` where there are any."""

    start: int | None
    overrides: tuple[int, ...] = ()
    image: str = ""
    """The path of its file as it is written there; empty means the one of its name."""


class Registry:
    """Two hives. One that is damaged anywhere on the way says nothing any more."""

    def __init__(self, files: Mounted) -> None:
        self._files = files
        self._hives: dict[str, Hive | None] = {}
        current = self._ask(SYSTEM, lambda hive: hive.value("Select", "Current"), None)
        name = f"ControlSet{current:03d}" if isinstance(current, int) else ""
        there = self._ask(SYSTEM, lambda hive: bool(name) and hive.has(name), otherwise=False)
        self._set = name if there else ""
        if not there:
            self._spoil(SYSTEM)

    @property
    def damaged(self) -> bool:
        """What SYSTEM does not say may be there all the same."""
        return SYSTEM in self._files.damaged

    def system(self, path: str, name: str) -> Value | None:
        """A value of SYSTEM."""
        return self._ask(SYSTEM, lambda hive: hive.value(path, name), None)

    def current(self, path: str, name: str) -> Value | None:
        """A value below ``CurrentControlSet``."""
        return self.system(f"{self._set}\\{path}", name) if self._set else None

    def software(self, path: str, name: str) -> Value | None:
        """A value of SOFTWARE."""
        return self._ask(SOFTWARE, lambda hive: hive.value(path, name), None)

    def service(self, name: str) -> Service | None:
        """A service by its name; None when there is none."""
        key = f"{self._set}\\Services\\{name}"
        if not self._set or not self._ask(SYSTEM, lambda hive: hive.has(key), otherwise=False):
            return None
        nothing: dict[str, Value] = {}
        said = self._ask(SYSTEM, lambda hive: hive.values(key), nothing)
        named = {one.upper(): value for one, value in said.items()}
        over = self._ask(SYSTEM, lambda hive: hive.values(f"{key}\\StartOverride"), nothing)
        start, image = named.get("START"), named.get("IMAGEPATH")
        return Service(
            start if isinstance(start, int) else None,
            tuple(value for value in over.values() if isinstance(value, int)),
            image if isinstance(image, str) else "",
        )

    def _ask(self, path: str, ask: Callable[[Hive], R], otherwise: R) -> R:
        try:
            if path not in self._hives:
                self._hives[path] = None
                self._hives[path] = Hive(self._files, path)
            hive = self._hives[path]
            return otherwise if hive is None else ask(hive)
        except Damaged:
            self._hives[path] = None
            self._spoil(path)
            return otherwise

    def _spoil(self, path: str) -> None:
        if path not in self._files.damaged:
            self._files.damaged.append(path)
