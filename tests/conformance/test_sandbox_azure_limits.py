"""The Azure double's locks hold where they were set, and its quotas count."""

from collections.abc import Iterator

import pytest

from tests.conformance.azure_rig import GROUP, SUBSCRIPTION, Azure, refused, running, vm_body

VNET = f"/subscriptions/{SUBSCRIPTION}/resourceGroups/{GROUP}/providers/Microsoft.Network"
LOCKS = "providers/Microsoft.Authorization/locks"


@pytest.fixture(scope="module")
def azure(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Azure]:
    with running(tmp_path_factory.mktemp("azure")) as found:
        yield found


@pytest.fixture(autouse=True)
def _clean(azure: Azure) -> Iterator[None]:
    yield
    azure.reset()


def lock(azure: Azure, scope: str, level: str = "ReadOnly") -> None:
    row = {"id": f"{scope}/{LOCKS}/l", "name": "l", "properties": {"level": level}}
    azure.control("PUT", "settings", {"locks": [row]})


def test_nothing_joins_a_network_that_is_read_only(azure: Azure) -> None:
    lock(azure, f"{VNET}/virtualNetworks/vnet-main")

    with refused(409, "ScopeLocked", "subnets/join/action"):
        azure.nic("locked-out")
    azure.empty_disk("beside-it")


def test_a_lock_on_the_subscription_is_inherited(azure: Azure) -> None:
    lock(azure, f"/subscriptions/{SUBSCRIPTION}")

    with refused(409, "ScopeLocked"):
        azure.empty_disk("never")


def test_a_lock_on_one_disk_keeps_that_one_from_being_deleted(azure: Azure) -> None:
    kept = azure.empty_disk("kept")
    azure.empty_disk("other")
    lock(azure, kept, "CanNotDelete")

    azure.compute.disks.begin_delete(GROUP, "other").result()
    with refused(409, "ScopeLocked"):
        azure.compute.disks.begin_delete(GROUP, "kept").result()


def test_disks_beyond_the_quota_of_their_family_are_refused(azure: Azure) -> None:
    azure.control("PUT", "settings", {"disk_limits": {"StandardDiskCount": 0}})

    with refused(409, "OperationNotAllowed", "StandardDiskCount"):
        azure.empty_disk("one-too-many")


def test_machines_beyond_the_quota_are_refused(azure: Azure) -> None:
    body = vm_body(azure.ready_disk("spare"), azure.nic("spare"))
    azure.control("PUT", "settings", {"machine_limit": 0})

    with refused(409, "OperationNotAllowed", "Virtual Machines"):
        azure.put_vm("one-too-many", body)
