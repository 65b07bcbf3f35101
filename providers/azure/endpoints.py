"""Page blobs as the two ends of a copy; see :mod:`coldferry.endpoints`. No SDK is loaded.

Pages of the Blob service REST API: "Get Blob Properties", "Put Blob", "Set Blob
Metadata", "Specifying conditional headers".
"""

import os
import re
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cached_property
from urllib.parse import unquote, urlsplit

from coldferry.disk import DiskReader, Extent
from coldferry.endpoints import Attempt, Endpoint, Found
from coldferry.errors import BadInput, Conflict, Drifted, Gone, ProviderError, Refused
from providers.azure.page_reader import LIMITS, PageReader
from providers.azure.pages import PAGE_BYTES, REQUEST_BYTES, PageBlob
from providers.route import trusting

_METADATA = "x-ms-meta-"
_OURS = "coldferry"
"""The metadata that says whose a blob is: the attempt's key."""

_LARGEST_BYTES = 8 << 40


class AddressedPlace:
    """A blob at an address that somebody gave, which cannot be renewed."""

    action = ""
    denied = "Give an address whose signature allows it and has not ended."

    def __init__(self, endpoint: Endpoint) -> None:
        self._url = endpoint.url
        parts = urlsplit(endpoint.address)
        self.subject = f"page blob '{unquote(parts.path).strip('/')}' at {parts.netloc}"

    @cached_property
    def trust(self) -> ssl.SSLContext | None:
        """What the SDK's transport would trust (``REQUESTS_CA_BUNDLE``), else this machine's."""
        bundle = os.environ.get("REQUESTS_CA_BUNDLE") or os.environ.get("CURL_CA_BUNDLE")
        return trusting(bundle) if bundle else None

    def url(self) -> str:
        """As it was given."""
        return self._url

    def renewable(self) -> bool:
        """Nobody can be asked for another."""
        return False


class BlobReader(PageReader):
    """A page blob at one moment; raises Drifted once it was written to."""

    def extents(self, offset: int, length: int) -> Iterator[Extent]:
        """What is allocated in the window."""
        try:
            yield from super().extents(offset, length)
        except Conflict as error:
            raise _drifted(self.blob) from error

    def read_into(self, offset: int, view: memoryview) -> None:
        """Fill ``view``, exactly."""
        try:
            super().read_into(offset, view)
        except Conflict as error:
            raise _drifted(self.blob) from error


class BlobSource:
    """A page blob that is read."""

    def __init__(self, endpoint: Endpoint, reader: BlobReader) -> None:
        self.reader = reader
        self.identity = f"{endpoint.address} {reader.blob.if_match} of {reader.size_bytes}"

    def check_unchanged(self) -> None:
        """Raises Drifted when it has another ETag."""
        if self.reader.blob.head().get("etag") != self.reader.blob.if_match:
            raise _drifted(self.reader.blob)


class BlobWriter:
    """A :class:`coldferry.disk.DiskWriter` over a page blob."""

    limits = LIMITS

    def __init__(self, blob: PageBlob, identity: str, size_bytes: int) -> None:
        self.blob = blob
        self.identity = identity
        self.size_bytes = size_bytes
        self.sealed = False

    @property
    def sent_bytes(self) -> int:
        """Bodies of all write requests, retries included."""
        return self.blob.sent_bytes

    @property
    def requests(self) -> int:
        """All write requests, retries and the blob's creation included."""
        return self.blob.requests

    def write(self, offset: int, view: memoryview) -> None:
        """Put whole pages."""
        for start in range(0, len(view), REQUEST_BYTES):
            self.blob.put(offset + start, view[start : start + REQUEST_BYTES])

    def zero(self, offset: int, length: int) -> None:
        """Clear whole pages."""
        self.blob.clear(offset, length)

    def commit(self) -> str:
        """Pages are durable once they were put; the address, without its signature."""
        return self.blob.place.subject


class BlobTarget:
    """A page blob that is written."""

    def __init__(self, writer: BlobWriter) -> None:
        self.writer = writer

    @contextmanager
    def read_back(self) -> Iterator[DiskReader]:
        """What Azure lists and answers."""
        yield PageReader(self.writer.blob, self.writer.size_bytes)

    def publish(self) -> None:
        """Its address is its name."""

    def stamp(self) -> str:
        """The ETag."""
        return self.writer.blob.head().get("etag", "")

    def discard(self) -> None:
        """The next attempt begins with an empty blob."""


