"""The Azure double does what Azure does, and meets faults on demand."""

import re
from collections.abc import Iterator
from typing import Any

import pytest
from azure.core.exceptions import HttpResponseError, ResourceNotFoundError

from sandbox.azure import seed, vhd
from tests.conformance.azure_rig import (
    GROUP,
    LOCATION,
    MIB,
    SIZE,
    Azure,
    data_disk,
    refused,
    running,
    vm_body,
    write,
)


@pytest.fixture(scope="module")
def azure(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Azure]:
    with running(tmp_path_factory.mktemp("azure")) as found:
        yield found


@pytest.fixture(autouse=True)
def _clean(azure: Azure) -> Iterator[None]:
    yield
    azure.reset()


# --- the way through


def test_disk_goes_from_upload_to_a_running_machine_and_away_again(azure: Azure) -> None:
    """The whole life of a migrated machine works with the plain SDK."""
    azure.upload_disk("life", hyperVGeneration="V1")
    assert azure.state("life") == "ReadyToUpload"
    address = azure.grant("life")
    assert re.fullmatch(
        r"https://127\.0\.0\.1:\d+/\w+/\w+/abcd\?sv=[\d-]+&sr=b&si=[\w-]+&sig=.+", address
    )
    assert azure.state("life") == "ActiveUpload"
    with azure.blob(address) as blob:
        write(blob, b"\x01" * 4 * MIB, 4 * MIB)
        write(blob, b"\x02" * 512, 0)
        blob.clear_page(offset=4 * MIB, length=MIB)
        write(blob, vhd.fixed_footer(SIZE), SIZE)
        assert blob.get_blob_properties().size == SIZE + 512
        ranges = [(item.start, item.end) for item in blob.list_page_ranges()]
        assert ranges == [(0, 511), (5 * MIB, 8 * MIB - 1), (SIZE, SIZE + 511)]
    azure.revoke("life")
    assert azure.state("life") == "Unattached"
    data, nic = azure.empty_disk("life-data"), azure.nic("life-nic")
    body = vm_body(azure.id("Microsoft.Compute/disks", "life"), nic)
    body["properties"]["storageProfile"]["dataDisks"] = [data_disk(data, 0)]
    machine = azure.put_vm("life-vm", body)
    assert (machine.properties.provisioning_state, azure.power("life-vm")) == (
        "Succeeded",
        "PowerState/running",
    )
    disk = azure.compute.disks.get(GROUP, "life")
    assert (disk.properties.disk_state, disk.managed_by) == ("Attached", machine.id)
    mac = azure.network.network_interfaces.get(GROUP, "life-nic").properties.mac_address
    assert mac is not None
    assert mac.startswith("00-0D-3A-")
    azure.compute.virtual_machines.begin_power_off(GROUP, "life-vm").result()
    assert azure.power("life-vm") == "PowerState/stopped"
    azure.compute.virtual_machines.begin_deallocate(GROUP, "life-vm").result()
    assert (azure.power("life-vm"), azure.state("life")) == ("PowerState/deallocated", "Reserved")
    later = azure.compute.disks.get(GROUP, "life").properties.last_ownership_update_time
    assert later > disk.properties.last_ownership_update_time
    with azure.blob(azure.grant("life", "Read")) as blob:
        assert azure.state("life") == "ActiveSAS"
        read = blob.download_blob().readall()
        assert (len(read), read[:2], read[-512:-504]) == (SIZE + 512, b"\x02\x02", b"conectix")
    azure.revoke("life")
    azure.compute.virtual_machines.begin_delete(GROUP, "life-vm").result()
    assert azure.state("life") == "Unattached"
    azure.compute.disks.begin_delete(GROUP, "life").result()
    with pytest.raises(ResourceNotFoundError):
        azure.compute.disks.get(GROUP, "life")


