"""AWS errors in the wire format of each service protocol.

Source: AWS Common Runtime protocol pages ("AWS restJson1", "AWS JSON 1.1",
"AWS query", "EC2 query") of the Smithy specification, and "Error codes" of the
Amazon EC2 API reference.
"""

import json
import uuid
from typing import NamedTuple
from xml.sax.saxutils import escape


class Answer(NamedTuple):
    """One HTTP answer, ready to be sent."""

    status: int
    headers: list[tuple[str, str]]
    body: bytes


class AwsError(Exception):
    """A refusal as AWS would word it; ``reason`` is used by EBS direct only."""

    def __init__(self, status: int, code: str, message: str, reason: str = "") -> None:
        super().__init__(f"{code}: {message}")
        self.status = status
        self.code = code
        self.message = message
        self.reason = reason


def error_answer(protocol: str, error: AwsError) -> Answer:
    """Serialise ``error`` for ``protocol``: ec2, query, rest-xml, rpc, json or rest-json."""
    request_id = str(uuid.uuid4())
    if protocol == "rpc":
        return _cbor(error, request_id)
    if protocol in ("ec2", "query", "rest-xml"):
        return _xml(protocol, error, request_id)
    headers = [("x-amzn-RequestId", request_id)]
    fields = {"message": error.message, "Message": error.message}
    if error.reason:
        fields["Reason"] = error.reason
    if protocol == "rest-json":
        headers += [("Content-Type", "application/json"), ("x-amzn-ErrorType", error.code)]
    else:
        headers.append(("Content-Type", "application/x-amz-json-1.1"))
        fields["__type"] = error.code
    return Answer(error.status, headers, json.dumps(fields).encode())


def _cbor(error: AwsError, request_id: str) -> Answer:
    """A map of two short texts ("Smithy RPC v2 CBOR", RFC 8949 section 3.1)."""

    def text(words: str) -> bytes:
        data = words.encode()
        return b"\x79" + len(data).to_bytes(2, "big") + data

    fields = {"__type": error.code, "message": error.message}
    body = b"\xa2" + b"".join(text(key) + text(value) for key, value in fields.items())
    headers = [
        ("Content-Type", "application/cbor"),
        ("smithy-protocol", "rpc-v2-cbor"),
        ("x-amzn-RequestId", request_id),
    ]
    return Answer(error.status, headers, body)


def _xml(protocol: str, error: AwsError, request_id: str) -> Answer:
    detail = f"<Code>{escape(error.code)}</Code><Message>{escape(error.message)}</Message>"
    if protocol == "ec2":
        text = (
            f"<Response><Errors><Error>{detail}</Error></Errors>"
            f"<RequestID>{request_id}</RequestID></Response>"
        )
    else:
        fault = "Receiver" if error.status >= 500 else "Sender"
        text = (
            f"<ErrorResponse><Error><Type>{fault}</Type>{detail}</Error>"
            f"<RequestId>{request_id}</RequestId></ErrorResponse>"
        )
    body = f'<?xml version="1.0" encoding="UTF-8"?>\n{text}'.encode()
    return Answer(error.status, [("Content-Type", "text/xml;charset=UTF-8")], body)
