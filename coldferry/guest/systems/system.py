"""What every operating system says of itself."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from coldferry.guest.evidence import Mount
from coldferry.guest.mounted import Mounted
from coldferry.guest.places import Place, Trouble
from coldferry.guest.registry import Registry
from coldferry.machine import Architecture


@dataclass(frozen=True)
class System:
    """An installed system: its files with all that it mounts, and what they say.

    ``mounted_from`` maps a mount's path to the place that holds it, where that
    is known. ``registry`` is that of a Windows system. ``trouble`` is what of its
    own lists could not be taken whole.
    """

    family: Literal["linux", "windows"]
    files: Mounted
    root: Place
    name: str = ""
    hostname: str = ""
    architecture: Architecture | None = None
    mounts: tuple[Mount, ...] = ()
    mounted_from: Mapping[str, Place] | None = None
    registry: Registry | None = None
    trouble: Trouble | None = None
