"""The one place where the SDK's exceptions become ours.

A new error bears what AWS called the fault, never the request: signatures,
tokens and encoded authorisation messages stay behind. Codes: "Error codes" of
the Amazon EC2 API reference, "Error retries" of the EBS direct APIs, "Common
errors" of AWS STS.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any
from urllib.parse import urlsplit

from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    CredentialRetrievalError,
    HTTPClientError,
    IncompleteReadError,
    MetadataRetrievalError,
    NoCredentialsError,
    ParamValidationError,
    PartialCredentialsError,
    ResponseStreamingError,
    SSLError,
    TokenRetrievalError,
)
from botocore.exceptions import ConnectionError as SdkConnectionError
from botocore.parsers import ResponseParserError

from coldferry.errors import (
    BadInput,
    ColdferryError,
    Conflict,
    Denied,
    Gone,
    ProviderError,
    Quota,
    Transient,
    UnknownMachine,
    Unreachable,
)

_DENIED = {"UnauthorizedOperation", "AccessDenied", "AccessDeniedException", "OptInRequired"}
_BAD_KEYS = {
    "AuthFailure", "InvalidClientTokenId", "UnrecognizedClientException", "InvalidAccessKeyId",
    "SignatureDoesNotMatch", "InvalidSignatureException", "MissingAuthenticationToken",
    "IncompleteSignature",
}  # fmt: skip
_EXPIRED = {"ExpiredToken", "ExpiredTokenException", "RequestExpired"}
THROTTLED = {
    "RequestLimitExceeded", "Throttling", "ThrottlingException", "ThrottledException",
    "RequestThrottled", "RequestThrottledException", "RequestThrottleException",
    "TooManyRequestsException", "EC2ThrottledException", "ConcurrentLimitExceededException",
    "SnapshotCreationPerVolumeRateExceeded", "ConcurrentSnapshotLimitExceeded", "SlowDown",
}  # fmt: skip
_BUSY = {
    "InternalError", "InternalFailure", "InternalServerException", "Unavailable",
    "ServiceUnavailable", "ServiceUnavailableException", "RequestTimeout",
    "InsufficientInstanceCapacity",
}  # fmt: skip
_NO_MACHINE = {"InvalidInstanceID.NotFound", "InvalidInstanceID.Malformed"}
_CONFLICT = {
    "IncorrectInstanceState", "IncorrectState", "OperationNotPermitted", "UnsupportedOperation",
    "DependencyViolation", "ConflictException", "VolumeInUse",
}  # fmt: skip
_BAD_READ = "Failed to read block data"


@contextmanager
def speaking(
    operation: str, subject: str, instead: Mapping[str, ColdferryError] | None = None
) -> Iterator[None]:
    """Turn what the SDK raises into our tree.

    ``operation`` is the IAM action (``ec2:StopInstances``), ``subject`` what it
    is done to. ``instead`` maps an AWS code, or a Reason of EBS direct, to the
    error that means it here.
    """
    try:
        yield
    except ClientError as error:
        raise _refusal(error, operation, subject, instead or {}) from None
    except (BotoCoreError, HTTPClientError, ResponseParserError) as error:
        raise _no_answer(error, operation, subject) from None


def dry_run(call: Callable[[], object], action: str, subject: str) -> bool | None:
    """Whether ``call``, made with DryRun, would be allowed; None when AWS says neither.

    "Actions that support dry run": DryRunOperation is a yes, UnauthorizedOperation a no.
    """
    try:
        call()
    except ClientError as error:
        if error.response["Error"]["Code"] == "DryRunOperation":
            return True
        refusal = _refusal(error, action, subject, {})
        return False if isinstance(refusal, Denied) else None
    except (BotoCoreError, HTTPClientError, ResponseParserError) as error:
        raise _no_answer(error, action, subject) from None
    return True


def _refusal(
    error: ClientError, operation: str, subject: str, instead: Mapping[str, ColdferryError]
) -> ColdferryError:
    answer: dict[str, Any] = dict(error.response)
    code = str(answer.get("Error", {}).get("Code", ""))
    reason = str(answer.get("Reason", ""))
    status = int(answer.get("ResponseMetadata", {}).get("HTTPStatusCode", 0))
    message = str(answer.get("Error", {}).get("Message", ""))
    if code in instead or reason in instead:
        return instead[code if code in instead else reason]
    if error.operation_name == "AssumeRole":
        operation, subject = "sts:AssumeRole", "the role in the credentials block"
    if refusal := _credentials(code, reason, operation, subject):
        return refusal
    if code in THROTTLED:
        after = answer.get("ResponseMetadata", {}).get("HTTPHeaders", {}).get("retry-after", "")
        return Transient(
            f"AWS throttles {operation} ({code}) on {subject}.",
            retry_after_s=float(after) if re.fullmatch(r"\d{1,5}", after) else None,
        )
    if code in _BUSY or status >= 500 or _BAD_READ in message:
        return Transient(f"AWS could not do {operation} on {subject} just now ({code or status}).")
    if code in _NO_MACHINE:
        return unknown_machine(subject)
    return _other(code, message, operation, subject)


def _credentials(code: str, reason: str, operation: str, subject: str) -> Denied | None:
    if code in _EXPIRED:
        return Denied(
            f"The AWS credentials have expired ({operation} on {subject}).",
            "Renew them in the credentials block, or use a role, which renews itself; "
            "check this machine's clock too.",
        )
    if code in _BAD_KEYS:
        return Denied(
            f"AWS does not accept the credentials ({code}, {operation} on {subject}).",
            "Check the key id and the secret in the credentials block, and this machine's clock.",
        )
    if reason == "DEPENDENCY_ACCESS_DENIED":
        return Denied(
            f"AWS does not allow {operation} on {subject}: its KMS key is closed to us.",
            "Allow kms:Decrypt and kms:DescribeKey on the key to the role or user.",
        )
    if code == "OptInRequired":
        return Denied(
            f"The account is not signed up for what {operation} needs in this region.",
            "Enable the region or the service in the account, or choose another region.",
        )
    if code in _DENIED:
        return Denied(
            f"AWS does not allow {operation} on {subject} to these credentials.",
            f"Allow {operation} in the policy of the role or user.",
        )
    return None


def _other(code: str, message: str, operation: str, subject: str) -> ProviderError:
    said = f"AWS refused {operation} on {subject} ({code})"
    text = " ".join(message.split())[:300].rstrip(".")
    what = f"{said}: {text}." if text else f"{said}."
    if code in _CONFLICT or code.endswith((".InUse", ".Duplicate")):
        return Conflict(what, "Look at the object's state in the AWS console, then run it again.")
    if code.endswith(("NotFound", ".Malformed", "NotFoundException")):
        return Gone(what, "Check that it still exists in this account and region.")
    if code.endswith(("LimitExceeded", "QuotaExceededException")):
        return Quota(what, "Ask AWS to raise the quota, or free what is not needed.")
    return ProviderError(what, "Read what AWS says; run the same command again once it is mended.")


def unknown_machine(subject: str) -> UnknownMachine:
    """The error for an instance that EC2 does not have in this account and region."""
    return UnknownMachine(
        f"There is no EC2 instance {subject} here.",
        "Give an instance id (i-…) of this account and region.",
    )


def _no_answer(error: Exception, operation: str, subject: str) -> ColdferryError:
    asked = f"{operation} on {subject}"
    place = urlsplit(str(getattr(error, "kwargs", {}).get("endpoint_url", ""))).netloc
    host = place.rpartition("@")[2]
    if isinstance(error, HTTPClientError | SdkConnectionError | IncompleteReadError):
        return _silence(error, host or "AWS", asked)
    if isinstance(error, NoCredentialsError | PartialCredentialsError):
        return Denied(
            f"There are no AWS credentials for {asked}.",
            "Fill in the keys in the credentials block, or give the worker a role.",
        )
    if isinstance(error, CredentialRetrievalError | MetadataRetrievalError | TokenRetrievalError):
        return Denied(
            f"The AWS credentials for {asked} could not be fetched.",
            "Check the worker's role, profile or single sign-on session.",
        )
    if isinstance(error, ResponseParserError):
        return ProviderError(
            f"The answer to {asked} is not what AWS documents.",
            "Check the endpoint in the credentials block.",
        )
    if isinstance(error, ParamValidationError):
        return BadInput(f"{operation} cannot take {subject}: it is not a well-formed name.")
    return ProviderError(
        f"The AWS SDK failed at {asked} ({type(error).__name__}).",
        "Check the credentials block and the AWS settings of this machine.",
    )


def _silence(error: Exception, host: str, asked: str) -> Transient:
    if isinstance(error, IncompleteReadError | ResponseStreamingError):
        return Transient(f"The answer to {asked} broke off.")
    if isinstance(error, SSLError):
        return Unreachable(
            f"The TLS connection to {host} failed for {asked}.",
            "Check the certificates that this machine trusts, and any proxy on the way.",
        )
    return Unreachable(
        f"{host} did not answer {asked}.",
        "Check the network, the proxy, the region and the endpoint; then run it again.",
    )
