"""A machine is copied while it runs; after its halt comes what changed, and nothing is lost."""

import asyncio
import time
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta

import pytest
from prefect import flow

from coldferry.content import LEAF_BYTES
from coldferry.errors import Denied, Failed, Gone, PreflightFailed, Refused, Undone
from coldferry.migration import Marks, State, early_of
from coldferry.plan import Plan
from coldferry.ports import PowerState
from coldferry.report import Stopwatch
from flows.bring_disks import bring_early
from providers.manifests import open_folder
from providers.memory.cloud import MemoryCloud
from providers.memory.disks import MemoryWriter
from tasks.go_ahead import GoAhead
from tasks.halting import give_back
from tests.conformance.worlds import ANSWERS, MIB
from tests.journeys.clouds import lend_target
from tests.journeys.test_story import VM, Ferry
from tests.rates import of_a_slow_way

pytestmark = pytest.mark.slow


@pytest.fixture
def ferry(prefect_api, tmp_path, monkeypatch):
    """A machine of one disk, whose copy is foreseen to take hours."""
    monkeypatch.setenv("COLDFERRY_RATES", str(of_a_slow_way(tmp_path)))
    return Ferry(disks=1)


def written(ferry, offset, data):
    """What the guest writes while its disk is being copied."""
    world = ferry.source.cloud.world
    world.disks[f"{VM}-d0"].write(offset, memoryview(data))


def the_disk(ferry):
    (disk,) = ferry.target.cloud.world.disks.values()
    return disk


def test_a_running_machine_is_finished_after_its_halt_and_rolled_back_whole(ferry):
    ferry.source.before("stop", lambda: written(ferry, 7 * MIB, b"new" * 4096))
    report = ferry.migrate()

    assert ferry.bytes_differ(report) == []
    (device,) = report["devices"]
    assert device["proof"]["equal"]
    assert device["sent_bytes"] <= LEAF_BYTES
    assert device["early_sent_bytes"] >= 4 * 4096
    steps = [step for step in report["seconds"] if step in ("copy early", "halt", "copy")]
    assert steps == ["copy early", "halt", "copy"]
    assert "all is read again after the halt" in report["estimate"]["early"]
    assert "read-again" in {finding["code"] for finding in report["findings"]}
    migration = report["migration"]
    # What was frozen before the halt costs, and is not needed once the machine has arrived.
    assert ferry.source.cloud.frozen(early_of(migration)) == []
    assert len(ferry.source.cloud.frozen(migration)) == 1
    again = ferry.migrate()
    assert (again["target_vm"], again["devices"][0]["sent_bytes"]) == (report["target_vm"], 0)

    ferry.rollback(migration)

    assert ferry.nothing_at_target
    assert ferry.source.cloud.world.frozen == {}
    assert ferry.source.cloud.power(VM) is PowerState.RUNNING


def test_a_run_that_dies_after_the_halt_goes_on_from_what_was_copied_before(ferry):
    ferry.source.before("stop", lambda: written(ferry, 0, b"new" * 4096))
    ferry.source.fail("freeze", Denied("No."), task="freeze")
    with pytest.raises(Failed):
        ferry.migrate()
    begun = the_disk(ferry)
    ferry.source.fail("release", Denied("No."), task="release early")

    report = ferry.migrate()

    assert the_disk(ferry) is begun
    assert ferry.bytes_differ(report) == []
    (device,) = report["devices"]
    assert device["sent_bytes"] <= LEAF_BYTES
    assert "copy early" not in report["seconds"]
    # It could not be deleted: that costs, and stops nothing.
    assert "early-left" in {finding["code"] for finding in report["findings"]}
    assert len(ferry.source.cloud.frozen(early_of(report["migration"]))) == 1


