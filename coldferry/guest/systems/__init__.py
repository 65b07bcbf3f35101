"""Which operating system the disks hold: one file for each family, one line here for each file."""

from collections.abc import Callable, Sequence

from coldferry.guest.places import Place
from coldferry.guest.steps import Steps
from coldferry.guest.systems import linux, windows
from coldferry.guest.systems.system import System

Find = Callable[[Sequence[Place], Sequence[Place], Steps], System | None]
"""Given the places that may be its root, and all places."""

FINDERS: tuple[Find, ...] = (linux.find, windows.find)


def find_system(root_disk: int, places: Sequence[Place], steps: Steps) -> System | None:
    """The first one that is found on the root disk."""
    roots = [place for place in places if root_disk in place.disks]
    return next((found for find in FINDERS if (found := find(roots, places, steps))), None)
