"""Blocks of snapshots over kept connections: the two calls of EBS direct that move data.

An SDK's call costs about a millisecond beside the digest and the socket; a disk
of a TiB has two million blocks. So the SDK signs here, with its own credentials
and signer, and everything else of a request is done by hand. Listing, starting
and completing stay with the SDK.

Sources: GetSnapshotBlock and PutSnapshotBlock of the EBS direct API reference,
"Error retries" of the EBS direct APIs, "Create a signed AWS API request".
"""

import base64
import hashlib
import json
import random
import threading
import time
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, Final, TypeVar
from urllib.parse import quote, urlsplit

from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.exceptions import ClientError

from coldferry import calls
from coldferry.errors import ColdferryError, Transient, Unreachable
from providers.aws.client import THROTTLED, speaking
from providers.aws.pace import Pace, pace_of
from providers.aws.session import Clients
from providers.keepalive import Answer, Connections, Deadlines
from providers.route import trusting

T = TypeVar("T")

BLOCK_BYTES: Final = 524_288
IN_FLIGHT = 64
"""At the 100 ms a block that AWS's own example counts with: 320 MiB/s."""

Instead = Callable[[], Mapping[str, ColdferryError]]

_NOTHING = hashlib.sha256(b"").hexdigest()
_PAUSES_S = (0.1, 0.2, 0.4, 0.8, 1.6, 3.2, 5.0)
"""Eight tries in all. With the SDK's three, throttled block reads were seen to fail."""

_DEADLINES = Deadlines(connect_s=5, silence_s=30, whole_s=120)


class StaleToken(Transient):
    """A block token that EBS no longer takes: the block must be listed again."""


class Blocks:
    """Gets and puts whole blocks; thread-safe. Raises what :mod:`providers.aws.client` makes."""

    def __init__(self, clients: Clients) -> None:
        self._credentials = clients.credentials
        self._region = clients.region
        self._url = clients.ebs.meta.endpoint_url.rstrip("/")
        self._prefix = urlsplit(self._url).path
        bundle = clients.ca_bundle
        self._connections = Connections(
            self._url, trust=trusting(bundle) if bundle else None, deadlines=_DEADLINES
        )
        account = clients.account_word
        self._gets = pace_of(account, self._region, "GetSnapshotBlock")
        self._puts = pace_of(account, self._region, "PutSnapshotBlock")
        self._counting = threading.Lock()
        self._answered = False
        self.sent_bytes = 0
        self.got_bytes = 0
        self.puts = 0

    def get(self, snapshot: str, index: int, token: str, block: memoryview) -> bytes | None:
        """Fill ``block``; the SHA-256 of it, or None when EBS announced another one.

        Raises StaleToken when the block must be listed again.
        """
        path = f"{_path(snapshot, index)}?blockToken={quote(token, safe='')}"
        subject = f"block {index} of {snapshot}"
        ask = partial(self._ask, "GET", path, {"X-Amz-Content-SHA256": _NOTHING}, into=block)
        answer = self._call(
            "ebs:GetSnapshotBlock",
            subject,
            self._gets,
            ask,
            lambda: {
                "INVALID_BLOCK_TOKEN": StaleToken(f"EBS does not take the token of {subject}.")
            },
        )
        with self._counting:
            self.got_bytes += len(block)
        digest = hashlib.sha256(block).digest()
        said = answer.headers
        announced = (
            said.get("x-amz-Data-Length"),
            said.get("x-amz-Checksum-Algorithm"),
            said.get("x-amz-Checksum"),
        )
        held = (str(BLOCK_BYTES), "SHA256", base64.b64encode(digest).decode())
        return digest if announced == held else None

    def put(
        self, snapshot: str, index: int, block: memoryview, digest: bytes,
        instead: Instead = dict,
    ) -> None:  # fmt: skip
        """Write a block whose SHA-256 is known; again is no fault. Durable once returned.

        ``instead`` makes a map from Reasons of EBS direct to the errors that they mean here.
        """
        checksum = base64.b64encode(digest).decode()
        headers = {
            "Content-Type": "application/octet-stream",
            "X-Amz-Content-SHA256": digest.hex(),  # known anyway: the body is signed for nothing
            "x-amz-Data-Length": str(BLOCK_BYTES),
            "x-amz-Checksum": checksum,
            "x-amz-Checksum-Algorithm": "SHA256",
        }
        subject = f"block {index} of {snapshot}"
        ask = partial(self._put, _path(snapshot, index), headers, block)
        answer = self._call("ebs:PutSnapshotBlock", subject, self._puts, ask, instead)
        if answer.headers.get("x-amz-Checksum") != checksum:
            raise Transient(f"EBS acknowledged another digest of {subject} than was sent.")

    def close(self) -> None:
        """Close connections."""
        self._connections.close()

    def _put(self, path: str, headers: dict[str, str], block: memoryview, what: str) -> Answer:
        with self._counting:
            self.sent_bytes += len(block)
            self.puts += 1
        return self._ask("PUT", path, headers, what, body=block)

    def _call(
        self,
        action: str,
        subject: str,
        pace: Pace,
        ask: Callable[[str], Answer],
        instead: Instead,
    ) -> Answer:
        """Ask until it is answered with neither "later" nor silence, a few times."""
        pauses = list(_PAUSES_S)
        while True:
            pace.take()
            try:
                with speaking(action, subject):
                    answer = ask(subject)
                self._answered = True
                if answer.status < 300:
                    return answer
                with speaking(action, subject, instead()):
                    raise _refusal(answer, action, pace)
            except StaleToken:
                raise
            except Transient as failure:
                if isinstance(failure, Unreachable) and not self._answered:
                    del pauses[1:]  # a host that never answered is asked once more
                if not pauses:
                    raise
                pause_s = pauses.pop(0) * random.uniform(0.7, 1.3)  # noqa: S311
                time.sleep(max(pause_s, min(failure.retry_after_s or 0, 10)))

    def _ask(
        self, method: str, path: str, headers: dict[str, str], what: str, **bodies: Any
    ) -> Answer:
        calls.made("aws", "read" if method == "GET" else "write")
        signed: Any = AWSRequest(method, f"{self._url}{path}", headers)
        credentials = self._credentials.get_frozen_credentials()
        SigV4Auth(credentials, "ebs", self._region).add_auth(signed)
        return self._connections.ask(
            method, f"{self._prefix}{path}", dict(signed.headers.items()), what=what, **bodies
        )


def _path(snapshot: str, index: int) -> str:
    return f"/snapshots/{quote(snapshot, safe='')}/blocks/{index}"


def _refusal(answer: Answer, action: str, pace: Pace) -> ClientError:
    """What the SDK would raise for this answer ("AWS restJson1 protocol", operation errors)."""
    try:
        said = json.loads(answer.body)
    except ValueError:
        said = {}
    if not isinstance(said, dict):
        said = {}
    named = answer.headers.get("x-amzn-ErrorType") or said.get("__type") or said.get("code") or ""
    code = str(named).partition(":")[0].rpartition("#")[2]
    if code in THROTTLED or answer.status == 429:
        pace.throttled()
    headers = {name.lower(): value for name, value in answer.headers.items()}
    message = said.get("message") or said.get("Message") or ""
    response: Any = {
        "Error": {"Code": code, "Message": str(message)},
        "Reason": str(said.get("Reason", "")),
        "ResponseMetadata": {"HTTPStatusCode": answer.status, "HTTPHeaders": headers},
    }
    return ClientError(response, action.partition(":")[2])
