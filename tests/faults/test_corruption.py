"""Bytes that are altered anywhere on their way never become a machine."""

import pytest

from coldferry import progress
from coldferry.errors import CorruptCopy, Failed
from tests.conformance.azure_rig import GROUP
from tests.faults.crossing import BLOCK, Crossing, Moved, dense

BLOCKS = 8


@pytest.fixture
def moved(crossing: Crossing) -> Moved:
    return crossing.seed(dense(BLOCKS))


def nothing_but_groups(crossing: Crossing) -> bool:
    found = crossing.found()
    return found["machines"] == [] and found["disks"] == []


def test_a_block_that_arrives_altered_is_read_again(crossing: Crossing, moved: Moved) -> None:
    crossing.fault("ebs:GetSnapshotBlock", corrupt=True, times=2)
    report = crossing.migrate(moved)

    assert crossing.calls("ebs:GetSnapshotBlock") == BLOCKS + 2
    assert crossing.differing(moved, report) == []


def test_a_block_that_never_matches_its_checksum_is_never_written(
    crossing: Crossing, moved: Moved
) -> None:
    bad = 6
    crossing.fault("ebs:GetSnapshotBlock", corrupt=True, times=1000, contains=f"/blocks/{bad}?")
    with pytest.raises(CorruptCopy) as failed:
        crossing.migrate(moved)

    assert (failed.value.exit_code, failed.value.resumable) == (5, True)
    (disk,) = crossing.azure.compute.disks.list_by_resource_group(GROUP)
    with crossing.azure.blob(crossing.azure.grant(str(disk.name))) as blob:
        assert list(blob.list_page_ranges(offset=bad * BLOCK, length=BLOCK)) == []
    assert crossing.found()["machines"] == []

    crossing.reset()
    assert crossing.differing(moved, crossing.migrate(moved)) == []


def test_a_disk_with_an_altered_page_is_found_by_the_read_back_and_copied_again(
    crossing: Crossing, moved: Moved
) -> None:
    crossing.fault("blob:PutPage", corrupt=True, times=1)
    report = crossing.migrate(moved)

    assert crossing.differing(moved, report) == []
    (finding,) = [one for one in report["findings"] if one["code"] == "copied-again"]
    assert "disk0 was altered on its way" in finding["what"]


def test_a_disk_that_is_altered_twice_is_a_failure_that_names_the_range(
    crossing: Crossing, moved: Moved
) -> None:
    copies = []

    def watch(step: str) -> None:
        if step == "copy":
            copies.append(step)
            crossing.fault("blob:PutPage", corrupt=True, times=1)

    progress.watch_steps(watch)
    try:
        with pytest.raises(CorruptCopy, match=r"disk0 differs from the source in 1 place .* bytes"):
            crossing.migrate(moved)
    finally:
        progress.unwatch_steps(watch)
    assert len(copies) == 2

    assert nothing_but_groups(crossing)
    crossing.reset()
    assert crossing.differing(moved, crossing.migrate(moved)) == []


@pytest.mark.parametrize("offset", [2 * BLOCK + 77, BLOCK + 1])
def test_a_byte_that_turns_after_the_commit_is_found_and_the_disk_made_anew(
    crossing: Crossing, moved: Moved, offset: int
) -> None:
    """Where data is, and where nothing was ever written; also the second time."""
    damaged: list[str] = []

    def watch(step: str) -> None:
        if step == "read back" and len(damaged) < 2:
            (disk,) = crossing.azure.compute.disks.list_by_resource_group(GROUP)
            properties = disk.as_dict()["properties"]
            assert properties["diskState"] == "Unattached"
            damaged.append(properties["uniqueId"])
            crossing.azure.control("POST", "damage", {"id": disk.id, "offset": offset})

    progress.watch_steps(watch)
    try:
        with pytest.raises(Failed) as failed:
            crossing.migrate(moved)
        assert (failed.value.code, failed.value.resumable) == ("corrupt-copy", True)
        assert nothing_but_groups(crossing)
        report = crossing.migrate(moved)
    finally:
        progress.unwatch_steps(watch)

    (disk,) = crossing.azure.compute.disks.list_by_resource_group(GROUP)
    assert len(set(damaged)) == 2
    assert disk.as_dict()["properties"]["uniqueId"] not in damaged
    assert report["devices"][0]["proof"]["equal"]
    assert crossing.differing(moved, report) == []
