"""A policy may close disks to uploads and reads: the doctor finds out with a disk of its own."""

from typing import Any

import pytest

from coldferry.ports import Check
from providers.azure.cloud import AzureCloud
from tests.unit.test_azure_fixtures import settings

pytest_plugins = ["tests.unit.test_azure_fixtures"]


@pytest.fixture
def checks(cloud: AzureCloud, server: Any, request: pytest.FixtureRequest) -> dict[str, Check]:
    """What is found where a policy sets this access on every new disk."""
    settings(server, {"imposed_network_access": request.param})
    try:
        return {check.name: check for check in cloud.diagnose()}
    finally:
        settings(server, {"imposed_network_access": ""})


@pytest.mark.parametrize("checks", ["DenyAll"], indirect=True)
def test_a_policy_that_denies_access_to_disks_is_named(
    checks: dict[str, Check], cloud: AzureCloud
) -> None:
    assert checks["disk access"].ok is False
    assert "DenyAll" in checks["disk access"].what
    assert "exemption" in checks["disk access"].do
    assert checks["data path"].ok is False
    assert cloud.owned() == []


@pytest.mark.parametrize("checks", ["AllowPrivate"], indirect=True)
def test_a_policy_that_asks_for_a_private_endpoint_is_told(checks: dict[str, Check]) -> None:
    assert checks["disk access"].ok is None
    assert "private endpoint" in checks["disk access"].what


@pytest.mark.parametrize("checks", [""], indirect=True)
def test_without_a_policy_disks_are_open(checks: dict[str, Check]) -> None:
    assert checks["disk access"].ok
    assert checks["data path"].ok


def test_a_policy_that_forbids_the_disk_itself_is_said(cloud: AzureCloud, server: Any) -> None:
    fault = {"operation": "compute:disks.put", "status": 403, "code": "RequestDisallowedByPolicy"}
    server.faults.add([fault | {"times": 9}])

    found = {check.name: check for check in cloud.diagnose()}

    assert found["data path"].ok is False
    assert "Azure Policy" in found["data path"].do
    assert cloud.owned() == []
