"""A policy may close disks to uploads and reads: the doctor finds out with a disk of its own."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
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


ROLES = Path(__file__).parents[2] / "deployments"


@pytest.fixture
def given(cloud: AzureCloud, server: Any) -> Iterator[Callable[..., dict[str, Check]]]:
    """What is found with these roles, less some actions."""

    def look(*roles: str, less: tuple[str, ...] = ()) -> dict[str, Check]:
        files = [json.loads((ROLES / f"azure-{role}.json").read_text()) for role in roles]
        actions = [action for role in files for action in role["Actions"]]
        settings(server, {"actions": sorted({*actions} - {*less})})
        return {check.name: check for check in cloud.diagnose()}

    yield look
    settings(server, {"actions": ["*"]})


def test_the_roles_of_a_source_are_enough_as_a_source(
    given: Callable[..., dict[str, Check]], server: Any
) -> None:
    server.faults.reset_counts()
    found = given("reader", "source")

    assert found["permissions"].ok is True
    assert "Enough as a source" in found["permissions"].what
    assert "Microsoft.Compute/disks/write" in found["permissions"].what
    assert found["data path"].ok is None
    assert "compute:disks.put" not in server.faults.counts()
    assert [name for name, check in found.items() if check.ok is False] == []


def test_the_roles_of_a_target_are_enough_as_a_target(
    given: Callable[..., dict[str, Check]],
) -> None:
    found = given("reader", "mover")

    assert found["permissions"].ok is True
    assert "Enough as a target" in found["permissions"].what
    assert found["data path"].ok is True


def test_the_roles_of_both_are_all_that_is_needed(given: Callable[..., dict[str, Check]]) -> None:
    assert given("reader", "mover", "source")["permissions"].what == (
        "All needed actions are granted."
    )


def test_what_is_enough_for_neither_is_bad(given: Callable[..., dict[str, Check]]) -> None:
    found = given("reader", "source", less=("Microsoft.Compute/snapshots/write",))

    assert found["permissions"].ok is False
    assert "as a source: Microsoft.Compute/snapshots/write." in found["permissions"].what


def test_roles_of_both_that_are_short_of_a_target_s_are_not_said_to_be_well(
    given: Callable[..., dict[str, Check]],
) -> None:
    action = "Microsoft.Network/networkInterfaces/write"
    found = given("reader", "mover", "source", less=(action,))

    assert found["permissions"].ok is None
    assert action in found["permissions"].what
    assert "assign a role" in found["permissions"].do


def test_without_the_right_to_remove_it_no_test_disk_is_made(
    given: Callable[..., dict[str, Check]], cloud: AzureCloud
) -> None:
    found = given("reader", "mover", less=("Microsoft.Compute/disks/delete",))

    assert (found["permissions"].ok, found["data path"].ok) == (False, None)
    assert cloud.owned() == []
