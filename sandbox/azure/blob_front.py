"""The blob listener: the page-blob calls a managed-disk SAS allows, and no others.

It refuses what Azure refuses and Azurite takes, then hands the request to
Azurite over a kept connection.

Sources: "Put Page" (4 MiB at most, 512-byte alignment, range inside the blob),
"Get Page Ranges", "Blob service error codes" of the Storage REST reference.
The codes for a SAS beyond its rights or time are Azure's, not Azurite's.
"""

import hmac
import http.client
import re
from typing import ClassVar
from urllib.parse import parse_qs, unquote, urlsplit
from xml.sax.saxutils import escape

from sandbox.azure import page_diffs, page_lists
from sandbox.azure.blobs import BLOB, Blobs, Grant
from sandbox.azure.listener import Handler
from sandbox.azure.world import new_guid
from sandbox.faults import Fault, Faults, altered

MAX_PAGE_BYTES = 4 * 1024 * 1024
DRAINED_BYTES = 64 * 1024 * 1024
PAGE_BYTES = 512
CHUNK_BYTES = 256 * 1024
READS = ("blob:GetPageRanges", "blob:GetBlob", "blob:GetProperties")
WRITES = ("blob:PutPage", "blob:ClearPages")
RANGE = re.compile(r"bytes=(\d+)-(\d+)")
# Not handed on: they concern one connection, or would win over the SAS.
NOT_FORWARDED = frozenset({"host", "connection", "authorization", "expect", "transfer-encoding"})
NOT_RETURNED = frozenset({"connection", "keep-alive", "transfer-encoding", "server", "date"})


class BlobRefusal(Exception):
    """An error answer of the blob service."""

    def __init__(self, status: int, code: str, message: str) -> None:
        super().__init__(message)
        self.status, self.code, self.message = status, code, message


