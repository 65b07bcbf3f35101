"""A source that is put back under a run: the run ends as failed, and no machine stays down."""

import asyncio
from contextlib import suppress
from datetime import UTC, datetime, timedelta

import pytest
from prefect import tags

from coldferry.errors import ColdferryError, Denied, PreflightFailed, Refused, Undone
from coldferry.migration import HELD, Marks, State
from coldferry.plan import Plan
from coldferry.ports import PowerState
from coldferry.report import Stopwatch
from flows.migrate_vm import carry_out
from tasks.halting import give_back, halt, record
from tests.conformance.worlds import ANSWERS
from tests.journeys.test_story import VM, Ferry

MIGRATION = "web-01-memory-00c0ffee-a1"
PUT_BACK = Marks(MIGRATION, State.FAILED)


@pytest.fixture
def ferry(prefect_api):
    """A machine of one disk on its way."""
    return Ferry(disks=1)


def put_back(ferry):
    """As a wave does at the end of its window."""
    marks = ferry.source.cloud.marks(VM)
    give_back.fn(ferry.blocks[0], VM, marks.migration, State.FAILED)


def test_a_migration_that_is_rolled_back_before_its_halt_halts_nothing(ferry):
    """From another machine, while its disks are copied early."""
    source, target = ferry.source.cloud, ferry.target.cloud
    machine = source.describe(VM)
    translation = target.translate(machine, target.catalogue(), ANSWERS)
    plan = Plan(migration=MIGRATION, machine=machine, translation=translation)
    ended = Marks(MIGRATION, State.ROLLED_BACK)
    source.mark(VM, ended)
    with pytest.raises(Undone, match="is rolled-back"):
        halt.fn(ferry.blocks[0], VM, plan, 60)

    assert source.power(VM) is PowerState.RUNNING
    assert source.marks(VM) == ended


OTHER = "web-01-memory-0ddba110-a2"


@pytest.mark.parametrize(
    "found",
    [
        PUT_BACK,
        Marks(MIGRATION, State.ROLLED_BACK),
        Marks(MIGRATION, State.COPYING, "running"),
        Marks(OTHER, State.APPROVED),
        None,
    ],
    ids=["put back", "rolled back", "carried out elsewhere", "of another migration", "gone"],
)
def test_what_was_copied_while_it_ran_is_halted_only_by_the_word_it_was_begun_with(ferry, found):
    source, target = ferry.source.cloud, ferry.target.cloud
    machine = source.describe(VM)
    translation = target.translate(machine, target.catalogue(), ANSWERS)
    plan = Plan(migration=MIGRATION, machine=machine, translation=translation)
    source.world.machines[VM].marks = found
    with pytest.raises(Undone):
        halt.fn(ferry.blocks[0], VM, plan, 60, begun=True)

    assert source.power(VM) is PowerState.RUNNING
    assert source.marks(VM) == found


@pytest.mark.parametrize("state", [State.APPROVED, State.HALTED, State.FAILED, State.REJECTED])
def test_no_word_is_written_over_that_of_another_migration_that_halted_it(ferry, state):
    held = Marks(OTHER, State.COPYING, "running")
    ferry.source.cloud.mark(VM, held)
    with suppress(Undone):
        record.fn(ferry.blocks[0], VM, MIGRATION, state)

    assert ferry.source.cloud.marks(VM) == held


@pytest.mark.parametrize("state", sorted(HELD))
def test_a_late_run_never_writes_over_that_its_source_was_put_back(ferry, state):
    ferry.source.cloud.mark(VM, PUT_BACK)
    with pytest.raises(Undone, match="was put back"):
        record.fn(ferry.blocks[0], VM, MIGRATION, state)

    assert ferry.source.cloud.marks(VM) == PUT_BACK


def test_a_source_that_is_put_back_while_it_is_being_stopped_runs(ferry):
    ferry.source.before("stop", lambda: put_back(ferry))
    with pytest.raises(Undone, match="was put back"):
        ferry.migrate()

    assert ferry.source.cloud.power(VM) is PowerState.RUNNING
    assert ferry.source.cloud.marks(VM).power_before is None
    assert ferry.nothing_at_target


def test_no_machine_is_made_of_a_source_that_was_put_back(ferry):
    ferry.source.before("started_since", lambda: _afterwards(ferry))
    with pytest.raises(Undone, match="was put back"):
        ferry.migrate()

    assert ferry.target.cloud.world.machines == {}
    assert ferry.source.cloud.power(VM) is PowerState.RUNNING


def _afterwards(ferry):
    """Right after the look whether it was started: between that and the new machine."""
    ferry.target.before("preflight", lambda: put_back(ferry))


def test_a_run_whose_source_is_put_back_at_the_very_end_fails_and_goes_on_later(ferry):
    ferry.target.before("compare", lambda: put_back(ferry))
    with pytest.raises(Undone):
        ferry.migrate()
    assert ferry.source.cloud.marks(VM).state is State.FAILED
    assert ferry.source.cloud.power(VM) is PowerState.RUNNING


