"""A running machine whose disks change by 5 % while they are copied, from AWS to Azure."""

import random
from pathlib import Path

import pytest

from coldferry import progress
from coldferry.errors import Failed
from tests.conformance.azure_rig import GROUP
from tests.faults.crossing import BLOCK, Crossing, Moved, dense
from tests.rates import of_a_slow_way

pytestmark = pytest.mark.slow

BLOCKS = 40
FOOTER = 512  # of the VHD, written by the commit


def changes(crossing: Crossing, moved: Moved) -> None:
    """Of each disk's blocks one in twenty: one anew, one that is zero from then on."""
    dice = random.Random(2)
    machine = crossing.aws.cloud().describe(moved.vm)
    for number, disk in enumerate(machine.disks):
        held = dict(moved.disks[number])
        for index, block in ((2, dice.randbytes(BLOCK)), (8, bytes(BLOCK))):
            crossing.aws.write(disk.id, index * BLOCK, block)
            held[index] = block
        moved.disks[number] = held


def identities(crossing: Crossing) -> set[str]:
    """Of the target's disks: another one of the same name has another."""
    listed = crossing.azure.compute.disks.list_by_resource_group(GROUP)
    return {disk.as_dict()["properties"]["uniqueId"] for disk in listed}


def test_after_the_halt_only_what_changed_is_read_and_sent(
    crossing: Crossing, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also by a second run, where the first one dies between the halt and the copy."""
    monkeypatch.setenv("COLDFERRY_RATES", str(of_a_slow_way(tmp_path)))
    moved = crossing.seed(dense(BLOCKS), dense(BLOCKS, seed=1))
    halted = []

    def watch(step: str) -> None:
        if step == "halt" and not halted:
            halted.append(step)
            changes(crossing, moved)
            crossing.fault("blob:PutPage", status=403, code="AuthenticationFailed", times=1000)

    progress.watch_steps(watch)
    try:
        with pytest.raises(Failed):
            crossing.migrate(moved)
        disks = crossing.found()["disks"]
        begun = identities(crossing)
        crossing.reset()
        report = crossing.migrate(moved)
    finally:
        progress.unwatch_steps(watch)

    assert crossing.differing(moved, report) == []
    assert all(device["proof"]["equal"] for device in report["devices"])
    assert crossing.found()["disks"] == disks
    assert identities(crossing) == begun
    # Two blocks of each disk; the one that is zero now has no body at the target.
    assert crossing.calls("ebs:GetSnapshotBlock") == 4
    assert crossing.calls("ebs:ListChangedBlocks") > 0
    assert crossing.received("blob:PutPage") <= 2 * (BLOCK + FOOTER)
    assert crossing.calls("blob:ClearPages") == 2
    assert sum(device["sent_bytes"] for device in report["devices"]) <= 2 * (BLOCK + FOOTER)
    assert "read-again" not in {finding["code"] for finding in report["findings"]}
    # Those of before the halt cost, and go once the machine has arrived.
    assert crossing.found()["snapshots"] == sorted(d["source"] for d in report["devices"])
    assert {owned.migration for owned in crossing.aws.cloud().owned()} == {report["migration"]}
