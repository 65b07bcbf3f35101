"""Opens the two ends of one disk's copy; what an end needs is imported when it is opened."""

from contextlib import AbstractContextManager
from importlib import import_module
from typing import Any

from coldferry.endpoints import Attempt, Endpoint, Found, Kind, Source, Target

_ROOMS = {
    Kind.FILE: "providers.files.endpoints",
    Kind.VHD: "providers.files.endpoints",
    Kind.PAGE_BLOB: "providers.azure.endpoints",
    Kind.SNAPSHOT: "providers.aws.endpoints",
    Kind.NEW_SNAPSHOT: "providers.aws.endpoints",
}


_CLOUDS = {Kind.PAGE_BLOB: "azure", Kind.SNAPSHOT: "aws", Kind.NEW_SNAPSHOT: "aws"}


def cloud_of(endpoint: Endpoint) -> str:
    """Whose limits hold for its requests; files have a name of their own, too."""
    return _CLOUDS.get(endpoint.kind, "files")


def same_disk(source: Endpoint, target: Endpoint) -> bool:
    """Copying would read and write one disk."""
    files = {Kind.FILE, Kind.VHD}
    if source.address == target.address:
        return True
    return {source.kind, target.kind} <= files and bool(_room(source).same(source, target))


def open_source(endpoint: Endpoint) -> AbstractContextManager[Source]:
    """Leaving closes connections. Raises what keeps it from being read."""
    found: AbstractContextManager[Source] = _room(endpoint).open_source(endpoint)
    return found


def open_target(
    endpoint: Endpoint, size_bytes: int, attempt: Attempt, *, fresh: bool
) -> AbstractContextManager[Target]:
    """A disk of at least ``size_bytes``: begun when ``fresh``, else adopted.

    Leaving keeps it for a resume. Raises Refused for one that holds what this copy did
    not write, that is too small, or in use.
    """
    found: AbstractContextManager[Target] = _room(endpoint).open_target(
        endpoint, size_bytes, attempt, fresh=fresh
    )
    return found


def discard_attempt(endpoint: Endpoint, attempt: Attempt, *, finished: bool) -> None:
    """Remove what an attempt that counts no more left at the target.

    Of a ``finished`` one, whose target is as it was left, only what stands in the way of
    another: a snapshot is kept.
    """
    _room(endpoint).discard_attempt(endpoint, attempt, finished=finished)


def look(endpoint: Endpoint, attempt: Attempt, stamp: str) -> Found:
    """What became of a finished attempt's target since it was left with that stamp.

    Publishing that a crash forestalled is made up for.
    """
    found: Found = _room(endpoint).look(endpoint, attempt, stamp)
    return found


def _room(endpoint: Endpoint) -> Any:
    return import_module(_ROOMS[endpoint.kind])
