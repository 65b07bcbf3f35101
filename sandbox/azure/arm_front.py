"""The ARM listener: tokens, faults, and the ``/_sandbox`` control addresses.

* ``POST/DELETE /_sandbox/faults``, ``GET/DELETE /_sandbox/counts``: see
  ``sandbox.faults``; both cover the blob front too;
* ``GET/DELETE /_sandbox/puts``: the PUT bodies received, each with its type,
  id, api_version and whether it was accepted;
* ``PUT /_sandbox/settings``: any of the fields of ``world.Settings``;
* ``POST /_sandbox/damage``: alter the stored byte ``offset`` of the disk ``id``;
* ``POST /_sandbox/write``: write ``data`` (base64, whole pages) at ``offset`` of the
  disk ``id``, as its guest would; zeros free their pages.
"""

import base64
import dataclasses
import hmac
import json
from typing import Any, ClassVar
from urllib.parse import parse_qsl, unquote, urlsplit

from sandbox.azure.arm import Arm
from sandbox.azure.errors import ArmError
from sandbox.azure.kinds import Reply
from sandbox.azure.listener import Handler
from sandbox.azure.world import Settings
from sandbox.faults import Fault, Faults

RETRY_STATUSES = (429, 503)


class ArmHandler(Handler):
    """Answers one ARM connection."""

    arm: ClassVar[Arm]
    faults: ClassVar[Faults]
    token: ClassVar[str]

    def do_GET(self) -> None:
        """Answer a GET."""
        self._serve()

    def do_PUT(self) -> None:
        """Answer a PUT."""
        self._serve()

    def do_POST(self) -> None:
        """Answer a POST."""
        self._serve()

    def do_PATCH(self) -> None:
        """Answer a PATCH."""
        self._serve()

    def do_DELETE(self) -> None:
        """Answer a DELETE."""
        self._serve()

    def _serve(self) -> None:
        raw = self.read_body()
        try:
            reply = self._reply(raw)
        except ArmError as refusal:
            headers = {}
            if refusal.status == 401:
                headers["WWW-Authenticate"] = (
                    'Bearer authorization_uri="https://login.microsoftonline.com/", '
                    'error="invalid_token"'
                )
            reply = Reply(refusal.status, {"error": refusal.error()}, headers)
        self.answer_json(reply.status, reply.body, reply.headers)

    def _reply(self, raw: bytes) -> Reply:
        parts = urlsplit(self.path)
        if parts.path.startswith("/_sandbox/"):
            return self._control(parts.path.removeprefix("/_sandbox/"), raw)
        operation = self.arm.operation_name(self.command, parts.path)
        text = unquote(self.path) + raw.decode(errors="replace")
        fault = self.faults.arrived(operation, text, len(raw))
        if fault is not None and fault.status >= 300 and not fault.apply:
            return _faulted(fault)
        self._check_token()
        query = dict(parse_qsl(parts.query, keep_blank_values=True))
        failing = fault if fault is not None and fault.status < 300 else None
        reply = self.arm.handle(self.command, parts.path, query, _json(raw), failing)
        if fault is not None and fault.status >= 300:
            return _faulted(fault)
        return reply

    def _check_token(self) -> None:
        given = self.headers.get("Authorization", "")
        if not hmac.compare_digest(given.encode(), f"Bearer {self.token}".encode()):
            raise ArmError(401, "InvalidAuthenticationToken", "The access token is invalid.")

    def _control(self, what: str, raw: bytes) -> Reply:
        body = _json(raw)
        match self.command, what:
            case "POST", "faults":
                self.faults.add(body)
            case "DELETE", "faults":
                self.faults.clear()
            case "GET", "counts":
                return Reply(200, self.faults.counts())
            case "DELETE", "counts":
                self.faults.reset_counts()
            case "GET", "puts":
                with self.arm.world.lock:
                    return Reply(200, list(self.arm.puts))
            case "DELETE", "puts":
                with self.arm.world.lock:
                    self.arm.puts.clear()
            case "PUT", "settings":
                with self.arm.world.lock:
                    _set(self.arm.world.settings, body)
            case "POST", "damage":
                with self.arm.world.lock:
                    disk = self.arm.world.referenced(body["id"], "disks", "id")
                    self.arm.world.blobs.damage(disk.private["container"], int(body["offset"]))
            case "POST", "write":
                with self.arm.world.lock:
                    disk = self.arm.world.referenced(body["id"], "disks", "id")
                    data = base64.b64decode(body["data"])
                    container = disk.private["container"]
                    self.arm.world.blobs.write(container, int(body["offset"]), data)
            case _:
                raise ArmError(404, "NotFound", f"{self.command} {what} is no control address.")
        return Reply(200, {})


def _set(settings: Settings, wanted: dict[str, Any]) -> None:
    known = {field.name for field in dataclasses.fields(settings)}
    if not set(wanted) <= known:
        raise ArmError(400, "InvalidParameter", f"Settings are {', '.join(sorted(known))}.")
    for name, value in wanted.items():
        setattr(settings, name, value)


def _json(raw: bytes) -> Any:
    if not raw:
        return None
    try:
        return json.loads(raw)
    except ValueError as error:
        raise ArmError(400, "InvalidRequestContent", "The body is not JSON.") from error


def _faulted(fault: Fault) -> Reply:
    headers = {"Retry-After": "1"} if fault.status in RETRY_STATUSES else {}
    error = {"code": fault.code, "message": fault.message}
    return Reply(fault.status, {"error": error}, headers)
