"""What stands against moving an Azure VM: one oddity, one test."""

from collections.abc import Iterator
from typing import Any

import pytest

from coldferry.errors import Finding
from providers.azure import describe, unmovable
from providers.azure.cloud import AzureCloud
from tests.unit.azure_sources import a_vm
from tests.unit.test_azure_fixtures import access, clear

pytest_plugins = ["tests.unit.test_azure_fixtures"]


@pytest.fixture(scope="module")
def vm(server: Any) -> Iterator[str]:
    """An ordinary VM with two disks."""
    cloud = AzureCloud(access(server))
    yield a_vm(cloud)
    clear(cloud)


def judged(
    cloud: AzureCloud, vm: str, said: dict[str, Any] | None = None, asked: str = "",
    disk: dict[str, Any] | None = None, **resource: Any,
) -> list[Finding]:  # fmt: skip
    """The findings if the VM's properties, or those of its data disk, were others."""
    machine, found, disks = describe.look(cloud._arm, cloud.scope, vm)
    found = found | resource | {"properties": found["properties"] | (said or {})}
    disks[1] = disks[1] | (disk or {}) | {
        "properties": disks[1]["properties"] | (disk or {}).get("properties", {})
    }  # fmt: skip
    findings = unmovable.findings_of(cloud._arm, asked or vm, found, disks, machine)
    for finding in findings:
        assert finding.what.endswith(".")
        assert finding.do
        assert finding.subject
    return findings


def codes(findings: list[Finding]) -> dict[str, str]:
    return {finding.code: finding.severity for finding in findings}


def test_an_ordinary_vm_has_nothing_against_it_but_its_temporary_disk(
    cloud: AzureCloud, vm: str
) -> None:
    assert codes(cloud.unmovable(vm)) == {"temporary-disk-lost": "warn"}
    cloud.stop(vm)
    assert cloud.unmovable(vm) == []


@pytest.mark.parametrize(
    ("said", "code"),
    [
        ({"priority": "Spot"}, "spot"),
        ({"virtualMachineScaleSet": {"id": "/x/virtualMachineScaleSets/web"}}, "in-scaling-group"),
        ({"securityProfile": {"securityType": "ConfidentialVM"}}, "confidential"),
        ({"instanceView": {"statuses": [{"code": "HibernationState/Hibernated"}]}}, "hibernated"),
        (
            {"storageProfile": {"osDisk": {"name": "os", "vhd": {"uri": "https://a/b.vhd"}}}},
            "unmanaged-disk",
        ),
    ],
)
def test_a_vm_that_cannot_be_moved_is_refused(
    cloud: AzureCloud, vm: str, said: dict[str, Any], code: str
) -> None:
    assert codes(judged(cloud, vm, said))[code] == "refuse"


@pytest.mark.parametrize(
    ("disk", "code", "severity"),
    [
        ({"managedByExtended": ["/x/virtualMachines/other"]}, "shared-disk", "refuse"),
        ({"properties": {"maxShares": 2}}, "multi-attach", "warn"),
        (
            {"properties": {"encryptionSettingsCollection": {"enabled": True}}},
            "guest-encrypted", "refuse",
        ),
        ({"properties": {"creationData": {"logicalSectorSize": 4096}}}, "large-sectors", "refuse"),
        ({"properties": {"networkAccessPolicy": "DenyAll"}}, "export-restricted", "warn"),
        (
            {"properties": {"dataAccessAuthMode": "AzureActiveDirectory"}},
            "export-restricted", "warn",
        ),
    ],
)  # fmt: skip
def test_a_disk_that_is_not_like_others_is_told(
    cloud: AzureCloud, vm: str, disk: dict[str, Any], code: str, severity: str
) -> None:
    found = judged(cloud, vm, disk=disk)

    assert codes(found)[code] == severity
    assert next(one.subject for one in found if one.code == code) == "web-01-1"


def test_an_ephemeral_os_disk_is_not_persistent(cloud: AzureCloud, vm: str) -> None:
    storage = {"osDisk": {"diffDiskSettings": {"option": "Local"}}}

    assert codes(judged(cloud, vm, {"storageProfile": storage}))["root-not-persistent"] == "warn"


def test_a_vm_that_can_hibernate_is_shut_down_instead(cloud: AzureCloud, vm: str) -> None:
    cloud.start(vm)
    said = {"additionalCapabilities": {"hibernationEnabled": True}}

    assert codes(judged(cloud, vm, said))["hibernation-configured"] == "inform"


def test_a_vm_without_room_for_our_tags_is_refused(cloud: AzureCloud, vm: str) -> None:
    tags = {f"t{n}": "x" for n in range(49)}

    found = judged(cloud, vm, tags=tags)

    assert codes(found)["no-room-for-tags"] == "refuse"
    tags.pop("t48")
    assert "no-room-for-tags" not in codes(judged(cloud, vm, tags=tags))


def test_a_tag_that_starts_machines_is_warned_of(cloud: AzureCloud, vm: str) -> None:
    assert codes(judged(cloud, vm, tags={"AutoStart-Time": "07:00"}))["scheduled"] == "warn"


def test_another_spelling_of_the_name_is_refused(cloud: AzureCloud, vm: str) -> None:
    (found,) = [one for one in cloud.unmovable("WEB-01") if one.severity == "refuse"]

    assert (found.code, "'web-01'" in found.do) == ("other-spelling", True)


def test_a_vm_of_another_resource_group_is_refused(cloud: AzureCloud, server: Any, vm: str) -> None:
    elsewhere = AzureCloud(access(server, resource_group="rg-other"))

    (found,) = [one for one in elsewhere.unmovable(vm) if one.severity == "refuse"]

    assert found.code == "other-resource-group"
