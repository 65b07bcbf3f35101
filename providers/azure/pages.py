"""A page blob's pages over kept connections: put, clear, list, get; headers by hand.

Pages of the Blob service REST API: "Put Page" (4 MiB at most, whole 512 bytes),
"Get Page Ranges" (pages of the list by ``marker``), "Get Blob", "Get Blob
Properties", "Put Blob", "Specifying the range header".

Transient failures are tried again a few times with growing, jittered pauses. A
refused signature is renewed by whichever thread notices first, where another is
to be had. Bodies of all write requests and of all ranges that came are counted, retries included.
"""

import heapq
import random
import ssl
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from typing import Protocol, TypeVar
from urllib.parse import quote, urlsplit

from coldferry import calls
from coldferry.errors import Conflict, Denied, Gone, ProviderError, Transient, Unreachable
from providers.azure.failures import Deed, Reply, refusal
from providers.keepalive import Answer, Connections, Deadlines, check_range

T = TypeVar("T")

VERSION = "2023-11-03"
"""A storage version that is out everywhere; managed-disk SAS addresses are older still."""

PAGE_BYTES = 512
REQUEST_BYTES = 4 << 20
"""The most a Put Page takes."""

IN_FLIGHT = 8
"""Requests at once for one blob: its own cap is 60 to 500 MiB/s, four to eight reach it."""

_DEADLINES = Deadlines(connect_s=10, silence_s=60, whole_s=300)
_PAUSES_S = (0.5, 1.0, 2.0, 4.0)
_LONGEST_ASKED_S = 15.0
_LISTED = 10_000


class Place(Protocol):
    """Where a blob is; asked again when its address was refused."""

    subject: str
    """What sentences name it by: ``disk 'web-01-disk0'``. Without a signature."""

    action: str
    """The right that a refusal misses."""

    denied: str
    """What to do when it does; empty: give the identity a role with that right."""

    @property
    def trust(self) -> ssl.SSLContext | None:
        """Whose certificates are believed; None: this machine's."""

    def url(self) -> str:
        """The address, with its signature where it has one. May ask the cloud."""

    def renewable(self) -> bool:
        """Another signature is to be had by asking for the address again."""


class PageBlob:
    """One page blob. Thread-safe; raises what :mod:`providers.azure.failures` makes of answers."""

    def __init__(self, place: Place, *, if_match: str | None = None) -> None:
        """With ``if_match`` reads raise Conflict once the blob has another ETag."""
        self.place = place
        self.if_match = if_match
        self.sent_bytes = 0
        self.requests = 0
        self.got_bytes = 0
        self._lock = threading.Lock()
        self._asking = threading.Lock()
        self._answered = False
        self._way: _Way | None = None

    def put(self, offset: int, view: memoryview) -> None:
        """Put up to REQUEST_BYTES of whole pages."""
        headers = {"x-ms-page-write": "update", "x-ms-range": _range(offset, len(view))}
        self._write("write pages of", "comp=page", headers, view)

    def clear(self, offset: int, length: int) -> None:
        """Make whole pages read as zeros, however many."""
        headers = {"x-ms-page-write": "clear", "x-ms-range": _range(offset, length)}
        self._write("clear pages of", "comp=page", headers, None)

    def create(
        self, size_bytes: int, metadata: Mapping[str, str], *, replace: bool = False
    ) -> None:
        """Make an empty blob of whole pages; Conflict when there is one, unless it is replaced."""
        headers = {
            "x-ms-blob-type": "PageBlob",
            "x-ms-blob-content-length": str(size_bytes),
            **{f"x-ms-meta-{name}": value for name, value in metadata.items()},
            **({} if replace else {"If-None-Match": "*"}),
        }
        self._write("create", "", headers, None)

    def set_metadata(self, metadata: Mapping[str, str]) -> None:
        """Replace all metadata."""
        headers = {f"x-ms-meta-{name}": value for name, value in metadata.items()}
        self._write("tag", "comp=metadata", headers, None)

    def get(self, offset: int, view: memoryview) -> None:
        """Fill ``view``, up to REQUEST_BYTES, exactly."""
        headers = {"x-ms-range": _range(offset, len(view))}

        def get(way: "_Way") -> None:
            answer = way.ask("GET", "", headers | self._matching, "read pages of", into=view)
            check_range(answer, offset, len(view), f"read pages of {self.place.subject}")
            with self._lock:
                self.got_bytes += len(view)

        self._call(get)

    def ranges(
        self, offset: int, length: int, since: str | None = None
    ) -> Iterator[tuple[int, int]]:
        """``(start, stop)`` of what is allocated of whole pages, in order, without overlap.

        With the address of an earlier snapshot of the same disk, ``since``: of what was written or
        cleared since then.
        """
        marker = ""
        headers = {"x-ms-range": _range(offset, length)}
        if since is not None:
            headers["x-ms-previous-snapshot-url"] = since
        while True:
            query = f"comp=pagelist&maxresults={_LISTED}"
            query += f"&marker={quote(marker, safe='')}" if marker else ""

            def ask(way: "_Way", query: str = query) -> bytes:
                answer = way.ask("GET", query, headers | self._matching, "list the pages of")
                return answer.body

            before, (found, marker) = marker, _listing(self._call(ask))
            yield from found
            if not marker:
                return
            if marker == before:
                raise ProviderError(
                    f"The list of the pages of {self.place.subject} does not go on.",
                    "Look at what answers for the blob.",
                )

    def compares(self, nowhere: str) -> bool:
        """Whether an earlier snapshot's address is looked at: one where there is none is refused.

        A service that passes the header over lists all pages instead, without a word; what was
        cleared since would be missing there. Raises Transient.
        """
        headers = {"x-ms-range": _range(0, PAGE_BYTES), "x-ms-previous-snapshot-url": nowhere}

        def ask(way: "_Way") -> None:
            way.ask("GET", "comp=pagelist", headers, "compare the pages of")

        try:
            self._call(ask, renews=False)
        except Transient:
            raise
        except ProviderError:
            return True
        return False

    def head(self) -> dict[str, str]:
        """The blob's headers, by their lower-case names. Raises Gone when it is not there."""

        def ask(way: "_Way") -> dict[str, str]:
            answer = way.ask("HEAD", "", {}, "look at")
            return {name.lower(): value for name, value in answer.headers.items()}

        return self._call(ask)

    def close(self) -> None:
        """Close connections."""
        with self._lock:
            way, self._way = self._way, None
        if way is not None:
            way.connections.close()

    @property
    def _matching(self) -> dict[str, str]:
        return {"If-Match": self.if_match} if self.if_match else {}

    def _write(
        self, doing: str, query: str, headers: dict[str, str], body: memoryview | None
    ) -> None:
        def write(way: "_Way") -> None:
            with self._lock:
                self.sent_bytes += 0 if body is None else len(body)
                self.requests += 1
            way.ask("PUT", query, headers, doing, body=body)

        self._call(write)

    def _call(self, request: Callable[["_Way"], T], *, renews: bool = True) -> T:
        """Run one idempotent request; raises its last failure."""
        pauses = list(_PAUSES_S)
        renewed = not renews
        while True:
            way = self._reached()
            try:
                found = request(way)
            except Denied:
                if renewed or not self.place.renewable():
                    raise
                renewed = True
                self._forget(way)
            except Transient as failure:
                asked_s = failure.retry_after_s or 0
                if not pauses or asked_s > _LONGEST_ASKED_S:
                    raise
                if isinstance(failure, Unreachable) and not self._answered:
                    del pauses[1:]  # a host that never answered is asked once more
                time.sleep(max(asked_s, pauses.pop(0) * random.uniform(0.7, 1.3)))  # noqa: S311
            else:
                self._answered = True
                return found

    def _reached(self) -> "_Way":
        if (known := self._way) is not None:
            return known
        with self._asking:
            if (known := self._way) is not None:
                return known
            way = _Way(self.place)
            with self._lock:
                self._way = way
            return way

    def _forget(self, refused: "_Way") -> None:
        """Have the next caller ask for a new address, unless another thread did so already."""
        with self._lock:
            if self._way is not refused:
                return
            self._way = None
        refused.connections.close()


