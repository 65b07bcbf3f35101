"""The blob front refuses what Azure refuses and Azurite takes."""

import re
import ssl
import time
import urllib.error
import urllib.request
from collections.abc import Iterator

import pytest
from azure.storage.blob import BlobClient

from tests.conformance.azure_rig import MIB, SIZE, Azure, refused, running, write


@pytest.fixture(scope="module")
def azure(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Azure]:
    with running(tmp_path_factory.mktemp("azure")) as found:
        yield found


@pytest.fixture(scope="module")
def parts(azure: Azure) -> dict[str, str]:
    """One disk and one interface that only refused machines name."""
    return {"disk": azure.ready_disk("spare-os"), "nic": azure.nic("spare-nic")}


@pytest.fixture(autouse=True)
def _clean(azure: Azure) -> Iterator[None]:
    yield
    azure.reset()


@pytest.fixture(scope="module")
def upload(azure: Azure) -> Iterator[BlobClient]:
    """A blob open for writing."""
    azure.upload_disk("pages")
    with azure.blob(azure.grant("pages")) as blob:
        yield blob


def raw_put(
    azure: Azure, blob: BlobClient, body: bytes, headers: dict[str, str]
) -> tuple[int, str]:
    context = ssl.create_default_context(cafile=str(azure.server.ca_bundle))
    fixed = {
        "x-ms-version": "2024-11-04",
        "x-ms-page-write": "update",
        "x-ms-blob-type": "PageBlob",
    }
    request = urllib.request.Request(f"{blob.url}&comp=page", body, fixed | headers, method="PUT")
    try:
        with urllib.request.urlopen(request, context=context) as answer:
            return answer.status, ""
    except urllib.error.HTTPError as error:
        return error.code, error.headers["x-ms-error-code"]


def test_page_over_four_mib_is_refused(azure: Azure, upload: BlobClient) -> None:
    """Put Page takes 4 MiB and not a sector more."""
    with refused(413, "RequestBodyTooLarge"):
        write(upload, bytes(4 * MIB + 512), 0)
    write(upload, bytes(4 * MIB), 0)


@pytest.mark.parametrize(
    ("span", "length", "answer"),
    [
        ("bytes=0-1023", 512, (400, "InvalidHeaderValue")),
        ("bytes=1-512", 512, (416, "InvalidPageRange")),
        (f"bytes={SIZE + 512}-{SIZE + 1023}", 512, (416, "InvalidPageRange")),
        ("", 512, (400, "MissingRequiredHeader")),
    ],
    ids=["length differs", "unaligned", "beyond the end", "no range"],
)
def test_bad_page_range_is_refused(
    azure: Azure, upload: BlobClient, span: str, length: int, answer: tuple[int, str]
) -> None:
    """A page write names an aligned range inside the blob, as long as its body."""
    assert raw_put(azure, upload, bytes(length), {"x-ms-range": span}) == answer


def test_read_signature_does_not_write(azure: Azure, parts: dict[str, str]) -> None:
    """A read SAS reads pages and ranges and refuses a write."""
    with azure.blob(azure.grant("spare-os", "Read")) as blob:
        assert [item.start for item in blob.list_page_ranges()] == [SIZE]
        with refused(403, "AuthorizationPermissionMismatch"):
            write(blob, bytes(512), 0)
    azure.revoke("spare-os")


def test_a_list_of_ranges_comes_in_pages(azure: Azure) -> None:
    """Only what was put is listed, as many at once as were asked for, and by markers."""
    azure.upload_disk("listed")
    with azure.blob(azure.grant("listed")) as blob:
        for index in (0, 2, 4):
            write(blob, b"x" * 512, index * MIB)
        blob.clear_page(offset=2 * MIB, length=512)
        write(blob, b"x" * 1024, 6 * MIB)
        pages = blob.list_page_ranges(results_per_page=2).by_page()
        found = [[(item.start, item.end) for item in page] for page in pages]
        assert found == [
            [(0, 511), (4 * MIB, 4 * MIB + 511)],
            [(6 * MIB, 6 * MIB + 1023)],
        ]
        with refused(400, "OutOfRangeQueryParameterValue"):
            list(blob.list_page_ranges(results_per_page=10_001))


def test_revoked_signature_fails_at_once(azure: Azure, parts: dict[str, str]) -> None:
    """After endGetAccess the address is dead."""
    with azure.blob(azure.grant("spare-os", "Read")) as blob:
        blob.get_blob_properties()
        azure.revoke("spare-os")
        with refused(403, "AuthenticationFailed"):
            list(blob.list_page_ranges())


def test_signature_ends_with_its_duration(azure: Azure, parts: dict[str, str]) -> None:
    """DurationInSeconds is kept, though the address does not tell it."""
    with azure.blob(azure.grant("spare-os", "Read", seconds=1)) as blob:
        time.sleep(1.1)
        with refused(403, "AuthenticationFailed"):
            list(blob.list_page_ranges())
    azure.revoke("spare-os")


def test_forged_signature_is_refused(azure: Azure, upload: BlobClient) -> None:
    """The signature is checked, not only the name of the policy."""
    with (
        azure.blob(re.sub("sig=...", "sig=AAA", upload.url)) as blob,
        refused(403, "AuthenticationFailed"),
    ):
        write(blob, bytes(512), 0)


def test_other_blob_operations_are_refused(azure: Azure, upload: BlobClient) -> None:
    """A disk's SAS is for pages only."""
    with refused(403, "AuthorizationPermissionMismatch"):
        upload.delete_blob()
    with refused(501, "NotImplemented"):
        list(upload.list_page_ranges(previous_snapshot="2024-01-01T00:00:00.0000000Z"))


def test_entra_protected_disk_needs_a_token_too(azure: Azure) -> None:
    """With dataAccessAuthMode AzureActiveDirectory the SAS alone is not enough."""
    azure.upload_disk("entra", dataAccessAuthMode="AzureActiveDirectory")
    with azure.blob(azure.grant("entra")) as blob, refused(401, "NoAuthenticationInformation"):
        write(blob, bytes(512), 0)