@contextmanager
def open_source(endpoint: Endpoint) -> Iterator[BlobSource]:
    """Raises Gone when there is none, BadInput when it is no page blob."""
    blob = PageBlob(AddressedPlace(endpoint))
    try:
        found = blob.head()
        size_bytes = _size(blob, found)
        blob.if_match = found.get("etag") or None
        yield BlobSource(endpoint, BlobReader(blob, size_bytes))
    finally:
        blob.close()


@contextmanager
def open_target(
    endpoint: Endpoint, size_bytes: int, attempt: Attempt, *, fresh: bool
) -> Iterator[BlobTarget]:
    """Create the blob when it is missing, or go on with the attempt's.

    Raises Refused for one that is too small, or holds what this copy did not write.
    """
    blob = PageBlob(AddressedPlace(endpoint))
    least = max(1, -(-size_bytes // PAGE_BYTES)) * PAGE_BYTES
    if least > _LARGEST_BYTES:
        raise BadInput(f"A page blob holds {_LARGEST_BYTES} bytes at most, not {least}.")
    try:
        there = _adopted(blob, attempt, least) if fresh else _own(blob, attempt)
        if not there:
            there = _created(blob, attempt, least, replace=there == 0)
        yield BlobTarget(BlobWriter(blob, f"{endpoint.address} {attempt.key}", there))
    finally:
        blob.close()


def discard_attempt(endpoint: Endpoint, attempt: Attempt, *, finished: bool) -> None:  # noqa: ARG001 - it is in the way either way
    """Empty the blob of an attempt that counts no more; another's is left alone.

    It is replaced by one without a size: an address that may write need not be one that
    may delete.
    """
    blob = PageBlob(AddressedPlace(endpoint))
    try:
        if _own(blob, attempt) is not None:
            blob.create(0, {}, replace=True)
    except (Gone, Refused):
        return
    finally:
        blob.close()


def look(endpoint: Endpoint, _attempt: Attempt, stamp: str) -> Found:
    """What became of a finished target."""
    blob = PageBlob(AddressedPlace(endpoint))
    try:
        return Found.AS_LEFT if blob.head().get("etag", "") == stamp else Found.CHANGED
    except Gone:
        return Found.GONE
    finally:
        blob.close()


def _created(blob: PageBlob, attempt: Attempt, least: int, *, replace: bool) -> int:
    try:
        blob.create(least, {_OURS: attempt.key}, replace=replace)
    except Conflict:  # an earlier try's reply was lost, or somebody was faster
        if _own(blob, attempt) is None:
            raise
    return least


def _own(blob: PageBlob, attempt: Attempt) -> int | None:
    """The size of the attempt's own blob; None when there is none. Raises Refused for another's."""
    try:
        found = blob.head()
    except Gone:
        return None
    # A blob that tells neither metadata nor when it was made is no blob of Azure's, but an
    # emulator's: the state has to do.
    tells = _METADATA + _OURS in found or "x-ms-creation-time" in found
    if tells and found.get(_METADATA + _OURS) != attempt.key:
        raise _foreign(blob)
    return _size(blob, found)


def _adopted(blob: PageBlob, attempt: Attempt, least: int) -> int | None:
    """The size of an empty blob that is there, marked as ours unless it is 0; None of none."""
    try:
        found = blob.head()
    except Gone:
        return None
    size_bytes = _size(blob, found)
    if size_bytes == 0:
        return 0
    if size_bytes < least:
        raise Refused(
            f"The {blob.place.subject} holds {size_bytes} bytes, and {least} are needed.",
            "Make it larger, remove it, or name another.",
        )
    if any(blob.ranges(0, size_bytes)):
        raise _foreign(blob)
    kept = {
        name.removeprefix(_METADATA): value
        for name, value in found.items()
        if name.startswith(_METADATA)
    }
    blob.set_metadata(kept | {_OURS: attempt.key})
    return size_bytes


def _size(blob: PageBlob, found: dict[str, str]) -> int:
    if found.get("x-ms-blob-type") != "PageBlob":
        raise BadInput(
            f"The {blob.place.subject} is no page blob.",
            "Name a page blob: disks are not kept in other ones.",
        )
    said = found.get("content-length", "")
    if not re.fullmatch(r"\d{1,15}", said):
        raise ProviderError(
            f"The {blob.place.subject} does not say how large it is.",
            "Look at what answers for it.",
        )
    return int(said)


def _foreign(blob: PageBlob) -> Refused:
    return Refused(
        f"The {blob.place.subject} holds data that this copy did not write.",
        "Remove it, or name another target.",
    )


def _drifted(blob: PageBlob) -> Drifted:
    return Drifted(
        f"The {blob.place.subject} was written to while it was copied.",
        "Stop what writes to it, then run the same command again: it begins anew.",
    )
