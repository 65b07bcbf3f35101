"""Snapshots as the two ends of a copy; see :mod:`coldferry.endpoints`.

Credentials, endpoints (``AWS_ENDPOINT_URL_EBS``), proxies and CA bundle are
those of the SDK's default chain.
"""

from collections.abc import Iterator
from contextlib import contextmanager, suppress

from coldferry.endpoints import Attempt, Endpoint, Found
from coldferry.errors import ColdferryError
from coldferry.migration import TAG_PREFIX
from providers.aws.disks import SnapshotReader
from providers.aws.session import Clients, DefaultChain
from providers.aws.writing import SnapshotWriter, delete_snapshot, is_readable, start_snapshot

COPY_TAG = f"{TAG_PREFIX}copy"
"""On each snapshot that a copy makes: the attempt's key."""

_ID = "snapshot"


class SnapshotSource:
    """A completed snapshot, which never changes."""

    def __init__(self, reader: SnapshotReader, endpoint: Endpoint) -> None:
        self.reader = reader
        self.identity = f"{endpoint.address} of {reader.size_bytes}"

    def check_unchanged(self) -> None:
        """It cannot change."""


class SnapshotTarget:
    """A snapshot that is pending until it is committed."""

    def __init__(self, clients: Clients, writer: SnapshotWriter) -> None:
        self._clients = clients
        self.writer = writer

    @contextmanager
    def read_back(self) -> Iterator[SnapshotReader]:
        """The blocks as EBS keeps them."""
        reader = SnapshotReader(self._clients, self.writer.identity)
        try:
            yield reader
        finally:
            reader.close()

    def publish(self) -> None:
        """Its id is its name."""

    def stamp(self) -> str:
        """A completed snapshot never changes."""
        return self.writer.identity

    def discard(self) -> None:
        """Delete it, where that is allowed; it bears our tag."""
        with suppress(ColdferryError):
            delete_snapshot(self._clients, self.writer.identity)


@contextmanager
def open_source(endpoint: Endpoint) -> Iterator[SnapshotSource]:
    """Raises Gone when the region has no such snapshot."""
    reader = SnapshotReader(_clients(endpoint), endpoint.snapshot)
    try:
        yield SnapshotSource(reader, endpoint)
    finally:
        reader.close()


@contextmanager
def open_target(
    endpoint: Endpoint, size_bytes: int, attempt: Attempt, *, fresh: bool
) -> Iterator[SnapshotTarget]:
    """Start a snapshot, or go on with the attempt's; its id goes into the attempt's notes."""
    clients = _clients(endpoint)
    if _ID not in attempt.notes:
        attempt.notes[_ID] = start_snapshot(
            clients, size_bytes, attempt.key, {COPY_TAG: attempt.key}, "copied by coldferry"
        )
    writer = SnapshotWriter(clients, attempt.notes[_ID], size_bytes, fresh=fresh)
    try:
        yield SnapshotTarget(clients, writer)
    finally:
        writer.close()


def discard_attempt(endpoint: Endpoint, attempt: Attempt, *, finished: bool) -> None:
    """Delete what an attempt that counts no more left pending, where that is allowed."""
    if _ID in attempt.notes and not finished:
        with suppress(ColdferryError):
            delete_snapshot(_clients(endpoint), attempt.notes[_ID])


def look(endpoint: Endpoint, _attempt: Attempt, stamp: str) -> Found:
    """What became of a finished target."""
    return Found.AS_LEFT if is_readable(_clients(endpoint), stamp) else Found.GONE


def _clients(endpoint: Endpoint) -> Clients:
    return Clients(DefaultChain(endpoint.region))
