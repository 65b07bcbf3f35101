"""The one door to Azure's SDK: clients, credentials, and SDK exceptions in our words.

Everything behind it is wire JSON (``dict`` with ARM's own key names), so that
no other file knows a model class. Versions are pinned call by call, because
the SDK ignores a client-wide ``api_version``. SDK packages are imported when
they are first used: compute costs about 110 MiB of memory, network 180 MiB.

Pages: "Asynchronous operations" and "Throttling" of the ARM reference, "Azure
Identity client library for Python".
"""

import logging
import random
import ssl
import time
from collections.abc import Callable
from functools import cached_property
from typing import Any, TypeVar
from urllib.parse import urlsplit

from azure.core.exceptions import (
    AzureError,
    ClientAuthenticationError,
    HttpResponseError,
    ServiceRequestError,
)

from coldferry.errors import BadInput, ColdferryError, Gone, ProviderError, Transient, Unreachable
from coldferry.plain import plain
from providers.azure import failures
from providers.azure.access import AzureAccess
from providers.azure.credentials import credential
from providers.azure.failures import Deed, Reply
from providers.azure.ids import Json, properties
from providers.azure.kinds import NIC, VM, Kind
from providers.azure.reading_arm import ArmReader, Counted
from providers.route import trusting

T = TypeVar("T")

PUBLIC_CLOUD = "https://management.azure.com"
SCOPE = "https://management.azure.com/.default"
_SKUS_VERSION = "2021-07-01"

SAS_DURATION_S = 24 * 3600
"""A SAS is asked for a day at a time and renewed; the service's ceiling is not relied on."""

_CONSOLE_MINUTES = 5

_OPERATION_TIMEOUT_S = 1800.0
_LONGEST_PAUSE_S = 20.0
_PAUSES_S = (1.0, 3.0, 8.0)
_PLACE = ("subscription_id", "resource_group", "location")
_MOVING = frozenset({"Creating", "Updating", "Deleting"})

# An SDK's debug lines hold addresses with signatures, and its warnings repeat our errors.
logging.getLogger("azure").setLevel(logging.CRITICAL)
logging.getLogger("urllib3.connectionpool").setLevel(logging.INFO)


