"""Which volume a name in a guest's own files means.

Sources: fstab(5) for UUID=, LABEL=, PARTUUID=; udev's links under /dev/disk;
the names of device-mapper, where a hyphen in a name is doubled.
"""

import re
from collections.abc import Sequence

from coldferry.guest.places import Place

DEVICE_NAME = re.compile(
    r"/dev/(?:(?:sd|xvd|vd|hd)(?P<letters>[a-z]{1,3})(?P<part>\d*)"
    r"|nvme(?P<nvme>\d+)n\d+(?:p(?P<nvme_part>\d+))?)"
)
"""A name that follows from the driver and the order of disks: another cloud, another name."""

_TAGS = {"UUID": "uuid", "LABEL": "label", "PARTUUID": "part_uuid"}
_LINKS = {"by-uuid": "UUID", "by-label": "LABEL", "by-partuuid": "PARTUUID"}


def place_named(name: str, places: Sequence[Place], root: Place | None = None) -> Place | None:
    """The volume that ``name`` means; None when none here does.

    A kernel's name says only the partition for sure: its disk is taken to be
    the one of that letter, or the root's disk when it is the first.
    """
    name = name.strip("\"'")
    linked = re.fullmatch(r"/dev/disk/(by-[a-z]+)/(.+)", name)
    if linked and linked[1] in _LINKS:
        name = f"{_LINKS[linked[1]]}={linked[2]}"
    tag, _, value = name.partition("=")
    value = value.strip("\"'")
    if tag in _TAGS:
        return _by_tag(_TAGS[tag], value, places)
    if name.startswith(("/dev/mapper/", "/dev/")) and (found := _by_mapper(name, places)):
        return found
    kernel = DEVICE_NAME.fullmatch(name)
    if kernel is None:
        return None
    disk = int(kernel["nvme"]) if kernel["nvme"] else _number(kernel["letters"])
    if disk == 0 and root is not None and root.disks:
        disk = root.disks[0]
    part = kernel["part"] or kernel["nvme_part"]
    wanted = f"disk{disk}p{part}" if part else f"disk{disk}"
    return next((place for place in places if place.name == wanted), None)


def _by_tag(field: str, value: str, places: Sequence[Place]) -> Place | None:
    for place in places:
        if value and str(getattr(place.volume, field)).lower() == value.lower():
            return place
    return None


def _by_mapper(name: str, places: Sequence[Place]) -> Place | None:
    for place in places:
        group, _, volume = place.name.partition("/")
        if volume and name in (
            f"/dev/{group}/{volume}",
            f"/dev/mapper/{group.replace('-', '--')}-{volume.replace('-', '--')}",
        ):
            return place
    return None


def _number(letters: str) -> int:
    number = 0
    for letter in letters:
        number = number * 26 + ord(letter) - ord("a") + 1
    return number - 1
