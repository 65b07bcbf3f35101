"""The WSGI front: faults, counters, credentials, DryRun, then EBS direct or moto."""

import base64
import dataclasses
import io
import json
import logging
from collections.abc import Iterable
from http import HTTPStatus
from typing import Any

from moto.core.utils import camelcase_to_underscores
from moto.ec2.responses import EC2Response
from werkzeug.test import run_wsgi_app

from sandbox.aws.calls import Call, read_call
from sandbox.aws.ebs import answer_ebs
from sandbox.aws.errors import Answer, AwsError, error_answer
from sandbox.aws.rights import check_rights
from sandbox.aws.signature import is_signed
from sandbox.aws.tag_rules import check_tags
from sandbox.aws.world import World
from sandbox.faults import Faults, altered

_log = logging.getLogger(__name__)
_JSON = [("Content-Type", "application/json")]
# What a region offers does not change; moto takes two seconds to say it of 1,395 types, and
# every plan towards AWS asks.
_NEVER_CHANGE = {"DescribeInstanceTypes", "DescribeInstanceTypeOfferings"}
# These check their parameters before they answer a dry run.
_OWN_DRY_RUN = {"RunInstances", "RegisterImage", "StopInstances", "StartInstances"}


_SIGNATURE_JSON = "InvalidSignatureException"
_SIGNATURE_WORDS = (
    "The request signature we calculated does not match the signature you provided. Check your "
    "AWS Secret Access Key and signing method. Consult the service documentation for details."
)


class Front:
    """One endpoint for all services."""

    def __init__(
        self, moto_app: Any, world: World, faults: Faults, access_key_id: str, secret: str
    ) -> None:
        self._moto_app = moto_app
        self._world = world
        self._faults = faults
        self._access_key_id = access_key_id
        self._secret = secret
        self._told: dict[tuple[str, bytes, frozenset[str]], Answer] = {}

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        """WSGI. The body is always read: an unread one would spoil the connection."""
        body = environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
        if str(environ.get("PATH_INFO", "")).startswith("/_sandbox/"):
            answer = self._sandbox(environ["REQUEST_METHOD"], environ["PATH_INFO"], body)
        else:
            answer = self._answer(environ, body)
        headers = [(k, v) for k, v in answer.headers if k.lower() != "content-length"]
        headers.append(("Content-Length", str(len(answer.body))))
        known = answer.status in HTTPStatus._value2member_map_
        phrase = HTTPStatus(answer.status).phrase if known else "Unknown"
        start_response(f"{answer.status} {phrase}", headers)
        return [answer.body]

    def _sandbox(self, method: str, path: str, body: bytes) -> Answer:
        reply: object = {}
        try:
            if (method, path) == ("POST", "/_sandbox/faults"):
                self._faults.add(json.loads(body))
            elif (method, path) == ("DELETE", "/_sandbox/faults"):
                self._faults.clear()
            elif (method, path) == ("GET", "/_sandbox/counts"):
                reply = self._faults.counts()
            elif (method, path) == ("DELETE", "/_sandbox/counts"):
                self._faults.reset_counts()
            elif (method, path) == ("POST", "/_sandbox/write"):
                said = json.loads(body)
                data = base64.b64decode(said["data"])
                self._world.store.write(said["id"], int(said["offset"]), data)
            elif (method, path) == ("PUT", "/_sandbox/settings"):
                self._world.settings = dataclasses.replace(self._world.settings, **json.loads(body))
            else:
                return Answer(404, _JSON, b'{"error": "no such sandbox page"}')
        except (KeyError, TypeError, ValueError) as error:
            return Answer(400, _JSON, json.dumps({"error": str(error)}).encode())
        return Answer(200, _JSON, json.dumps(reply).encode())

    def _answer(self, environ: dict[str, Any], body: bytes) -> Answer:
        call = read_call(environ, body)
        fault = self._faults.arrived(call.name, call.text, len(body))
        try:
            self._authenticate(call, environ)
            if fault is None or fault.apply or fault.corrupt:
                answer = self._obey(call, environ)
            if fault is not None and fault.corrupt:
                return answer._replace(body=altered(answer.body))
            if fault is not None:
                raise AwsError(fault.status, fault.code, fault.message)
            return answer
        except AwsError as error:
            return error_answer(call.protocol, error)

    def _authenticate(self, call: Call, environ: dict[str, Any]) -> None:
        """Refuse another access key, or a wrong secret; "Common errors" pages give the codes."""
        known = call.access_key_id == self._access_key_id
        if known and is_signed(environ, call.body, self._secret):
            return
        if call.protocol == "ec2":
            message = "AWS was not able to validate the provided access credentials"
            raise AwsError(401, "AuthFailure", message)
        if known:
            code = "SignatureDoesNotMatch" if "json" not in call.protocol else _SIGNATURE_JSON
            raise AwsError(400 if call.protocol == "json" else 403, code, _SIGNATURE_WORDS)
        message = "The security token included in the request is invalid."
        if call.protocol == "query":
            raise AwsError(403, "InvalidClientTokenId", message)
        status = 403 if call.protocol == "rest-json" else 400
        raise AwsError(status, "UnrecognizedClientException", message)

    def _obey(self, call: Call, environ: dict[str, Any]) -> Answer:
        if call.service == "unknown" or call.operation == "unknown":
            raise _no_such_operation(call)
        check_rights(call, self._world.settings.denied)
        if call.service == "ebs":
            return answer_ebs(self._world, call)
        if call.service == "ec2":
            check_tags(call.form)
        if call.form.get("DryRun", "").lower() == "true" and call.operation not in _OWN_DRY_RUN:
            if not hasattr(EC2Response, camelcase_to_underscores(call.operation)):
                raise _no_such_operation(call)
            message = "Request would have succeeded, but DryRun flag is set."
            raise AwsError(412, "DryRunOperation", message)
        if call.operation not in _NEVER_CHANGE:
            return self._ask_moto(call, environ)
        asked = (call.region, call.body, frozenset(self._world.settings.types))
        if asked not in self._told:
            self._told[asked] = self._ask_moto(call, environ)
        return self._told[asked]

    def _ask_moto(self, call: Call, environ: dict[str, Any]) -> Answer:
        environ["wsgi.input"] = io.BytesIO(call.body)
        with self._world.moto_lock:
            try:
                chunks, status, headers = run_wsgi_app(self._moto_app, environ, buffered=True)
                body = b"".join(chunks)
            except NotImplementedError as error:
                if "ilter" in str(error):
                    message = f"The filter is not modelled here: {error}"
                    raise AwsError(400, "InvalidParameterValue", message) from error
                raise _no_such_operation(call, str(error)) from error
            except Exception as error:
                # A defect of the double, not a fault: say so, in the service's own format.
                _log.exception("%s failed inside moto", call.name)
                message = f"the sandbox failed: {type(error).__name__}: {error}"
                raise AwsError(500, "InternalError", message) from error
        code = int(status.split()[0])
        if code >= 400 and "html" in headers.get("Content-Type", "") and b"<html" in body.lower():
            raise _no_such_operation(call)
        return Answer(code, list(headers), body)


def _no_such_operation(call: Call, why: str = "") -> AwsError:
    message = why or f"The action {call.operation} is not valid for this web service."
    if call.protocol in ("ec2", "query"):
        return AwsError(400, "InvalidAction", message)
    return AwsError(400, "UnknownOperationException", message)
