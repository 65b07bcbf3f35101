"""Going back after a cutover: the source runs first, and what is not ours is never taken."""

import pytest

from coldferry.errors import BadInput, Denied, Failed, Refused, Rejected
from coldferry.migration import Marks, State
from coldferry.ports import PowerState
from providers.memory.world import MIB, StoredDisk
from tests.journeys.test_story import VM, Ferry

pytestmark = pytest.mark.slow


@pytest.fixture
def ferry(prefect_api):
    return Ferry(disks=1)


@pytest.fixture
def migration(ferry):
    """A move that was cut over."""
    made = ferry.finished()
    ferry.cutover(made)
    return made


def discard(ferry, migration):
    return ferry.rollback(migration, target_writes="discard")


def test_the_source_runs_before_anything_at_the_target_is_removed(ferry, migration):
    seen = []

    def look():
        arrived = ferry.target.cloud.arrived(migration)
        seen.append((ferry.source.cloud.power(VM), arrived.power))

    ferry.target.before("discard", look)
    discard(ferry, migration)

    assert seen == [(PowerState.RUNNING, PowerState.STOPPED)]
    assert ferry.source.cloud.marks(VM).state is State.ROLLED_BACK


def test_the_new_machine_is_stopped_before_the_source_is_started(ferry, migration):
    seen = []
    ferry.source.before("start", lambda: seen.append(ferry.target.cloud.arrived(migration).power))
    discard(ferry, migration)

    assert seen == [PowerState.STOPPED]


def test_a_source_that_cannot_be_started_leaves_the_target_whole_and_says_so(ferry, migration):
    new = ferry.target.cloud.arrived(migration).vm
    disks = {one.id for one in ferry.target.cloud.owned(migration)}
    ferry.source.fail("start", Denied("No capacity."), "start the source again")

    with pytest.raises(Failed, match=r"No capacity.*Nothing at the target was removed") as failed:
        discard(ferry, migration)

    assert f"coldferry rollback {migration}" in failed.value.do
    assert new in failed.value.what
    assert disks < {one.id for one in ferry.target.cloud.owned(migration)}  # and the copies
    assert ferry.target.cloud.power(new) is PowerState.STOPPED
    assert ferry.source.cloud.owned(migration)
    assert ferry.source.cloud.marks(VM).state is State.CUT_OVER
    with pytest.raises(Refused, match="What becomes of what"):
        ferry.rollback(migration)
    discard(ferry, migration)
    assert ferry.source.cloud.power(VM) is PowerState.RUNNING


@pytest.mark.parametrize(("side", "method", "task"), [
    ("target", "discard", "discard"), ("source", "release", "release"),
])  # fmt: skip
def test_a_rollback_that_ended_in_its_middle_is_neither_cut_over_nor_finalised(
    ferry, migration, side, method, task
):
    getattr(ferry, side).fail(method, Denied("No."), task)
    with pytest.raises(Failed):
        discard(ferry, migration)

    assert ferry.source.cloud.power(VM) is PowerState.RUNNING
    with pytest.raises(Refused):
        ferry.cutover(migration)
    with pytest.raises(Refused):
        ferry.finalise(migration)
    discard(ferry, migration)
    assert ferry.source.cloud.owned() == []
    assert ferry.source.cloud.marks(VM).state is State.ROLLED_BACK


def test_a_source_that_did_not_run_before_is_not_started(ferry):
    migration = ferry.finished()
    ferry.source.cloud.mark(VM, Marks(migration, State.ALLOCATED, "stopped"))
    ferry.cutover(migration)
    discard(ferry, migration)

    assert ferry.source.cloud.power(VM) is PowerState.STOPPED


def test_a_disk_that_a_person_attached_is_named_and_stays(ferry, migration):
    world = ferry.target.cloud.world
    new = ferry.target.cloud.arrived(migration).vm
    world.disks["theirs"] = StoredDisk("theirs", MIB, attached_to=new)

    with pytest.raises(Refused, match="What becomes of") as asked:
        ferry.rollback(migration)
    assert "theirs" in asked.value.what
    done = discard(ferry, migration)

    assert [one["subject"] for one in done["findings"]] == ["theirs"]
    assert "theirs" not in {one["id"] for one in done["removed"]}
    assert world.disks["theirs"].attached_to == ""
    assert {name for name, disk in world.disks.items() if not disk.kept} == {"theirs"}


