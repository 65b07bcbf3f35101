"""The Azure double with a cloud before it, and the steps that its tests share."""

import http.client
import json
import ssl
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from pydantic import SecretStr

from coldferry.machine import Machine
from coldferry.plan import Plan
from coldferry.ports import FrozenDisk, Proof, VerifiedDisk
from providers.azure.access import AzureAccess
from providers.azure.cloud import AzureCloud
from providers.azure.kinds import DISK, NIC, VM
from tests.unit.machines import MIB, a_disk, a_machine

server_module = pytest.importorskip("sandbox.azure.server")

MIGRATION = "web-01-azure-00000000-a1"
SUBNET = {"nics[0].subnet_id": "vnet-main/apps"}
ODD_BYTES = 20 * MIB + 512
PROOF = Proof("read back", "test", equal=True)


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    repo = Path(__file__).parents[2]
    with server_module.AzureServer(
        tmp_path_factory.mktemp("azure"),
        subscription_id="11111111-2222-3333-4444-555555555555",
        resource_group="rg-apps", location="westeurope", token="sandbox-token",
        azurite_cache=server_module.default_azurite_cache(repo), delay_s=0.02,
    ) as running:  # fmt: skip
        running.seed_defaults()
        yield running


@pytest.fixture
def cloud(server: Any) -> Iterator[AzureCloud]:
    server.faults.clear()
    server.faults.reset_counts()
    made = AzureCloud(access(server))
    yield made
    server.faults.clear()
    settings(server, {
        "not_actions": [], "locks": [], "core_limit": 350, "machine_limit": 25000,
        "disk_limits": {}, "network_limits": {},
    })  # fmt: skip
    for found in made.owned():
        made.discard(found.migration)
        made.erase_kept(found.migration)


def access(server: Any, **changes: Any) -> AzureAccess:
    fields: dict[str, Any] = {
        "subscription_id": server.subscription_id, "resource_group": server.resource_group,
        "location": server.location, "endpoint": server.endpoint,
        "token": SecretStr(server.token), "ca_bundle": str(server.ca_bundle),
    }  # fmt: skip
    return AzureAccess(**fields | changes)


def settings(server: Any, wanted: dict[str, Any]) -> None:
    """Change what the double allows."""
    context = ssl.create_default_context(cafile=str(server.ca_bundle))
    connection = http.client.HTTPSConnection(urlsplit(server.endpoint).netloc, context=context)
    connection.request(
        "PUT", "/_sandbox/settings", json.dumps(wanted), {"Content-Type": "application/json"}
    )
    reply = connection.getresponse()
    assert reply.status < 300, reply.read()
    connection.close()


def small_machine(**changes: Any) -> Machine:
    return a_machine(**{"disks": (a_disk(size_bytes=ODD_BYTES),)} | changes)


def a_plan(
    cloud: AzureCloud, machine: Machine | None = None, migration: str = MIGRATION,
    answers: dict[str, Any] | None = None,
) -> Plan:  # fmt: skip
    machine = machine or small_machine()
    translation = cloud.translate(machine, cloud.catalogue(), SUBNET | (answers or {}))
    assert translation.missing == []
    return Plan(migration=migration, machine=machine, translation=translation)


def frozen(plan: Plan, index: int = 0, ref: str = "snap-1") -> FrozenDisk:
    return FrozenDisk(plan.migration, plan.devices[index], ref)


def upload(cloud: AzureCloud, plan: Plan, index: int = 0) -> VerifiedDisk:
    with cloud.open_disk(plan, frozen(plan, index)) as writer:
        writer.write(0, memoryview(b"b" * 4096))
        ref = writer.commit()
    return VerifiedDisk(plan.devices[index], ref, "root", PROOF)


def calls(server: Any, operation: str) -> int:
    return int(server.faults.counts().get(operation, {"calls": 0})["calls"])


def clear(cloud: AzureCloud) -> None:
    """Remove every VM, interface and disk, whoever's they are."""
    for kind in (VM, NIC, DISK):
        for one in cloud._arm.in_group(kind):
            cloud._arm.delete(kind, one["name"])


def disk_state(cloud: AzureCloud, name: str) -> str:
    return str(cloud._arm.get(DISK, name)["properties"]["diskState"])
