"""A copy that breaks off goes on where it ended, on the same disk, and says so in bytes."""

import pytest

from coldferry import progress
from coldferry.errors import Failed
from tests.conformance.azure_rig import GROUP
from tests.faults.crossing import BLOCK, Crossing, Moved, dense

BLOCKS = 100
FOOTER = 512  # of the VHD, written by the commit


@pytest.fixture
def moved(crossing: Crossing) -> Moved:
    return crossing.seed(dense(BLOCKS))


def test_a_failure_at_95_percent_resumes_the_same_disk(crossing: Crossing, moved: Moved) -> None:
    crossing.fault("blob:PutPage", status=403, code="AuthenticationFailed", after=95, times=1000)
    with pytest.raises(Failed) as failed:
        crossing.migrate(moved)

    assert (failed.value.exit_code, failed.value.resumable) == (5, True)
    before = crossing.azure.compute.disks.list_by_resource_group(GROUP)
    broken_off = {disk.name: disk.as_dict()["properties"] for disk in before}
    assert [disk["diskState"] for disk in broken_off.values()] == ["ActiveUpload"]
    assert crossing.calls("compute:disks.beginGetAccess") >= 2
    assert crossing.calls("compute:disks.endGetAccess") == 0

    crossing.reset()
    report = crossing.migrate(moved)

    assert crossing.received("blob:PutPage") <= 0.1 * moved.data_bytes
    assert report["devices"][0]["sent_bytes"] == crossing.received("blob:PutPage") > FOOTER
    after = {
        disk.name: disk.as_dict()["properties"]["uniqueId"]
        for disk in crossing.azure.compute.disks.list_by_resource_group(GROUP)
    }
    assert after == {name: disk["uniqueId"] for name, disk in broken_off.items()}
    # One sealed the upload, the other one ended the read-back.
    assert crossing.calls("compute:disks.endGetAccess") == 2
    assert crossing.differing(moved, report) == []


def test_an_access_that_dies_in_the_middle_is_renewed_by_the_writer(
    crossing: Crossing, moved: Moved
) -> None:
    """Five newer ones push the first one out of the double, as its day's end would.

    The other half is held back until they have.
    """
    died = []
    faults = crossing.azure.server.faults
    crossing.fault("blob:PutPage", after=BLOCKS // 2, delay_s=60, times=1000)

    def watch(device: str, done_bytes: int, total_bytes: int) -> None:
        if died or crossing.calls("blob:PutPage") <= BLOCKS // 2:
            return
        (disk,) = crossing.azure.compute.disks.list_by_resource_group(GROUP)
        died.extend(crossing.azure.grant(str(disk.name)) for _ in range(5))
        faults.clear()

    progress.watch(watch)
    try:
        report = crossing.migrate(moved)
    finally:
        progress.unwatch(watch)

    assert len(died) == 5
    granted_by_us = crossing.calls("compute:disks.beginGetAccess") - len(died)
    assert granted_by_us == 4  # to write, to write again, to seal, to read back
    assert crossing.calls("compute:disks.endGetAccess") == 2
    assert crossing.calls("compute:disks.put") == 1
    # What was in flight when it died was refused, and sent once more.
    assert report["devices"][0]["sent_bytes"] <= moved.data_bytes + 16 * BLOCK
    assert crossing.differing(moved, report) == []


@pytest.mark.slow
def test_of_three_devices_only_the_one_that_failed_is_sent_again(crossing: Crossing) -> None:
    moved = crossing.seed(dense(12, 1), dense(40, 2), dense(12, 3))
    crossing.fault(
        "compute:disks.beginGetAccess", contains="disk1", status=403, code="AuthorizationFailed",
        times=100,
    )  # fmt: skip
    with pytest.raises(Failed) as failed:
        crossing.migrate(moved)
    assert failed.value.code == "denied"
    crossing.reset()
    report = crossing.migrate(moved)

    sent = [device["sent_bytes"] for device in report["devices"]]
    # A disk that was copied whole gets its footer only.
    assert (sent[0], sent[2]) == (0, 0) or max(sent[0], sent[2]) <= FOOTER
    assert sent[1] >= 40 * BLOCK
    assert crossing.received("blob:PutPage") <= 40 * BLOCK + 3 * FOOTER
    assert crossing.differing(moved, report) == []