class Arm:
    """Azure Resource Manager for one resource group. Cheap to make; used from many threads."""

    def __init__(self, access: AzureAccess) -> None:
        self.access = access
        self.subscription = f"/subscriptions/{access.subscription_id}"
        self.group_id = f"{self.subscription}/resourceGroups/{access.resource_group}"
        self.host = (access.endpoint or PUBLIC_CLOUD).partition("//")[2].partition("/")[0]

    def get(self, kind: Kind, name: str, group: str = "", expand: str = "") -> Json:
        """One resource as of now. Raises Gone."""
        query = {"$expand": expand} if expand else {}
        path = f"{self._in_group(kind, group)}/{name}"
        deed = self._deed("read", f"{kind.word} '{name}'", f"{kind.arm_type}/read")
        return self._call(deed, lambda: self._reader.one(path, kind.version, **query))[0]

    def find(self, kind: Kind, name: str, group: str = "", expand: str = "") -> Json | None:
        """One resource as of now, None when it is not there."""
        try:
            return self.get(kind, name, group, expand)
        except Gone:
            return None

    def settled(self, kind: Kind, name: str) -> Json | None:
        """One resource once nothing is under way on it, None when it is not there.

        An earlier run may have died while Azure was still at work.
        """
        deadline = time.monotonic() + _OPERATION_TIMEOUT_S
        while True:
            found = self.find(kind, name)
            if found is None or properties(found).get("provisioningState") not in _MOVING:
                return found
            if time.monotonic() > deadline:
                raise Transient(f"Azure is still at work on {kind.word} '{name}'.")
            time.sleep(1)

    def put(self, kind: Kind, name: str, body: Json) -> Json:
        """Create or replace, and wait for it. The caller has looked at what is there."""
        return _wire(self._run(kind, "create", name, "write", "begin_create_or_update", body))

    def set_tags(self, kind: Kind, name: str, tags: dict[str, str]) -> None:
        """Replace all tags of a resource, and wait for it."""
        self._run(kind, "tag", name, "write", "begin_update", {"tags": tags})

    def delete(self, kind: Kind, name: str) -> str:
        """Delete, and wait for it; Azure's word for how it ended. Gone already is no error."""
        try:
            return str(self._run(kind, "delete", name, "delete", "begin_delete", ended=_status))
        except Gone:
            return "NotFound"

    def act(
        self, kind: Kind, verb: str, name: str, group: str = "", *,
        within_s: float | None = None, **options: Any,
    ) -> bool:  # fmt: skip
        """A POST action without an answer: ``act(VM, "power_off", …)``, and wait for it.

        Whether it ended ``within_s``; without that it ends, or Transient is raised.
        """
        first, *rest = verb.split("_")
        action = first + "".join(word.capitalize() for word in rest) + "/action"
        doing = verb.replace("_", " ")
        ended: bool | None = self._run(
            kind, doing, name, action, f"begin_{verb}", group=group, within_s=within_s,
            ended=lambda _: True, **options,
        )  # fmt: skip
        return ended is True

    def grant(self, kind: Kind, name: str, level: str) -> str:
        """A SAS address to a disk's bytes; ``level`` is ``Read`` or ``Write``."""
        body = {"access": level, "durationInSeconds": SAS_DURATION_S}
        answer = _wire(self._run(
            kind, f"grant {level.lower()} access to", name, "beginGetAccess/action",
            "begin_grant_access", body,
        ))  # fmt: skip
        # A poller that followed Azure-AsyncOperation hands out the status document.
        output = (answer.get("properties") or {}).get("output") or {}
        sas = answer.get("accessSAS") or output.get("accessSAS")
        if not isinstance(sas, str) or not sas:
            raise ProviderError(
                f"Azure granted access to {kind.word} '{name}' without an address.",
                "Run the same command again; if it stays so, report it to Microsoft.",
            )
        return sas

    def revoke(self, kind: Kind, name: str) -> None:
        """End all access by SAS, and wait for it. For an upload, this seals the disk."""
        self._run(kind, "end access to", name, "endGetAccess/action", "begin_revoke_access")

    def console_address(self, name: str) -> str:
        """Where a VM's serial log can be read for some minutes, with a signature."""
        answer = self._do(
            VM, "read the boot diagnostics of", f"{VM.word} '{name}'",
            "retrieveBootDiagnosticsData/action",
            lambda operations: _wire(operations.retrieve_boot_diagnostics_data(
                self.access.resource_group, name,
                sas_uri_expiration_time_in_minutes=_CONSOLE_MINUTES, **_pin(VM),
            )),
        )  # fmt: skip
        return str(answer.get("serialConsoleLogBlobUri") or "")

    def in_group(self, kind: Kind) -> list[Json]:
        """All resources of a kind in the resource group."""
        deed = self._deed("list", f"{kind.word}s", f"{kind.arm_type}/read")
        return self._call(deed, lambda: self._reader.every(self._in_group(kind), kind.version))

    def in_subscription(self, kind: Kind) -> list[Json]:
        """All resources of a kind in the subscription."""
        path = f"{self.subscription}/providers/{kind.arm_type}"
        deed = self._deed("list", f"{kind.word}s", f"{kind.arm_type}/read")
        return self._call(deed, lambda: self._reader.every(path, kind.version))

    def skus(self) -> list[Json]:
        """Everything Compute offers in the location ("Resource Skus - List")."""
        path = f"{self.subscription}/providers/Microsoft.Compute/skus"
        where = {"$filter": f"location eq '{self.access.location}'"}
        deed = self._deed("list", "sizes", "Microsoft.Compute/skus/read")
        return self._call(deed, lambda: self._reader.every(path, _SKUS_VERSION, **where))

    def usages(self) -> list[Json]:
        """Compute quotas and what is used of them ("Usage - List")."""
        return self._usages("quotas", "Microsoft.Compute", VM.version)

    def network_usages(self) -> list[Json]:
        """Network quotas and what is used of them ("Usages - List")."""
        return self._usages("network quotas", "Microsoft.Network", NIC.version)

    def _usages(self, word: str, namespace: str, version: str) -> list[Json]:
        where = f"{namespace}/locations"
        path = f"{self.subscription}/providers/{where}/{self.access.location}/usages"
        deed = self._deed("list", word, f"{where}/usages/read")
        return self._call(deed, lambda: self._reader.every(path, version))

    def read(self, path: str, version: str, action: str) -> tuple[Json, str]:
        """A plain GET of an ARM path: the JSON answer, and the server's ``Date`` header."""
        deed = self._deed("read", path.rpartition("/providers/")[2] or path, action)
        return self._call(deed, lambda: self._reader.one(path, version))

    def listed(self, path: str, version: str, action: str) -> list[Json]:
        """A plain listing of an ARM path, page by page."""
        deed = self._deed("list", path.rpartition("/providers/")[2], action)
        return self._call(deed, lambda: self._reader.every(path, version))

    def _run(
        self, kind: Kind, doing: str, name: str, action: str, method: str,
        body: Json | None = None, *, group: str = "", within_s: float | None = None,
        ended: "Callable[[Any], T] | None" = None, **options: Any,
    ) -> Any:  # fmt: skip
        def run(operations: Any) -> Any:
            bodies = [] if body is None else [body]
            poller = getattr(operations, method)(
                group or self.access.resource_group, name, *bodies, **_pin(kind), **options
            )
            poller.wait(_OPERATION_TIMEOUT_S if within_s is None else within_s)
            if not poller.done():
                if within_s is not None:
                    return None
                raise Transient(f"Azure is still at it: {doing} {kind.word} '{name}'.")
            result = poller.result()
            return result if ended is None else ended(poller)

        return self._do(kind, doing, f"{kind.word} '{name}'", action, run)

    def _do(self, kind: Kind, doing: str, subject: str, action: str, op: Callable[[Any], T]) -> T:
        deed = self._deed(doing, subject, f"{kind.arm_type}/{action}")
        return self._call(deed, lambda: op(getattr(self._client(kind), kind.operations)))

    def _call(self, deed: Deed, op: Callable[[], T]) -> T:
        """Run one idempotent call; short throttling and server errors are waited out."""
        for pause_s in (*_PAUSES_S, None):
            failure: ColdferryError
            try:
                return op()
            except AzureError as error:
                failure = translated(error, deed)
            if pause_s is None or not _soon(failure):
                raise failure from None
            asked_s = getattr(failure, "retry_after_s", None)
            time.sleep(asked_s if asked_s is not None else pause_s * random.uniform(0.7, 1.3))  # noqa: S311
        raise AssertionError("the last round returns or raises")

    def _check_place(self) -> None:
        """Raises BadInput naming every part of the place that the block leaves empty.

        Azure's own answer to an address without them is "not found", or a name of 0 characters.
        """
        empty = [name for name in _PLACE if not getattr(self.access, name).strip()]
        if empty:
            *most, last = (f"no {name}" for name in empty)
            named = f"{', '.join(most)} and {last}" if most else last
            raise BadInput(f"The Azure block names {named}.", "Fill that in in the block.")

    def _deed(self, doing: str, subject: str, action: str) -> Deed:
        return Deed(doing, subject, action, self.host)

    def _client(self, kind: Kind) -> Any:
        self._check_place()
        return self._compute if kind.client == "compute" else self._network

    def _in_group(self, kind: Kind, group: str = "") -> str:
        resources = f"{self.subscription}/resourceGroups/{group or self.access.resource_group}"
        return f"{resources}/providers/{kind.arm_type}"

    @cached_property
    def _reader(self) -> ArmReader:
        options = self._options
        self._check_place()
        scopes = options.pop("credential_scopes")
        return ArmReader(credential(self.access), options.pop("base_url"), scopes, **options)

    @cached_property
    def _compute(self) -> Any:
        from azure.mgmt.compute import ComputeManagementClient

        return ComputeManagementClient(
            credential(self.access), self.access.subscription_id, **self._options
        )

    @cached_property
    def _network(self) -> Any:
        from azure.mgmt.network import NetworkManagementClient

        return NetworkManagementClient(
            credential(self.access), self.access.subscription_id, **self._options
        )

    @property
    def _options(self) -> Json:
        return {
            "base_url": self._base_url,
            "credential_scopes": [SCOPE],
            "connection_verify": self._trust,
            "connection_timeout": 5,
            "read_timeout": 30,
            "polling_interval": 1,
            "per_retry_policies": [Counted()],
            # Lost connections are tried again once; error answers are weighed in _call.
            "retry_total": 2, "retry_connect": 1, "retry_read": 1, "retry_status": 0,
        }  # fmt: skip

    @property
    def _base_url(self) -> str:
        given = self.access.endpoint.rstrip("/") or PUBLIC_CLOUD
        try:
            usable = urlsplit(given).scheme == "https" and bool(urlsplit(given).hostname)
        except ValueError:
            usable = False
        if not usable:
            raise BadInput(
                "The endpoint in the Azure block is not an https address.",
                "Correct the endpoint, or leave it empty for the public cloud.",
            )
        return given

    @cached_property
    def trust(self) -> ssl.SSLContext | None:
        """Whose certificates are believed where no SDK speaks; None: this machine's."""
        return trusting(self._trust) if isinstance(self._trust, str) else None

    @cached_property
    def _trust(self) -> str | bool:
        """Whose certificates are believed. The SDK's own error for a bad file names no field."""
        path = self.access.ca_bundle
        if not path:
            return True
        try:
            ssl.create_default_context(cafile=path)
        except (OSError, ValueError) as error:
            why = "it is no PEM file"
            if isinstance(error, OSError) and not isinstance(error, ssl.SSLError):
                why = error.strerror or why
            raise BadInput(
                f"The CA bundle '{plain(path)}' of the Azure block cannot be read ({why}).",
                "Give a PEM file that is on the worker's machine, or leave the field empty.",
            ) from None
        return path


