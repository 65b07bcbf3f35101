"""The Azure double refuses callers, bodies and disks that Azure refuses."""

from collections.abc import Iterator
from typing import Any

import pytest

from sandbox.azure import seed, vhd
from tests.conformance.azure_rig import (
    GROUP,
    LOCATION,
    MIB,
    SIZE,
    SUBSCRIPTION,
    Azure,
    refused,
    running,
    upload_body,
    write,
)


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


# --- who may call what


def test_wrong_token_is_refused(azure: Azure) -> None:
    """A bearer token that is not the server's gets 401."""
    with refused(401, "InvalidAuthenticationToken"):
        azure.compute_client(token="wrong").disks.get(GROUP, "any")


def test_unknown_subscription_is_refused(azure: Azure) -> None:
    """Another subscription does not exist."""
    with refused(404, "SubscriptionNotFound"):
        azure.compute_client(sub=SUBSCRIPTION.replace("c01d", "dead")).disks.get(GROUP, "any")


def test_unknown_resource_group_is_refused(azure: Azure) -> None:
    """Another resource group does not exist."""
    with refused(404, "ResourceGroupNotFound"):
        azure.compute.disks.get("rg-other", "any")


def test_missing_disk_is_not_found(azure: Azure) -> None:
    """A resource that is not there has its own code, and deleting it is no error."""
    with refused(404, "ResourceNotFound"):
        azure.compute.disks.get(GROUP, "never-made")
    azure.compute.disks.begin_delete(GROUP, "never-made").result()


@pytest.mark.parametrize(
    ("version", "code"),
    [("2024-03-02", "NoRegisteredProviderFound"), ("newest", "InvalidApiVersionParameter")],
)
def test_unknown_api_version_is_refused(azure: Azure, version: str, code: str) -> None:
    """Only the versions the double was written for are answered."""
    with refused(400, code):
        list(azure.compute.usage.list(LOCATION, api_version=version))


def test_action_without_right_is_refused(azure: Azure) -> None:
    """A principal that may only read cannot create."""
    azure.control("PUT", "settings", {"actions": ["*/read"]})
    azure.compute.snapshots.get(GROUP, seed.SNAPSHOT)
    with refused(403, "AuthorizationFailed", "microsoft.compute/disks/write"):
        azure.upload_disk("forbidden")


def test_read_only_lock_refuses_changes(azure: Azure) -> None:
    """A ReadOnly lock stops actions as well as writes."""
    lock = {"name": "l", "properties": {"level": "ReadOnly"}}
    azure.control("PUT", "settings", {"locks": [lock]})
    with refused(409, "ScopeLocked"):
        azure.revoke("any")


# --- bodies


@pytest.mark.parametrize(
    "change",
    [{"hyperVGen": "V1"}, {"diskSizeBytes": 5}, {"hyperVGeneration": "V3"}, {"maxShares": "1"}],
    ids=["unknown property", "read-only property", "unknown enum value", "wrong type"],
)
def test_body_that_does_not_fit_the_models_is_refused(azure: Azure, change: Any) -> None:
    """The double checks each body against the SDK's own models."""
    with refused(400, "InvalidRequestContent"):
        azure.upload_disk("misfit", **change)


def test_required_property_is_missed(azure: Azure) -> None:
    """A disk without creationData is refused."""
    with refused(400, "InvalidParameter", "creationData"):
        azure.put_disk("misfit", {"location": LOCATION, "properties": {}})


@pytest.mark.parametrize("name", ["-a", "a.", "a" * 81, "a b"])
def test_bad_disk_name_is_refused(azure: Azure, name: str) -> None:
    """Disk names have 1 to 80 of a few characters."""
    with refused(400, "InvalidResourceName"):
        azure.upload_disk(name)


def test_unknown_location_is_refused(azure: Azure) -> None:
    """A place Azure does not have is refused."""
    with refused(400, "LocationNotAvailableForResourceType"):
        azure.put_disk("misfit", upload_body() | {"location": "atlantis"})


@pytest.mark.parametrize(
    ("tags", "code"),
    [
        ({f"k{number}": "" for number in range(51)}, "TooManyTags"),
        ({"aws:x/y": "v"}, "InvalidTagNameCharacters"),
        ({"k" * 513: "v"}, "InvalidTagNameCharacters"),
        ({"k": "v" * 257}, "InvalidTagValue"),
        ({"Name": "a", "name": "b"}, "InvalidTag"),
        ({"microsoft-team": "a"}, "InvalidTagName"),
        ({"Azure": "a"}, "InvalidTagName"),
        ({"WindowsUpdate": "a"}, "InvalidTagName"),
    ],
)
def test_bad_tags_are_refused(azure: Azure, tags: dict[str, str], code: str) -> None:
    """Tags have limits on number, characters, length, and differ in more than case."""
    with refused(400, code):
        azure.put_disk("misfit", upload_body() | {"tags": tags})