def test_second_write_grant_keeps_the_bytes(azure: Azure) -> None:
    """A lost upload address is asked for anew without a revoke, and nothing is lost."""
    azure.upload_disk("again")
    with azure.blob(azure.grant("again")) as blob:
        write(blob, b"\x07" * 512, 512)
    with azure.blob(azure.grant("again")) as blob:
        assert blob.download_blob(offset=512, length=512).readall() == b"\x07" * 512
        write(blob, vhd.fixed_footer(SIZE), SIZE)
    azure.revoke("again")
    assert azure.state("again") == "Unattached"


def test_seed_holds_network_group_and_snapshot(azure: Azure) -> None:
    """The defaults are there, made through public calls, and the snapshot copies to a disk."""
    subnets = azure.network.subnets.list(GROUP, seed.NETWORK)
    assert {item.name: item.properties.address_prefix for item in subnets} == seed.SUBNETS
    snapshot = azure.compute.snapshots.get(GROUP, seed.SNAPSHOT)
    creation = {"createOption": "Copy", "sourceResourceId": snapshot.id}
    azure.put_disk("from-golden", {"location": LOCATION, "properties": {"creationData": creation}})
    with azure.blob(azure.grant("from-golden", "Read")) as blob:
        assert blob.download_blob(offset=510, length=2).readall() == b"\x55\xaa"
    azure.revoke("from-golden")


def test_lists_come_in_pages(azure: Azure) -> None:
    """The size catalogue is longer than a page and the SDK follows its links."""
    azure.control("DELETE", "counts")
    skus = list(azure.compute.resource_skus.list(filter=f"location eq '{LOCATION}'"))
    assert len(skus) > 80
    assert azure.control("GET", "counts")["compute:skus.list"]["calls"] == 2
    b1ls = next(sku for sku in skus if sku.name == "Standard_B1ls")
    found = {item.name: item.value for item in b1ls.capabilities}
    assert (found["vCPUs"], found["MemoryGB"], found["MaxDataDiskCount"]) == ("1", "0.5", "2")
    restricted = [sku.name for sku in skus if sku.restrictions]
    assert restricted == ["Standard_M8ms"]


def test_snapshot_is_read_and_held(azure: Azure) -> None:
    """A snapshot gives read access and cannot go while that lasts."""
    snapshots = azure.compute.snapshots
    body: Any = {"access": "Read", "durationInSeconds": 60}
    address = snapshots.begin_grant_access(GROUP, seed.SNAPSHOT, body).result().access_sas
    with azure.blob(address) as blob:
        assert blob.get_blob_properties().size == seed.GOLDEN_BYTES + vhd.FOOTER_BYTES
    with refused(409, "OperationNotAllowed", "EndGetAccess"):
        snapshots.begin_delete(GROUP, seed.SNAPSHOT).result()
    snapshots.begin_revoke_access(GROUP, seed.SNAPSHOT).result()


def test_incremental_snapshots_are_of_standard_storage(azure: Azure) -> None:
    """Whatever its disk is of; and of a Premium SSD v2 disk there is no other kind."""
    disk = azure.empty_disk("for-snapshots")
    fast = {"location": LOCATION, "sku": {"name": "PremiumV2_LRS"}, "zones": ["1"]}
    fast |= {"properties": {"creationData": {"createOption": "Empty"}, "diskSizeGB": 1}}
    azure.put_disk("fast", fast)

    def snap(source: str, sku: str, *, incremental: bool) -> Any:
        body: Any = {"location": LOCATION, "sku": {"name": sku}, "properties": {
            "creationData": {"createOption": "Copy", "sourceResourceId": source},
            "incremental": incremental,
        }}  # fmt: skip
        return azure.compute.snapshots.begin_create_or_update(GROUP, "snap", body).result()

    with refused(400, "InvalidParameter", "incremental"):
        snap(disk, "Premium_LRS", incremental=True)
    with refused(400, "BadRequest", "must be incremental"):
        snap(azure.id("Microsoft.Compute/disks", "fast"), "Standard_LRS", incremental=False)
    assert snap(disk, "Standard_LRS", incremental=True).properties.incremental is True
    azure.compute.disks.begin_delete(GROUP, "for-snapshots").result()
    assert azure.compute.snapshots.get(GROUP, "snap").name == "snap"
    azure.compute.snapshots.begin_delete(GROUP, "snap").result()
    azure.compute.disks.begin_delete(GROUP, "fast").result()