def test_a_machine_that_was_moved_for_good_is_moved_once_more_only_when_told_so(ferry, migration):
    ferry.finalise(migration)
    with pytest.raises(Refused, match="is finalised") as refused:
        ferry.migrate()

    assert "--although-moved" in refused.value.do
    assert ferry.source.cloud.marks(VM).state is State.FINALISED
    ferry.target.cloud.world.machines.clear()  # its name is free again
    again = ferry.migrate(although_moved=True)
    assert again["migration"].endswith("-a2")
    assert ferry.source.cloud.marks(VM).migration == again["migration"]


def test_a_plan_that_is_rejected_does_not_take_away_that_it_was_moved(ferry, migration):
    from tasks.halting import record

    ferry.finalise(migration)
    before = ferry.source.cloud.marks(VM)
    record.fn(ferry.blocks[0], VM, f"{migration.removesuffix('-a1')}-a2", State.REJECTED)

    assert ferry.source.cloud.marks(VM) == before


def test_how_long_the_way_back_is_kept_is_said_once_at_the_cutover(ferry):
    migration = ferry.finished()
    told = ferry.cutover(migration, keep_days=90)

    with pytest.raises(Refused, match=f"is kept until {told['finalise_by']}"):
        ferry.finalise(migration, keep_days=None)
    again = ferry.cutover(migration, groups=(), go=False)
    assert again["finalise_by"] == told["finalise_by"]


@pytest.fixture
def moved(ferry):
    """A move that was cut over, and whose approval is known."""
    made = ferry.migrate()["migration"]
    ferry.cutover(made)
    return made


def test_the_source_machine_is_removed_once_its_id_is_said_again(ferry, moved):
    disks = [disk.id for disk in ferry.source.cloud.describe(VM).disks]
    with pytest.raises(Refused, match="Is the source machine web-01 removed") as asked:
        ferry.finalise(moved, remove_source=True)
    assert "--machine" in asked.value.do
    with pytest.raises(BadInput, match="is not the machine"):
        ferry.finalise(moved, remove_source=True, machine="web-02")
    assert ferry.source.cloud.power(VM) is PowerState.STOPPED
    assert ferry.source.cloud.owned(moved)

    told = ferry.finalise(moved, remove_source=True, machine=VM)

    assert {row["id"] for row in told["erased"]} >= {VM, *disks}
    assert all(row["answer"] for row in told["erased"])
    assert ferry.source.cloud.world.machines == ferry.source.cloud.world.disks == {}
    assert ferry.target.cloud.owned() == []


def test_a_finalised_migration_s_source_can_be_removed_later(ferry, moved):
    first = ferry.finalise(moved)
    told = ferry.finalise(moved, remove_source=True, machine=VM)

    assert first["removal_decided"] is None
    assert told["removal_decided"]["at"]
    assert ferry.source.cloud.world.machines == {}


def test_a_removal_that_was_killed_right_after_it_ends_the_same_the_next_time(ferry, moved):
    ferry.source.fail("release", Denied("No."), "release")
    with pytest.raises(Failed):
        ferry.finalise(moved, remove_source=True, machine=VM)
    assert ferry.source.cloud.world.machines == {}

    told = ferry.finalise(moved, remove_source=True, machine=VM)
    assert all(row["answer"] for row in told["erased"])
    assert ferry.source.cloud.owned() == ferry.target.cloud.owned() == []


def test_a_removal_that_was_refused_is_not_said_to_have_happened(ferry, moved):
    ferry.source.fail("remove", Denied("No."), "remove the source machine")
    with pytest.raises(Failed):
        ferry.finalise(moved, remove_source=True, machine=VM)
    assert ferry.source.cloud.owned(moved)

    told = ferry.finalise(moved)
    left = [row for row in told["erased"] if "answer" not in row]
    assert {row["id"] for row in left} == {VM, f"{VM}-d0"}
    assert ferry.source.cloud.power(VM) is PowerState.STOPPED


def test_nothing_is_removed_on_a_stop(ferry, migration):
    with pytest.raises(Rejected):
        ferry.rollback(migration, target_writes="stop")
    assert ferry.target.cloud.arrived(migration).power is PowerState.RUNNING
