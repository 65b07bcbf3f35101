"""The Azure double gives out snapshots as Azure does, and refuses what Azure refuses."""

from collections.abc import Iterator
from typing import Any

import pytest

from tests.conformance.azure_rig import (
    GROUP,
    LOCATION,
    MIB,
    Azure,
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


def snapshot(azure: Azure, name: str, disk: str) -> str:
    body: Any = {
        "location": LOCATION, "sku": {"name": "Standard_LRS"}, "properties": {
            "creationData": {"createOption": "Copy", "sourceResourceId": disk},
            "incremental": True,
        },
    }  # fmt: skip
    azure.compute.snapshots.begin_create_or_update(GROUP, name, body).result()
    return name


def grant(azure: Azure, name: str, access: str = "Read") -> str:
    body: Any = {"access": access, "durationInSeconds": 600}
    return str(azure.compute.snapshots.begin_grant_access(GROUP, name, body).result().access_sas)


def revoke(azure: Azure, name: str) -> None:
    azure.compute.snapshots.begin_revoke_access(GROUP, name).result()


def state(azure: Azure, name: str) -> str:
    found = azure.compute.snapshots.get(GROUP, name).as_dict()
    return str(found["properties"]["diskState"])


def test_a_snapshot_of_a_running_machine_is_read_without_a_deallocation(azure: Azure) -> None:
    """The disk itself is not: it has to rest first."""
    disk, nic = azure.ready_disk("busy"), azure.nic("busy-nic")
    azure.put_vm("busy-vm", vm_body(disk, nic))
    snapshot(azure, "busy-snap", disk)
    with azure.blob(grant(azure, "busy-snap")) as blob:
        assert state(azure, "busy-snap") == "ActiveSAS"
        assert len(list(blob.list_page_ranges())) == 1
        with refused(403, "AuthorizationPermissionMismatch"):
            write(blob, bytes(512), 0)
    with refused(409, "OperationNotAllowed", "deallocated"):
        azure.grant("busy", "Read")


def test_access_to_a_sixth_snapshot_of_a_disk_is_refused(azure: Azure) -> None:
    """Five at once; another disk's count for themselves, and one may be asked for again."""
    disk, other = azure.ready_disk("family"), azure.ready_disk("stranger")
    names = [snapshot(azure, f"family-{n}", disk) for n in range(6)]
    snapshot(azure, "stranger-0", other)
    for name in names[:5]:
        grant(azure, name)
    with refused(409, "OperationNotAllowed", "at most 5"):
        grant(azure, names[5])
    grant(azure, names[0])
    grant(azure, "stranger-0")
    revoke(azure, names[0])
    grant(azure, names[5])


def test_a_snapshot_that_is_read_cannot_be_deleted(azure: Azure) -> None:
    """Until its access was ended; ending it again is no error."""
    snapshot(azure, "held", azure.ready_disk("held-disk"))
    grant(azure, "held")
    with refused(409, "OperationNotAllowed", "EndGetAccess"):
        azure.compute.snapshots.begin_delete(GROUP, "held").result()
    revoke(azure, "held")
    revoke(azure, "held")
    assert state(azure, "held") == "Unattached"
    azure.compute.snapshots.begin_delete(GROUP, "held").result()


def test_a_snapshot_is_never_given_out_for_writing(azure: Azure) -> None:
    """Its content is what it was."""
    snapshot(azure, "sealed", azure.ready_disk("sealed-disk"))
    with refused(409, "OperationNotAllowed"):
        grant(azure, "sealed", "Write")


def fast_disk(azure: Azure, name: str, **creation: Any) -> str:
    azure.put_disk(name, {
        "location": LOCATION, "sku": {"name": "PremiumV2_LRS"}, "zones": ["1"],
        "properties": {"creationData": {"createOption": "Empty"} | creation, "diskSizeGB": 1},
    })  # fmt: skip
    return azure.id("Microsoft.Compute/disks", name)


def test_a_snapshot_that_is_not_whole_yet_is_not_given_out(azure: Azure) -> None:
    """Those of Premium SSD v2 disks are filled in the background."""
    snapshot(azure, "filling", fast_disk(azure, "fast", logicalSectorSize=512))
    with refused(409, "OperationNotAllowed", "percent"):
        grant(azure, "filling")
    while azure.compute.snapshots.get(GROUP, "filling").properties.completion_percent < 100:
        pass
    grant(azure, "filling")


def test_a_snapshot_with_large_sectors_is_given_out_as_no_vhd(azure: Azure) -> None:
    """4096 bytes is what Premium SSD v2 disks have, unless 512 is asked for."""
    snapshot(azure, "large", fast_disk(azure, "large-disk"))
    while azure.compute.snapshots.get(GROUP, "large").properties.completion_percent < 100:
        pass
    with refused(409, "OperationNotAllowed", "VHDX"):
        grant(azure, "large")


def test_between_two_snapshots_of_a_disk_what_was_written_and_cleared_is_listed(
    azure: Azure,
) -> None:
    """By the plain SDK: Azurite would list every page of the later one."""
    held = {0: b"a" * 4096, MIB: b"b" * 8192, 3 * MIB: b"c" * 512}
    disk = azure.ready_disk("changed", content=held)
    before = grant(azure, snapshot(azure, "changed-1", disk))
    azure.write(disk, 512, b"n" * 1024)
    azure.write(disk, MIB, bytes(4096))
    azure.write(disk, 2 * MIB, b"d" * 512)
    azure.write(disk, 3 * MIB, b"c" * 512)
    after = grant(azure, snapshot(azure, "changed-2", disk))

    with azure.blob(after) as blob:
        written, cleared = blob.get_page_range_diff_for_managed_disk(before)
        inside, _ = blob.get_page_range_diff_for_managed_disk(before, offset=MIB, length=MIB)
        assert [(one["start"], one["end"]) for one in written] == [
            (512, 1535), (2 * MIB, 2 * MIB + 511),
        ]  # fmt: skip
        assert [(one["start"], one["end"]) for one in cleared] == [(MIB, MIB + 4095)]
        assert inside == []
    with azure.blob(before) as blob, refused(400, "PreviousSnapshotCannotBeNewer"):
        blob.get_page_range_diff_for_managed_disk(after)


def test_snapshots_of_two_disks_are_not_compared(azure: Azure) -> None:
    one, other = (
        grant(azure, snapshot(azure, f"{name}-snap", azure.ready_disk(name)))
        for name in ("left", "right")
    )
    with azure.blob(other) as blob:
        with refused(409, "PreviousSnapshotOperationNotSupported"):
            blob.get_page_range_diff_for_managed_disk(one)
        revoke(azure, "left-snap")
        with refused(409, "PreviousSnapshotNotFound"):
            blob.get_page_range_diff_for_managed_disk(one)