# --- disks


@pytest.mark.parametrize("size", [SIZE - MIB, SIZE + 512, 32768 * 1024 * MIB])
def test_bad_upload_size_is_refused(azure: Azure, size: int) -> None:
    """UploadSizeBytes is whole MiB plus 512, within limits."""
    with refused(400, "InvalidParameter", "uploadSizeBytes"):
        azure.upload_disk("misfit", **upload_body(size)["properties"])


def test_zonal_only_disk_needs_a_zone(azure: Azure) -> None:
    """Premium SSD v2 exists only in zones."""
    body = upload_body()
    body["properties"]["creationData"]["logicalSectorSize"] = 512
    with refused(400, "InvalidParameter", "zone"):
        azure.put_disk("misfit", body | {"sku": {"name": "PremiumV2_LRS"}})


def test_immutable_property_is_kept(azure: Azure, parts: dict[str, str]) -> None:
    """The generation of a disk does not change."""
    with refused(409, "PropertyChangeNotAllowed"):
        azure.upload_disk("spare-os", hyperVGeneration="V2")


def test_disk_does_not_shrink(azure: Azure) -> None:
    """A disk grows and never shrinks."""
    azure.empty_disk("grows", diskSizeGB=2)
    azure.empty_disk("grows", diskSizeGB=3)
    with refused(409, "OperationNotAllowed", "Shrinking"):
        azure.empty_disk("grows", diskSizeGB=1)


@pytest.mark.parametrize("size_gib", [1, 2])
def test_disk_that_awaits_its_upload_has_no_other_size(azure: Azure, size_gib: int) -> None:
    """Neither larger, nor the size that its upload is rounded to."""
    azure.upload_disk("sized")
    azure.compute.disks.begin_update(GROUP, "sized", {"tags": {"a": "b"}}).result()
    with refused(409, "OperationNotAllowed", "upload"):
        azure.compute.disks.begin_update(
            GROUP, "sized", {"properties": {"diskSizeGB": size_gib}}
        ).result()
    with refused(409, "OperationNotAllowed", "upload"):
        azure.upload_disk("sized", diskSizeGB=size_gib)


def test_write_grant_after_revoke_is_refused(azure: Azure, parts: dict[str, str]) -> None:
    """An upload that was ended stays ended."""
    with refused(409, "OperationNotAllowed"):
        azure.grant("spare-os")


def test_read_grant_before_upload_is_refused(azure: Azure) -> None:
    """There is nothing to read on a disk that awaits its upload."""
    azure.upload_disk("unread")
    with refused(409, "OperationNotAllowed"):
        azure.grant("unread", "Read")


def test_denied_network_access_refuses_grants(azure: Azure) -> None:
    """NetworkAccessPolicy DenyAll shuts the SAS door."""
    azure.upload_disk("shut", networkAccessPolicy="DenyAll")
    with refused(409, "OperationNotAllowed", "DenyAll"):
        azure.grant("shut")


def test_disk_with_active_access_is_not_deleted(azure: Azure) -> None:
    """A SAS has to be revoked before its disk is deleted."""
    azure.upload_disk("held")
    azure.grant("held")
    with refused(409, "OperationNotAllowed", "EndGetAccess"):
        azure.compute.disks.begin_delete(GROUP, "held").result()


@pytest.mark.parametrize(
    ("footer", "words"),
    [
        (b"", "cookie"),
        (vhd.fixed_footer(SIZE)[:60] + b"\0\0\0\3" + vhd.fixed_footer(SIZE)[64:], "fixed"),
        (vhd.fixed_footer(SIZE)[:80] + b"\xff" + vhd.fixed_footer(SIZE)[81:], "checksum"),
        (vhd.fixed_footer(SIZE + MIB), "bytes"),
    ],
    ids=["no footer", "dynamic", "checksum", "size"],
)
def test_upload_that_is_no_fixed_vhd_is_refused(azure: Azure, footer: bytes, words: str) -> None:
    """The end of an upload checks the footer; the disk is then not attachable but can go."""
    name = f"vhd-{words}"
    azure.upload_disk(name)
    address = azure.grant(name)
    with azure.blob(address) as blob:
        if footer:
            write(blob, footer, SIZE)
        with refused(400, "InvalidVhd", words):
            azure.revoke(name)
        with refused(403, "AuthenticationFailed"):
            write(blob, bytes(512), 0)
    assert azure.state(name) == "ReadyToUpload"
    azure.compute.disks.begin_delete(GROUP, name).result()