def test_what_nobody_knows_the_content_of_is_begun_anew(ferry):
    ferry.source.fail("freeze", Denied("No."), task="freeze")
    with pytest.raises(Failed):
        ferry.migrate()
    begun = the_disk(ferry)
    begun.write(MIB // 2, memoryview(b"left behind" * 512))
    open_folder().forget(early_of(ferry.source.cloud.marks(VM).migration))

    report = ferry.migrate()

    assert the_disk(ferry) is not begun
    assert ferry.bytes_differ(report) == []


def test_a_cold_migration_copies_nothing_before_the_halt(ferry):
    report = ferry.migrate(cold=True)

    assert "copy early" not in report["seconds"]
    assert report["estimate"]["early"] == ""
    assert ferry.source.cloud.frozen(early_of(report["migration"])) == []


def test_a_failure_before_the_halt_leaves_the_machine_running(ferry):
    ferry.target.fail("open_disk", Denied("No."), task="copy")
    with pytest.raises(Failed) as failed:
        ferry.migrate()

    assert failed.value.resumable
    assert ferry.source.cloud.power(VM) is PowerState.RUNNING
    marks = ferry.source.cloud.marks(VM)
    assert (marks.state, marks.power_before) == (State.FAILED, None)
    assert ferry.source.cloud.frozen(early_of(marks.migration))

    report = ferry.migrate()

    assert ferry.bytes_differ(report) == []
    assert ferry.source.cloud.frozen(early_of(marks.migration)) == []
    ferry.rollback(report["migration"])
    assert ferry.nothing_at_target
    assert ferry.source.cloud.owned() == []


def put_back(ferry):
    """As another computer does, which knows nothing of this run."""
    marks = ferry.source.cloud.marks(VM)
    give_back.fn(ferry.blocks[0], VM, marks.migration, State.FAILED)


def test_a_machine_that_is_put_back_while_it_is_copied_early_is_not_halted(ferry):
    ferry.target.before("open_disk", lambda: put_back(ferry))
    ferry.source.before("stop", lambda: pytest.fail("it was halted"))
    with pytest.raises(Undone, match="put back"):
        ferry.migrate()

    assert ferry.source.cloud.power(VM) is PowerState.RUNNING
    marks = ferry.source.cloud.marks(VM)
    assert (marks.state, marks.power_before) == (State.FAILED, None)
    ferry.rollback(marks.migration)
    assert ferry.source.cloud.owned() == []


def test_a_machine_that_is_rolled_back_elsewhere_while_it_is_copied_early_says_so(ferry):
    """Its frozen disks and its disks at the target are gone: the copy fails by that."""

    def roll_back():
        marks = ferry.source.cloud.marks(VM)
        ferry.source.cloud.release(early_of(marks.migration))
        ferry.source.cloud.mark(VM, Marks(marks.migration, State.ROLLED_BACK))

    ferry.target.before("open_disk", roll_back)
    ferry.target.fail("open_disk", Gone("The disk is gone."), task="copy")
    with pytest.raises(Undone, match="is rolled-back"):
        ferry.migrate()

    assert ferry.source.cloud.power(VM) is PowerState.RUNNING
    assert ferry.source.cloud.marks(VM).state is State.ROLLED_BACK


def _no_subnet(ferry):
    ferry.target.cloud.world.subnets = ()


def _resized(ferry):
    stored = ferry.source.cloud.world.machines[VM]
    stored.machine = stored.machine.model_copy(update={"vcpus": 1})


@pytest.mark.parametrize(
    ("change", "told"), [(_no_subnet, "no subnet"), (_resized, "vcpus was 2 and is 1")]
)
def test_what_refuses_after_the_copy_and_before_the_halt_is_a_refusal(ferry, change, told):
    ferry.target.before("open_disk", lambda: change(ferry))
    ferry.source.before("stop", lambda: pytest.fail("it was halted"))
    with pytest.raises(PreflightFailed, match=told) as refused:
        ferry.migrate()

    marks = ferry.source.cloud.marks(VM)
    assert (refused.value.exit_code, refused.value.resumable) == (4, True)
    assert f"'coldferry rollback {marks.migration}' removes it" in refused.value.do
    assert (marks.state, marks.power_before) == (State.FAILED, None)
    assert ferry.source.cloud.power(VM) is PowerState.RUNNING
    assert len(ferry.source.cloud.frozen(early_of(marks.migration))) == 1

    ferry.rollback(marks.migration)

    assert ferry.nothing_at_target
    assert ferry.source.cloud.owned() == []


class SlowWriter(MemoryWriter):
    """Its requests hang, like those of a cloud that is far away."""

    def write(self, offset, view):
        time.sleep(60)
        super().write(offset, view)


class SlowCloud(MemoryCloud):
    """A target that takes hours."""

    @contextmanager
    def open_disk(self, plan, frozen):
        with super().open_disk(plan, frozen):
            yield SlowWriter(self.world.disks[plan.object_name(frozen.device.name)])


@pytest.mark.parametrize("ended", [False, True], ids=["put back", "its window ends"])
def test_a_copy_before_the_halt_ends_once_its_machine_is_to_be_let_be(ferry, ended):
    origin, slow = ferry.blocks[0], lend_target(SlowCloud(ferry.target.cloud.world))
    cloud, migration = ferry.source.cloud, "web-01-memory-00c0ffee-a1"
    machine = cloud.describe(VM)
    translation = slow.target().translate(machine, slow.target().catalogue(), ANSWERS)
    plan = Plan(migration=migration, machine=machine, translation=translation)
    cloud.mark(VM, Marks(migration, State.APPROVED))
    abort_at = datetime.now(UTC) + timedelta(seconds=3) if ended else None
    if not ended:
        ferry.source.before("open_frozen", lambda: put_back(ferry))
    begun = time.monotonic()
    go_ahead = GoAhead(origin, VM, migration, abort_at, every_s=0.1)

    @flow
    async def copied():
        await bring_early(origin, VM, slow, plan, Stopwatch(), go_ahead)

    with pytest.raises(Refused if ended else Undone):
        asyncio.run(copied())

    assert time.monotonic() - begun < 50
    assert cloud.power(VM) is PowerState.RUNNING