class _Way:
    """One address of a blob: the connections to it, and its signature."""

    def __init__(self, place: Place) -> None:
        self._place = place
        url = place.url()
        parts = urlsplit(url)
        self._path, self._query = parts.path or "/", parts.query
        self.connections = Connections(url, trust=place.trust, deadlines=_DEADLINES)

    def ask(
        self, method: str, query: str, headers: dict[str, str], doing: str, *,
        body: memoryview | None = None, into: memoryview | None = None,
    ) -> Answer:  # fmt: skip
        """One request, once. Raises our errors for every answer that is none of 2xx."""
        calls.made("azure", _kind(method, query))
        whole = "&".join(filter(None, (query, self._query)))
        answer = self.connections.ask(
            method,
            f"{self._path}?{whole}" if whole else self._path,
            {"x-ms-version": VERSION, **headers},
            what=f"the request to {doing} {self._place.subject}",
            body=body,
            into=into,
        )
        if not 200 <= answer.status < 300:
            raise self._refusal(answer, doing) from None
        return answer

    def _refusal(self, answer: Answer, doing: str) -> ProviderError:
        code = answer.headers.get("x-ms-error-code", "")
        after = answer.headers.get("Retry-After", "")
        reply = Reply(answer.status, code, "", float(after) if after.isdigit() else None)
        deed = Deed(doing, self._place.subject, self._place.action, self.connections.host)
        if 300 <= answer.status < 400:
            return Conflict(f"{deed.host} sends the request to {doing} {deed.subject} elsewhere.")
        if answer.status == 404:
            return Gone(f"There is no {deed.subject} ({code or 404}).", "Look for it there.")
        failure = refusal(reply, deed)
        if isinstance(failure, Denied) and self._place.denied:
            return Denied(failure.what, self._place.denied)
        return failure


def _kind(method: str, query: str) -> calls.Kind:
    if method == "GET":
        return "list" if query.startswith("comp=pagelist") else "read"
    return "write" if method == "PUT" else "manage"


def _range(offset: int, length: int) -> str:
    return f"bytes={offset}-{offset + length - 1}"


def _listing(body: bytes) -> tuple[list[tuple[int, int]], str]:
    """The ranges on one page of a list, and the marker of the next. The service's ends count in.

    In a list of differences those that were cleared are beside those that were written.
    """
    import xml.etree.ElementTree as ET

    try:
        root = ET.fromstring(body)  # noqa: S314 - expat refuses what grows
        if root.tag != "PageList":
            raise ValueError(root.tag)
        written, cleared = (
            [
                (int(row.findtext("Start", "")), int(row.findtext("End", "")) + 1)
                for row in root.findall(tag)
            ]
            for tag in ("PageRange", "ClearRange")
        )
        found = list(heapq.merge(written, cleared))  # each has its order, which is looked at later
    except (ET.ParseError, ValueError):
        raise ProviderError(
            "The list of pages is not what Azure documents.", "Look at what answers for the blob."
        ) from None
    return found, root.findtext("NextMarker") or ""