class BlobHandler(Handler):
    """Answers one connection and keeps one of its own to Azurite."""

    blobs: ClassVar[Blobs]
    faults: ClassVar[Faults]
    token: ClassVar[str]
    azurite_port: ClassVar[int]
    cut: ClassVar[bool] = False
    compares: ClassVar[bool] = True
    """False: as Azurite, which lists all pages whatever it is asked to compare with."""
    _azurite: http.client.HTTPConnection | None = None

    def do_GET(self) -> None:
        """Answer a GET."""
        self._serve()

    def do_HEAD(self) -> None:
        """Answer a HEAD."""
        self._serve()

    def do_PUT(self) -> None:
        """Answer a PUT."""
        self._serve()

    def do_POST(self) -> None:
        """Answer a POST."""
        self._serve()

    def do_DELETE(self) -> None:
        """Answer a DELETE."""
        self._serve()

    def finish(self) -> None:
        """Close the connection to Azurite with the client's."""
        super().finish()
        if self._azurite is not None:
            self._azurite.close()

    def _serve(self) -> None:
        if self.cut:
            self.close_connection = True
            return
        parts = urlsplit(self.path)
        query = {name: values[0] for name, values in parse_qs(parts.query).items()}
        operation = self._operation(query)
        body = self._read_or_skip()
        given = self.blobs.find_grant(query.get("si", ""))
        text = f"{unquote(parts.path)} {given.subject if given else ''}"
        fault = self.faults.arrived(operation, text, len(body))
        try:
            if fault is not None and fault.corrupt:
                body, fault = altered(body), None
            if fault is not None and not fault.apply:
                raise _refusal(fault)
            grant = self._grant(parts.path, query)
            self._check(operation, grant, query, body)
            address = self.headers.get(page_diffs.HEADER) if self.compares else None
            if fault is None and address is not None:
                self._differ(operation, address, grant, query)
            elif fault is None:
                self._forward(body, query if operation == "blob:GetPageRanges" else None)
            else:
                self._forward(body, answer=False)
                raise _refusal(fault)
        except BlobRefusal as refusal:
            self._refuse(refusal)

    def _operation(self, query: dict[str, str]) -> str:
        match self.command, query.get("comp"):
            case "PUT", "page":
                clears = self.headers.get("x-ms-page-write", "").lower() == "clear"
                return "blob:ClearPages" if clears else "blob:PutPage"
            case "GET", "pagelist":
                return "blob:GetPageRanges"
            case "GET", None:
                return "blob:GetBlob"
            case "HEAD", None:
                return "blob:GetProperties"
        return "blob:Other"

    def _read_or_skip(self) -> bytes:
        length = self.content_length()
        if length <= MAX_PAGE_BYTES:
            return self.rfile.read(length)
        # Too large to be taken; read on so that the client gets to the answer.
        left = min(length, DRAINED_BYTES)
        while left > 0:
            left -= len(self.rfile.read(min(left, CHUNK_BYTES))) or left
        self.close_connection = length > DRAINED_BYTES
        return b""

    def _grant(self, path: str, query: dict[str, str]) -> Grant:
        grant = self.blobs.find_grant(query.get("si", ""))
        if grant is None or grant.expired or "sig" not in query:
            raise _unauthenticated()
        if unquote(path) != f"/{self.blobs.account}/{grant.container}/{BLOB}":
            raise _unauthenticated()
        if grant.needs_bearer:
            given = self.headers.get("Authorization", "")
            if not hmac.compare_digest(given.encode(), f"Bearer {self.token}".encode()):
                raise BlobRefusal(401, "NoAuthenticationInformation", "A bearer token is needed.")
        return grant

    def _check(self, operation: str, grant: Grant, query: dict[str, str], body: bytes) -> None:
        version = self.headers.get("x-ms-version") or query.get("sv", "")
        if not re.fullmatch(r"20\d\d-\d\d-\d\d", version):
            raise BlobRefusal(400, "InvalidHeaderValue", "x-ms-version is not a version.")
        allowed = READS + (WRITES if "w" in grant.permissions else ())
        if operation not in allowed:
            raise BlobRefusal(
                403,
                "AuthorizationPermissionMismatch",
                "This request is not authorized to perform this operation using this permission.",
            )
        if operation == "blob:GetPageRanges" and {"prevsnapshot", "prevsnapshoturl"} & {*query}:
            message = "A managed disk's snapshots are compared by x-ms-previous-snapshot-url."
            raise BlobRefusal(501, "NotImplemented", message)
        if operation == "blob:GetPageRanges" and (wrong := page_lists.problem(query)):
            raise BlobRefusal(400, "OutOfRangeQueryParameterValue", wrong)
        if operation in WRITES:
            self._check_write(operation, grant, body)

    def _check_write(self, operation: str, grant: Grant, body: bytes) -> None:
        if self.content_length() > MAX_PAGE_BYTES:
            raise BlobRefusal(413, "RequestBodyTooLarge", "The request body is too large.")
        action = self.headers.get("x-ms-page-write", "").lower()
        if action not in ("update", "clear"):
            raise BlobRefusal(400, "InvalidHeaderValue", "x-ms-page-write must be update or clear.")
        found = RANGE.fullmatch(self.headers.get("x-ms-range") or self.headers.get("Range") or "")
        if found is None:
            raise BlobRefusal(400, "MissingRequiredHeader", "A range header is required.")
        start, end = int(found[1]), int(found[2])
        if start % PAGE_BYTES or (end + 1) % PAGE_BYTES or not start <= end < grant.size_bytes:
            raise BlobRefusal(416, "InvalidPageRange", "The page range specified is invalid.")
        wanted = end - start + 1 if operation == "blob:PutPage" else 0
        if len(body) != wanted:
            raise BlobRefusal(
                400, "InvalidHeaderValue", f"Content-Length is {len(body)}, the range is {wanted}."
            )

    def _differ(self, operation: str, address: str, grant: Grant, query: dict[str, str]) -> None:
        """Azurite would list all pages, as if nothing had been asked."""
        if operation != "blob:GetPageRanges" or self.headers.get("x-ms-version", "") < "2019-07-07":
            raise BlobRefusal(400, "InvalidHeaderValue", f"{page_diffs.HEADER} is not taken here.")
        before = page_diffs.earlier(self.blobs, address, grant)
        if not isinstance(before, Grant):
            raise BlobRefusal(*before)
        wanted = self.headers.get("x-ms-range") or f"bytes=0-{grant.size_bytes - 1}"
        found = RANGE.fullmatch(wanted)
        if found is None or not int(found[1]) <= int(found[2]) < grant.size_bytes:
            raise BlobRefusal(416, "InvalidRange", "The range specified is invalid.")
        whole = page_diffs.listing(self.blobs, before, grant, int(found[1]), int(found[2]) + 1)
        headers = {"Content-Type": "application/xml", "x-ms-version": self.headers["x-ms-version"]}
        self.answer(200, page_lists.page(whole, query), headers)

    def _forward(
        self, body: bytes, listing: dict[str, str] | None = None, answer: bool = True
    ) -> None:
        response = self._ask_azurite(body)
        headers = {
            name: value for name, value in response.getheaders() if name.lower() not in NOT_RETURNED
        }
        if (
            response.status == 403
            and response.getheader("x-ms-error-code") == "AuthorizationFailure"
        ):
            response.read()
            raise _unauthenticated()
        if not answer:
            response.read()
            return
        length = response.getheader("Content-Length")
        if listing is not None and response.status == 200:
            headers = {k: v for k, v in headers.items() if k.lower() != "content-length"}
            self.answer(200, page_lists.page(response.read(), listing), headers)
        elif self.command == "HEAD":
            self._head(response, headers)
        elif length is None or int(length) <= CHUNK_BYTES:
            headers.pop("content-length", None)
            headers.pop("Content-Length", None)
            self.answer(response.status, response.read(), headers)
        else:
            self._head(response, headers)
            while chunk := response.read(CHUNK_BYTES):
                self.wfile.write(chunk)
            self.wfile.flush()

    def _head(self, response: http.client.HTTPResponse, headers: dict[str, str]) -> None:
        self.send_response(response.status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()
        if self.command == "HEAD":
            response.read()
            self.wfile.flush()

    def _ask_azurite(self, body: bytes) -> http.client.HTTPResponse:
        headers = {
            name: value for name, value in self.headers.items() if name.lower() not in NOT_FORWARDED
        }
        for attempt in (1, 2):
            fresh = self._azurite is None
            if self._azurite is None:
                self._azurite = http.client.HTTPConnection(
                    "127.0.0.1", self.azurite_port, timeout=60, blocksize=1024 * 1024
                )
            try:
                self._azurite.request(self.command, self.path, body=body, headers=headers)
                return self._azurite.getresponse()
            except (OSError, http.client.HTTPException):
                self._azurite.close()
                self._azurite = None
                # Azurite drops idle connections; page writes may be sent twice.
                if fresh or attempt == 2:
                    break
        raise BlobRefusal(503, "ServerBusy", "The blob store does not answer.")

    def _refuse(self, refusal: BlobRefusal) -> None:
        request_id = new_guid()
        text = (
            '<?xml version="1.0" encoding="utf-8"?><Error>'
            f"<Code>{escape(refusal.code)}</Code><Message>{escape(refusal.message)}\n"
            f"RequestId:{request_id}</Message></Error>"
        )
        headers = {
            "Content-Type": "application/xml",
            "x-ms-error-code": refusal.code,
            "x-ms-request-id": request_id,
            "x-ms-version": self.headers.get("x-ms-version", ""),
        }
        if refusal.status in (429, 503):
            headers["Retry-After"] = "1"
        self.answer(refusal.status, text.encode(), headers)


def _refusal(fault: Fault) -> BlobRefusal:
    return BlobRefusal(fault.status, fault.code, fault.message)


def _unauthenticated() -> BlobRefusal:
    return BlobRefusal(
        403,
        "AuthenticationFailed",
        "Server failed to authenticate the request. Make sure the value of Authorization header is "
        "formed correctly including the signature.",
    )
