"""Block tokens and page tokens of EBS direct: opaque, checked, and they expire.

Source: "Read snapshots with EBS direct APIs" (block tokens are valid for 7 days,
page tokens for 60 minutes) and the ValidationExceptionReason values.
"""

import base64
import hashlib
import hmac
import struct
import time

from sandbox.aws.errors import AwsError

_MAC_SIZE_BYTES = 16


def issue(secret: bytes, subject: str, number: int, life_s: float) -> str:
    """A token for ``number`` (a block or a page start) of ``subject``."""
    head = struct.pack(">dQ", time.time() + life_s, number)
    return base64.b64encode(head + _mac(secret, subject, head)).decode()


def read(secret: bytes, subject: str, token: str, reason: str) -> int:
    """The number in ``token``; raises ValidationException with ``reason`` if it is not ours."""
    try:
        raw = base64.b64decode(token, validate=True)
        head, mac = raw[:16], raw[16:]
        expires_at_s, number = struct.unpack(">dQ", head)
    except (ValueError, struct.error):
        raise AwsError(400, "ValidationException", "The token is not valid.", reason) from None
    if not hmac.compare_digest(mac, _mac(secret, subject, head)):
        raise AwsError(400, "ValidationException", "The token is not valid.", reason)
    if time.time() >= expires_at_s:
        raise AwsError(400, "ValidationException", "The token has expired.", reason)
    return int(number)


def _mac(secret: bytes, subject: str, head: bytes) -> bytes:
    return hmac.digest(secret, subject.encode() + head, hashlib.sha256)[:_MAC_SIZE_BYTES]
