"""A cutover and a finalising whose process is killed come to the same end, run again."""

import os
import signal
import subprocess
import time

import pytest

from coldferry.erasing import UNTOLD
from tests.faults.crossing import Crossing, dense, ended

pytestmark = pytest.mark.slow

GROUP = ("--security-group", "nsg-existing", "--yes", "--json")
GOOD = ("--keep-days", "0", "--yes", "--json")
PATIENCE_S = 300.0


def kill_at(process: "subprocess.Popen[str]", crossing: Crossing, operation: str, calls: int):
    """SIGKILL, once the operation was called so often."""
    until = time.monotonic() + PATIENCE_S
    while crossing.calls(operation) < calls:
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < until, f"{operation} did not come"
        time.sleep(0.005)
    os.kill(process.pid, signal.SIGKILL)
    assert process.wait() == -signal.SIGKILL


def test_a_cutover_that_is_killed_goes_on(crossing: Crossing, prefect_api: str) -> None:
    operation = "compute:virtualMachines.start"
    moved = crossing.seed(dense(2))
    migration = crossing.migrate(moved)["migration"]
    before, called = crossing.found(), crossing.calls(operation)
    crossing.fault(operation, delay_s=PATIENCE_S)
    process = crossing.command("cutover", migration, *GROUP, PREFECT_API_URL=prefect_api)
    kill_at(process, crossing, operation, called + 1)
    crossing.reset()

    code, told, aside = ended(
        crossing.command("cutover", migration, *GROUP, PREFECT_API_URL=prefect_api)
    )
    assert code == 0, aside
    assert (told["state"], told["target_power"]) == ("cut-over", "running")
    assert [one["security_group"] for one in told["interfaces"]] == ["nsg-existing"]
    assert crossing.found() == before


def test_a_finalising_that_is_killed_leaves_no_gap_in_its_record(
    crossing: Crossing, prefect_api: str
) -> None:
    moved = crossing.seed(dense(2, 1), dense(2, 2))
    migration = crossing.migrate(moved)["migration"]
    code, _, aside = ended(
        crossing.command("cutover", migration, *GROUP, PREFECT_API_URL=prefect_api)
    )
    assert code == 0, aside
    called = crossing.calls("ec2:DeleteSnapshot")
    crossing.fault("ec2:DeleteSnapshot", after=1, delay_s=PATIENCE_S)
    process = crossing.command("finalise", migration, *GOOD, PREFECT_API_URL=prefect_api)
    kill_at(process, crossing, "ec2:DeleteSnapshot", called + 2)
    crossing.reset()

    code, told, aside = ended(
        crossing.command("finalise", migration, *GOOD, PREFECT_API_URL=prefect_api)
    )
    assert code == 0, aside
    snapshots = [row for row in told["erased"] if row["kind"] == "snapshot"]
    assert len(snapshots) == 2
    assert UNTOLD in {row["answer"] for row in snapshots}
    assert all(row["answer"] for row in told["erased"])
    left = crossing.found()
    assert left["snapshots"] == []
    assert len(left["groups"]) == 1  # the sandbox's own
    assert len(left["machines"]) == len(left["interfaces"]) == 1
    crossing.azure.clear()
