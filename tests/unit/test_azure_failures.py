"""How Azure's answers become errors of ours, and that no secret comes along."""

import time

import pytest
from pydantic import SecretStr

from coldferry.errors import (
    Conflict,
    Denied,
    Gone,
    ProviderError,
    Quota,
    Transient,
    Unreachable,
)
from providers.azure.access import AzureAccess
from providers.azure.client import Arm
from providers.azure.failures import Deed, Reply, refusal, scrubbed
from providers.azure.kinds import DISK

DEED = Deed("create", "disk 'd'", "Microsoft.Compute/disks/write", "management.azure.com")


@pytest.mark.parametrize(
    ("status", "code", "message", "expected"),
    [
        (409, "OperationNotAllowed", "exceeding approved Total Regional Cores quota", Quota),
        (409, "OperationNotAllowed", "the disk is attached", Conflict),
        (409, "SkuNotAvailable", "", Quota),
        (0, "AllocationFailed", "", Quota),
        (409, "ScopeLocked", "", Conflict),
        (429, "RetryableErrorDueToAnotherOperation", "", Transient),
        (409, "AnotherOperationInProgress", "", Transient),
        (503, "", "", Transient),
        (403, "AuthorizationFailed", "", Denied),
        (403, "RequestDisallowedByPolicy", "", Denied),
        (401, "InvalidAuthenticationToken", "", Denied),
        (404, "ResourceGroupNotFound", "", Gone),
        (412, "ConditionNotMet", "", Conflict),
        (400, "InvalidParameter", "", ProviderError),
    ],
)
def test_the_code_counts_before_the_status(
    status: int, code: str, message: str, expected: type[ProviderError]
) -> None:
    found = refusal(Reply(status, code, message), DEED)

    assert type(found) is expected
    assert "disk 'd'" in found.what or "credentials" in found.what
    assert found.do


def test_a_denial_names_the_role_action() -> None:
    found = refusal(Reply(403, "AuthorizationFailed", ""), DEED)

    assert "Microsoft.Compute/disks/write" in found.do


def test_what_azure_asked_to_wait_is_told() -> None:
    found = refusal(Reply(429, "TooManyRequests", "", retry_after_s=17), DEED)

    assert isinstance(found, Transient)
    assert found.retry_after_s == 17


def test_no_signature_and_no_token_gets_into_a_text() -> None:
    text = scrubbed(
        "see https://md-x.blob.core.windows.net/c/abcd?sv=1&sig=SECRET, Bearer SECRET, sig=SECRET"
    )

    assert "SECRET" not in text
    assert "https://md-x.blob.core.windows.net/c/abcd" in text


def test_an_endpoint_that_does_not_answer_is_unreachable_soon_and_named() -> None:
    access = AzureAccess(
        subscription_id="s", resource_group="g", location="westeurope",
        endpoint="https://127.0.0.1:9", token=SecretStr("SECRET"),
    )  # fmt: skip
    began = time.monotonic()

    with pytest.raises(Unreachable) as caught:
        Arm(access).get(DISK, "d")

    assert time.monotonic() - began < 15
    assert "127.0.0.1:9" in str(caught.value)
    assert "SECRET" not in str(caught.value)
    assert caught.value.__suppress_context__