def _status(poller: Any) -> str:
    return str(poller.status())


def translated(error: AzureError, deed: Deed) -> ProviderError:
    """The error of ours for an SDK exception; its text, which may hold an address, stays behind."""
    if isinstance(error, HttpResponseError) and error.response is not None:
        return failures.refusal(_reply(error), deed)
    if isinstance(error, ClientAuthenticationError):
        return failures.unauthenticated(deed)
    if isinstance(error, HttpResponseError):
        return failures.refusal(Reply(error.status_code or 0, _code(error), ""), deed)
    asked = isinstance(error, ServiceRequestError)
    why = "the connection failed" if asked else "the reply broke off"
    if "CERTIFICATE_VERIFY_FAILED" in str(error):
        why = "its TLS certificate is not trusted"
    return failures.unreachable(deed, why)


def _reply(error: HttpResponseError) -> Reply:
    response: Any = error.response
    status = int(error.status_code or 0)
    # The storage SDK's codes are members of an enum: its word is the value.
    said: Any = getattr(error, "error_code", "")
    storage = str(getattr(said, "value", said) or response.headers.get("x-ms-error-code", ""))
    # A storage error's text repeats parts of the request; its code says enough.
    message = "" if storage else str(getattr(error.error, "message", "") or "")
    retry_after = response.headers.get("Retry-After", "")
    # An operation that was accepted and failed later carries the status of the last poll.
    return Reply(
        0 if status < 300 else status,
        storage or _code(error),
        message,
        float(retry_after) if retry_after.isdigit() else None,
    )


def _code(error: HttpResponseError) -> str:
    return str(getattr(error.error, "code", "") or "")


def _soon(failure: ColdferryError) -> bool:
    if not isinstance(failure, Transient) or isinstance(failure, Unreachable):
        return False
    return (failure.retry_after_s or 0) <= _LONGEST_PAUSE_S


def _pin(kind: Kind) -> dict[str, str]:
    return {"api_version": kind.version}


def _wire(found: Any) -> Json:
    """An SDK model, or a plain dict, as the JSON that came over the wire."""
    if found is None:
        return {}
    wire: Json = found.as_dict() if hasattr(found, "as_dict") else dict(found)
    return wire
