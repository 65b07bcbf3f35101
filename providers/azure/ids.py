"""ARM resource ids: taking them apart and comparing them.

An id reads ``/subscriptions/S/resourceGroups/G/providers/NS/TYPE/NAME[/TYPE/NAME…]``;
its case means nothing (learn.microsoft.com, "Resource functions: resourceId").
"""

from typing import Any

Json = dict[str, Any]


def last(resource_id: str) -> str:
    """The resource's own name; a plain name stays as it is."""
    return resource_id.rstrip("/").rpartition("/")[2]


def part(resource_id: str, word: str) -> str:
    """The name that follows ``word`` (``resourceGroups``), empty when there is none."""
    words = resource_id.split("/")
    lowered = [item.lower() for item in words]
    if word.lower() not in lowered[:-1]:
        return ""
    return words[lowered.index(word.lower()) + 1]


def parent(resource_id: str) -> str:
    """The id of what a child resource belongs to: a subnet's virtual network."""
    return resource_id.rstrip("/").rsplit("/", 2)[0]


def same(one: str | None, other: str | None) -> bool:
    """Whether two ids name one resource."""
    return (one or "").rstrip("/").lower() == (other or "").rstrip("/").lower()


def tag(resource: Json, key: str) -> str | None:
    """A tag's value; Azure compares tag names without regard to case."""
    tags = resource.get("tags") or {}
    return next((value for name, value in tags.items() if name.lower() == key.lower()), None)


def properties(resource: Json) -> Json:
    """The resource's ``properties``, empty when it has none."""
    return resource.get("properties") or {}


def plain_location(location: str) -> str:
    """``West Europe`` and ``westeurope`` are one place."""
    return location.replace(" ", "").lower()
