"""A migration whose process is killed comes to the same end when it is run again."""

import os
import signal
import subprocess
import time
from pathlib import Path

import pytest

from tests.faults.crossing import MIB, Crossing, Moved, dense, ended

AT_MOST_AGAIN = 64 * MIB
PATIENCE_S = 300.0


def kill_when(process: "subprocess.Popen[str]", crossing: Crossing, operation: str, sent: int):
    """SIGKILL, once the operation was called and so many bytes were received."""
    until = time.monotonic() + PATIENCE_S
    while crossing.calls(operation) == 0 or crossing.received("blob:PutPage") < sent:
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < until, f"{operation} did not come"
        time.sleep(0.005)
    os.kill(process.pid, signal.SIGKILL)
    assert process.wait() == -signal.SIGKILL


def rerun_makes_it_good(
    crossing: Crossing, moved: Moved, folder: Path, api: str, *, inspect: bool = False
) -> None:
    """One machine of the disks that were begun, the same bytes, and nothing beside them."""
    begun = crossing.found()["disks"]
    again = crossing.begin(moved, folder, inspect=inspect, PREFECT_API_URL=api)
    code, report, aside = ended(again)

    assert code == 0, aside
    assert report["state"] == "allocated"
    assert crossing.differing(moved, report) == []
    found = crossing.found()
    names = sorted(device["target"].rpartition("/")[2] for device in report["devices"])
    assert found["machines"] == [report["target_vm"].rpartition("/")[2]]
    assert found["disks"] == names
    assert set(begun) <= set(names)
    assert len(found["interfaces"]) == 1
    assert len(found["groups"]) == 2  # the sandbox's own, and the deny-all one
    assert found["snapshots"] == sorted(device["source"] for device in report["devices"])
    assert crossing.received("blob:PutPage") - moved.data_bytes <= AT_MOST_AGAIN


def test_in_the_middle_of_a_copy(crossing: Crossing, prefect_api: str, tmp_path: Path) -> None:
    """So late that to begin again would be more than is allowed."""
    moved = crossing.seed(dense(80, 1), dense(80, 2))
    process = crossing.begin(moved, tmp_path, PREFECT_API_URL=prefect_api)
    kill_when(process, crossing, "blob:PutPage", sent=70 * MIB)
    assert crossing.found()["machines"] == []

    rerun_makes_it_good(crossing, moved, tmp_path, prefect_api)


@pytest.mark.slow
def test_in_the_middle_of_an_inspection(
    crossing: Crossing, prefect_api: str, tmp_path: Path
) -> None:
    """The temporary snapshot that it left is removed by the rerun's own inspection."""
    moved = crossing.seed(dense(4))
    process = crossing.begin(moved, tmp_path, inspect=True, PREFECT_API_URL=prefect_api)
    kill_when(process, crossing, "ec2:CreateSnapshots", sent=0)
    assert crossing.calls("ec2:StopInstances") == 0

    rerun_makes_it_good(crossing, moved, tmp_path, prefect_api, inspect=True)


@pytest.mark.slow
@pytest.mark.parametrize(
    "operation",
    [
        "ec2:StopInstances",
        "ec2:CreateSnapshots",
        "compute:disks.put",
        "compute:disks.beginGetAccess",
        "compute:disks.endGetAccess",
        "blob:GetBlob",
        "network:networkInterfaces.put",
        "compute:virtualMachines.put",
        "compute:virtualMachines.deallocate",
        "compute:virtualMachines.patch",
    ],
)
def test_at_any_other_effect(
    crossing: Crossing, prefect_api: str, tmp_path: Path, operation: str
) -> None:
    moved = crossing.seed(dense(4))
    process = crossing.begin(moved, tmp_path, PREFECT_API_URL=prefect_api)
    kill_when(process, crossing, operation, sent=0)

    rerun_makes_it_good(crossing, moved, tmp_path, prefect_api)
