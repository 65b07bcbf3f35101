"""A migration whose process is killed comes to the same end when it is run again."""

import os
import signal
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.faults.crossing import MIB, Crossing, Moved, dense, ended

AT_MOST_AGAIN = 64 * MIB
PATIENCE_S = 300.0
EFFECTS = [
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
]
"""As they come in a migration."""


def kill_when(
    process: "subprocess.Popen[str]", crossing: Crossing, operation: str, sent: int, calls: int = 1
) -> None:
    """SIGKILL, once the operation was called so often and so many bytes were received."""
    until = time.monotonic() + PATIENCE_S
    while crossing.calls(operation) < calls or crossing.received("blob:PutPage") < sent:
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < until, f"{operation} did not come"
        time.sleep(0.005)
    os.kill(process.pid, signal.SIGKILL)
    assert process.wait() == -signal.SIGKILL


def good(crossing: Crossing, moved: Moved, report: dict[str, Any], begun: list[str]) -> None:
    """One machine of the disks that were begun, the same bytes, and nothing beside them."""
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


def rerun_makes_it_good(
    crossing: Crossing, moved: Moved, folder: Path, api: str, *, inspect: bool = False
) -> None:
    """The same command once more, in a process of its own."""
    begun = crossing.found()["disks"]
    again = crossing.begin(moved, folder, inspect=inspect, PREFECT_API_URL=api)
    code, report, aside = ended(again)
    assert code == 0, aside
    good(crossing, moved, report, begun)


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


@dataclass
class Killed:
    """Where processes were killed, with the disks that were there then; and the last one's end."""

    begun: dict[str, list[str]]
    names: set[str]


@pytest.fixture(scope="module")
def killed(clouds: Crossing, prefect_api: str, tmp_path_factory: pytest.TempPathFactory) -> Killed:
    """Each rerun is killed at the next effect, whose answer is held back; the last one ends.

    Only the server knows that the effect took place after all.
    """
    begun: dict[str, list[str]] = {}
    folder = tmp_path_factory.mktemp("killed")
    with clouds.in_order():
        moved = clouds.seed(dense(4))
        for operation in EFFECTS:
            calls = clouds.calls(operation)
            clouds.fault(operation, delay_s=PATIENCE_S)
            process = clouds.begin(moved, folder, PREFECT_API_URL=prefect_api)
            kill_when(process, clouds, operation, sent=0, calls=calls + 1)
            begun[operation] = clouds.found()["disks"]
            clouds.forget_faults()
        code, report, aside = ended(clouds.begin(moved, folder, PREFECT_API_URL=prefect_api))
        assert code == 0, aside
        names = {device["target"].rpartition("/")[2] for device in report["devices"]}
        good(clouds, moved, report, [])
    return Killed(begun, names)


@pytest.mark.slow(takes_s=90)
@pytest.mark.parametrize("operation", EFFECTS)
def test_at_any_other_effect(killed: Killed, operation: str) -> None:
    """The disks that were begun when it came are those of the machine that was made in the end."""
    assert set(killed.begun[operation]) <= killed.names