def test_a_source_that_was_put_back_with_its_new_machine_made_is_not_halted_again(ferry):
    ferry.target.before("compare", lambda: put_back(ferry))
    with pytest.raises(Undone):
        ferry.migrate()
    migration = ferry.source.cloud.marks(VM).migration
    ferry.source.before("stop", lambda: pytest.fail("it was halted"))
    with pytest.raises(PreflightFailed, match="cannot be copied anew") as refused:
        ferry.migrate()

    assert refused.value.exit_code == 4
    assert f"'coldferry rollback {migration}'" in refused.value.do
    assert ferry.source.cloud.power(VM) is PowerState.RUNNING
    ferry.source.before("stop", lambda: None)
    ferry.rollback(migration)
    assert ferry.migrate()["state"] == "allocated"


def test_the_end_of_a_run_s_window_stands_on_the_machine_until_it_arrives(ferry):
    end = datetime.now(UTC) + timedelta(hours=1)
    seen = []
    ferry.target.before("open_disk", lambda: seen.append(ferry.source.cloud.marks(VM)))
    with tags(_until(end)):
        ferry.migrate()

    assert seen[0].abort_at == end
    assert ferry.source.cloud.marks(VM).abort_at is None


def test_a_run_without_a_window_takes_the_machine_out_of_the_former_one(ferry):
    _fail_while_copying(ferry, datetime.now(UTC) + timedelta(hours=1))
    halted = ferry.source.cloud.marks(VM)
    seen = []
    ferry.target.before("open_disk", lambda: seen.append(ferry.source.cloud.marks(VM)))
    ferry.migrate()

    assert halted.abort_at is not None
    assert (seen[0].migration, seen[0].abort_at) == (halted.migration, None)


def test_after_the_end_of_its_window_a_run_halts_nothing(ferry):
    end = datetime.now(UTC) - timedelta(seconds=1)
    with tags(_until(end)), pytest.raises(Refused, match=r"window of .* ended"):
        ferry.migrate()

    assert ferry.source.cloud.power(VM) is PowerState.RUNNING
    assert ferry.source.cloud.marks(VM) is None


class Closing(datetime):
    """The end of a window, which has come once it is ``over``."""

    over = False

    def __gt__(self, now):
        return not self.over


def test_a_window_that_ends_while_the_clouds_are_asked_halts_nothing(ferry):
    source, target = ferry.source.cloud, ferry.target.cloud
    end = Closing.fromisoformat("2031-05-03T22:00+00:00")
    machine = source.describe(VM)
    translation = target.translate(machine, target.catalogue(), ANSWERS)
    plan = Plan(migration=MIGRATION, machine=machine, translation=translation)
    ferry.target.before("preflight", lambda: setattr(end, "over", True))
    ferry.source.before("stop", lambda: pytest.fail("it was halted"))
    with pytest.raises(Refused, match=r"window of .* ended"):
        asyncio.run(
            carry_out(ferry.blocks[0], VM, ferry.blocks[1], plan, None, 60, Stopwatch(), end)
        )

    assert source.power(VM) is PowerState.RUNNING
    assert source.marks(VM) is None


def test_a_machine_that_had_arrived_stays_so_while_the_same_run_is_resumed_too_late(ferry):
    migration = ferry.finished()
    arrived, seen = ferry.source.cloud.marks(VM), []
    look = lambda: seen.append(ferry.source.cloud.marks(VM))  # noqa: E731
    ferry.source.before("freeze", look)
    ferry.target.before("compare", look)
    origin, goal = ferry.blocks
    machine = ferry.source.cloud.describe(VM)
    translation = goal.target().translate(machine, goal.target().catalogue(), ANSWERS)
    plan = Plan(migration=migration, machine=machine, translation=translation)
    past = datetime.now(UTC) - timedelta(hours=1)
    asyncio.run(carry_out(origin, VM, goal, plan, None, 60, Stopwatch(), past))

    assert seen == [arrived, arrived]
    assert ferry.source.cloud.marks(VM) == arrived


def test_after_the_end_of_its_window_a_run_starts_what_is_halted(ferry):
    _fail_while_copying(ferry, datetime.now(UTC) + timedelta(hours=1))
    assert ferry.source.cloud.power(VM) is PowerState.STOPPED
    with (
        tags(_until(datetime.now(UTC))),
        pytest.raises(ColdferryError, match=r"window of .* ended"),
    ):
        ferry.migrate()

    assert ferry.source.cloud.power(VM) is PowerState.RUNNING
    assert ferry.source.cloud.marks(VM).power_before is None


def _fail_while_copying(ferry, end):
    ferry.target.fail("open_disk", Denied("Not now."), "copy")
    with tags(_until(end)), pytest.raises(ColdferryError):
        ferry.migrate()


def _until(end):
    return f"abort-at:{end.isoformat()}"
