"""Azure's error codes in the words of our own errors.

Knows no SDK: :mod:`providers.azure.client` takes status, code and message out
of the exception and asks here. Pages: "Common error codes in Azure Resource
Manager", "Throttling Resource Manager requests", "Error messages when
allocating VMs", "Common REST API error codes" (storage).
"""

import re
from dataclasses import dataclass

from coldferry.errors import Conflict, Denied, Gone, ProviderError, Quota, Transient, Unreachable

_MESSAGE_CHARS = 300

_QUOTA = frozenset({"quotaexceeded", "resourcequotaexceeded", "publicipcountlimitreached"})
_CAPACITY = frozenset(
    {
        "allocationfailed",
        "overconstrainedallocationrequest",
        "overconstrainedzonalallocationrequest",
        "skunotavailable",
        "zonalallocationfailed",
    }
)
_BUSY = frozenset(
    {
        "anotheroperationinprogress",
        "attachdiskwhilebeingdetached",
        "inusesubnetcannotbedeleted",
        "networkinternaloperationerror",
        "nicreservedforanothervm",
        "operationpreempted",
        "retryableerror",
        "retryableerrorduetoanotheroperation",
        "toomanyrequests",
        "internalservererror",
        "serverbusy",
        "operationtimedout",
    }
)
_DENIED = frozenset(
    {
        "authorizationfailed",
        "linkedauthorizationfailed",
        "invalidauthenticationtoken",
        "expiredauthenticationtoken",
        "requestdisallowedbypolicy",
    }
)
_GONE = frozenset({"notfound", "resourcenotfound", "resourcegroupnotfound", "blobnotfound"})


@dataclass(frozen=True)
class Reply:
    """What an error answer says; ``status`` 0 when an operation failed after it was accepted."""

    status: int
    code: str
    message: str
    retry_after_s: float | None = None


@dataclass(frozen=True)
class Deed:
    """What was tried: ``doing`` a verb, ``subject`` the object, ``action`` the role action."""

    doing: str
    subject: str
    action: str
    host: str


def refusal(reply: Reply, deed: Deed) -> ProviderError:
    """The error of ours for an error answer of Azure's."""
    code = reply.code.lower()
    said = f"{reply.code}: {scrubbed(reply.message)}" if reply.message else reply.code
    what = f"Azure did not {deed.doing} {deed.subject} ({said or f'status {reply.status}'})."
    return _by_limit(what, code, reply.message) or _by_state(what, code, reply, deed)


def _by_limit(what: str, code: str, message: str) -> Quota | None:
    if _is_quota(code, message):
        return Quota(what, "Ask for a higher quota, free some of it, or choose another size.")
    if code in _CAPACITY:
        return Quota(
            what, "This size is not available there now: choose another one or try again later."
        )
    return None


def _by_state(what: str, code: str, reply: Reply, deed: Deed) -> ProviderError:
    status = reply.status
    found = ProviderError(what, "Correct what the message names and run the same command again.")
    if code in _DENIED or status in (401, 403):
        found = _denied(what, code, deed)
    elif code in _BUSY or status in (408, 429) or status >= 500:
        found = Transient(what, retry_after_s=reply.retry_after_s)
    elif code in _GONE or status == 404:
        found = Gone(what, "Check the name, the resource group and the subscription.")
    elif code == "scopelocked":
        found = Conflict(what, "A lock forbids it: remove the lock and run the command again.")
    elif status in (409, 412):
        found = Conflict(what, "Look at the object's state and run the same command again.")
    return found


def unreachable(deed: Deed, why: str) -> Unreachable:
    """No answer at all."""
    return Unreachable(
        f"No answer from {deed.host} when asked to {deed.doing} {deed.subject} ({why}).",
        f"Check that this machine reaches {deed.host} (network, proxy, firewall, CA bundle).",
    )


def unauthenticated(deed: Deed) -> Denied:
    """The identity service gave no token, or the token is not taken."""
    return Denied(
        f"Azure did not {deed.doing} {deed.subject}: the credentials gave no usable token.",
        "Check tenant id, client id and client secret, or the machine's managed identity.",
    )


def scrubbed(message: str) -> str:
    """A provider's message without what could sign a request, cut to one short line."""
    text = re.sub(r"(https?://[^\s?'\"]*)\?[^\s'\"]*", r"\1", message)
    text = re.sub(r"(?i)\b(sig|signature|bearer|token|accountkey)\b\s*[=:]?\s*\S+", "…", text)
    text = " ".join(text.split())
    return text if len(text) <= _MESSAGE_CHARS else f"{text[:_MESSAGE_CHARS]}…"


def _is_quota(code: str, message: str) -> bool:
    # Compute words a core quota as OperationNotAllowed ("Resolve errors for resource quotas").
    return code in _QUOTA or (code == "operationnotallowed" and "quota" in message.lower())


def _denied(what: str, code: str, deed: Deed) -> Denied:
    if code == "requestdisallowedbypolicy":
        return Denied(what, "An Azure Policy forbids it: ask its owner for an exemption.")
    if code in ("invalidauthenticationtoken", "expiredauthenticationtoken"):
        return unauthenticated(deed)
    return Denied(what, f"Give the identity a role with the action {deed.action}.")
