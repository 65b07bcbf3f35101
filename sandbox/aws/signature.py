"""Whether a request was signed with the secret that belongs to its access key.

The signature is made again with botocore's own signer, over the request as it
arrived. Source: "Create a signed AWS API request" (Signature Version 4) of the
IAM user guide: only the headers named in SignedHeaders count, the host must be
one of them, and ``x-amz-content-sha256`` stands for the body where it is given.
"""

import hashlib
import hmac
import re
from typing import Any

from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest, HeadersDict
from botocore.compat import HTTPHeaders
from botocore.credentials import Credentials

_AUTHORIZATION = re.compile(
    r"AWS4-HMAC-SHA256\s+Credential=([^/,\s]+)/(\d{8})/([^/]+)/([^/]+)/aws4_request,\s*"
    r"SignedHeaders=([^,\s]+),\s*Signature=([0-9a-f]{64})"
)
_SHA256 = re.compile(r"[0-9a-f]{64}")
_BODY = "x-amz-content-sha256"
_UNSIGNED = re.compile(r"UNSIGNED-PAYLOAD|STREAMING-[A-Z0-9-]+")


class _Signer(SigV4Auth):
    """Signs the headers that the caller signed: all that the request is given."""

    def headers_to_sign(self, request: Any) -> Any:
        """Botocore leaves some out, other SDKs do not."""
        found = HTTPHeaders()  # type: ignore[no-untyped-call, unused-ignore]
        for name, value in request.headers.items():
            found[name.lower()] = value
        return found


def is_signed(environ: dict[str, Any], body: bytes, secret: str) -> bool:
    """The request bears the one right signature in its header."""
    found = _AUTHORIZATION.fullmatch(str(environ.get("HTTP_AUTHORIZATION", "")).strip())
    if found is None:
        return False
    key_id, day, region, service, signed, signature = found.groups()
    headers = {name: _header(environ, name) for name in signed.split(";")}
    timestamp = headers.get("x-amz-date") or ""
    if "host" not in headers or None in headers.values() or timestamp[:8] != day:
        return False
    if not _covers(_header(environ, _BODY), body):
        return False
    given = {name: value for name, value in headers.items() if value is not None}
    signer = _Signer(Credentials(key_id, secret), service, region)
    request: Any = AWSRequest(
        environ["REQUEST_METHOD"],
        f"http://{given['host']}{environ['REQUEST_URI']}",
        HeadersDict(given),  # type: ignore[no-untyped-call, unused-ignore]
        body,
    )
    request.context["timestamp"] = timestamp
    words: Any = signer
    text = words.string_to_sign(request, words.canonical_request(request))
    return hmac.compare_digest(words.signature(text, request), signature)


def _covers(digest: str | None, body: bytes) -> bool:
    if digest is None or _UNSIGNED.fullmatch(digest):
        return True
    matches = _SHA256.fullmatch(digest) is not None
    return matches and hmac.compare_digest(digest, hashlib.sha256(body).hexdigest())


def _header(environ: dict[str, Any], name: str) -> str | None:
    key = name.upper().replace("-", "_")
    found = environ.get(key if key in ("CONTENT_TYPE", "CONTENT_LENGTH") else f"HTTP_{key}")
    return None if found is None else str(found)