def test_machine_changes_and_takes_its_parts_away(azure: Azure) -> None:
    """Data disks come and go by PUT, user data shows on demand, deleteOption is kept."""
    disk, nic, data = azure.ready_disk("part"), azure.nic("part-nic"), azure.empty_disk("part-data")
    body = vm_body(disk, nic, userData="aGVsbG8=")
    storage = body["properties"]["storageProfile"]
    storage["osDisk"]["deleteOption"] = "Delete"
    azure.put_vm("part-vm", body)
    machines = azure.compute.virtual_machines
    assert machines.get(GROUP, "part-vm").properties.user_data is None
    shown = machines.get(GROUP, "part-vm", expand="userData").properties.user_data
    assert shown == "aGVsbG8="
    storage["dataDisks"] = [data_disk(data, 3)]
    azure.put_vm("part-vm", body)
    assert azure.state("part-data") == "Attached"
    storage["dataDisks"] = []
    azure.put_vm("part-vm", body)
    assert azure.state("part-data") == "Unattached"
    machines.begin_delete(GROUP, "part-vm").result()
    with pytest.raises(ResourceNotFoundError):
        azure.compute.disks.get(GROUP, "part")
    assert (
        azure.network.network_interfaces.get(GROUP, "part-nic").properties.virtual_machine is None
    )


def test_operation_is_resumed_from_its_token(azure: Azure) -> None:
    """A continuation token finishes the operation in a fresh client."""
    azure.empty_disk("resumed")
    token = azure.compute.disks.begin_delete(GROUP, "resumed").continuation_token()
    fresh = azure.compute_client()
    fresh.disks.begin_delete(GROUP, "resumed", continuation_token=token).result()
    with pytest.raises(ResourceNotFoundError):
        azure.compute.disks.get(GROUP, "resumed")


# --- faults and counters


def test_fault_is_answered_and_counted(azure: Azure) -> None:
    """A fault asked for meets the next call with its own code, and is counted."""
    azure.control("DELETE", "counts")
    fault = {"operation": "compute:disks.get", "status": 503, "code": "ServerTimeout"}
    azure.control("POST", "faults", [fault])
    with refused(503, "ServerTimeout"):
        azure.compute.disks.get(GROUP, "absent")
    with pytest.raises(ResourceNotFoundError):
        azure.compute.disks.get(GROUP, "absent")
    count = azure.control("GET", "counts")["compute:disks.get"]
    assert (count["calls"], count["faulted"]) == (2, 1)


def test_lost_reply_still_took_effect(azure: Azure) -> None:
    """With apply the disk exists although the client was told of a failure."""
    fault = {"operation": "compute:disks.put", "status": 500, "code": "InternalServerError"}
    azure.control("POST", "faults", [fault | {"apply": True}])
    with refused(500, "InternalServerError"):
        azure.upload_disk("lost")
    assert azure.state("lost") == "ReadyToUpload"


def test_accepted_operation_can_fail_later(azure: Azure) -> None:
    """A fault with status 202 fails the long-running operation, not the request."""
    fault = {"operation": "compute:disks.put", "status": 202, "code": "AllocationFailed"}
    azure.control("POST", "faults", [fault])
    with pytest.raises(HttpResponseError, match="AllocationFailed"):
        azure.upload_disk("later")


def test_blob_fault_and_received_bytes(azure: Azure) -> None:
    """Blob calls meet faults too, and the page bytes received are counted."""
    azure.upload_disk("counted")
    azure.control("DELETE", "counts")
    fault = {"operation": "blob:PutPage", "status": 503, "code": "ServerBusy"}
    azure.control("POST", "faults", [fault])
    with azure.blob(azure.grant("counted")) as blob:
        with refused(503, "ServerBusy"):
            write(blob, bytes(1024), 0)
        write(blob, bytes(1024), 0)
    count = azure.control("GET", "counts")["blob:PutPage"]
    assert (count["calls"], count["faulted"], count["body_bytes"]) == (2, 1, 2048)
