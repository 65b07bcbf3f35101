"""After a migration: production changes hands, comes back, or the way back is given up."""

import json
import socket
from dataclasses import replace

import pytest

from coldferry.erasing import UNTOLD
from coldferry.errors import BadInput, ChecksFailed, Denied, Failed, Refused, Rejected
from coldferry.home import folder
from coldferry.migration import Marks, State
from coldferry.ports import PowerState
from tests.journeys.test_story import VM, Ferry

pytestmark = pytest.mark.slow


@pytest.fixture
def ferry(prefect_api):
    return Ferry(disks=1)


@pytest.fixture
def migration(ferry):
    """A finished move."""
    return ferry.finished()


def at_target(ferry) -> dict[str, set[str]]:
    """Everything at the target, ours and not, by kind."""
    world = ferry.target.cloud.world
    return {
        "machines": {*world.machines},
        "disks": {name for name, disk in world.disks.items() if not disk.kept},
        "kept": {name for name, disk in world.disks.items() if disk.kept},
        "groups": {*world.groups},
    }


def test_a_cutover_starts_the_new_machine_behind_its_groups_and_leaves_the_source(ferry, migration):
    told = ferry.cutover(migration)

    new = ferry.target.cloud.world.machines[told["target_vm"]]
    assert (told["state"], told["target_power"]) == ("cut-over", "running")
    assert (new.power, new.groups) == (PowerState.RUNNING, ("web",))
    assert ferry.source.cloud.power(VM) is PowerState.STOPPED
    marks = ferry.source.cloud.marks(VM)
    assert (marks.state, marks.power_before) == (State.CUT_OVER, "running")
    assert (marks.moved_at, told["finalise_by"] > marks.moved_at[:10]) == (
        told["cut_over_at"], True,
    )  # fmt: skip
    assert len(ferry.source.cloud.owned(migration)) == 1


def test_a_cutover_again_goes_on_and_its_moment_stays(ferry, migration):
    first = ferry.cutover(migration)
    again = ferry.cutover(migration, groups=(), go=False)

    assert again["cut_over_at"] == first["cut_over_at"]
    assert again["interfaces"] == first["interfaces"]
    assert ferry.target.cloud.world.machines[first["target_vm"]].starts == 1


def test_a_cutover_again_does_not_start_a_machine_that_has_moved_on(ferry, migration):
    new = ferry.cutover(migration)["target_vm"]
    ferry.target.cloud.stop(new)
    ferry.target.cloud.mark(new, Marks("web-01-azure-22222222-a1", State.COPYING, "running"))

    with pytest.raises(Refused, match="web-01-azure-22222222-a1, which is copying"):
        ferry.cutover(migration, groups=(), go=False)

    assert ferry.target.cloud.power(new) is PowerState.STOPPED


def test_a_next_move_that_begins_amid_a_cutover_is_seen_before_the_start(ferry, migration):
    new = ferry.target.cloud.arrived(migration).vm
    moving = Marks("web-01-azure-22222222-a1", State.HALTED, "stopped")
    ferry.target.before("open_up", lambda: ferry.target.cloud.mark(new, moving))

    with pytest.raises(Failed, match="which is halted"):
        ferry.cutover(migration)

    assert ferry.target.cloud.power(new) is PowerState.STOPPED


def test_which_group_is_asked_and_nothing_is_done_without_an_answer(ferry, migration):
    with pytest.raises(Refused, match="security group") as asked:
        ferry.cutover(migration, groups=())
    with pytest.raises(BadInput, match="does not offer"):
        ferry.cutover(migration, groups=("nobody-s",))
    with pytest.raises(BadInput, match="2 security groups"):
        ferry.cutover(migration, groups=("web", "db"))
    with pytest.raises(Refused, match="cut over"):
        ferry.cutover(migration, go=False)

    assert "db, web, none" in asked.value.do
    assert ferry.source.cloud.marks(VM).state is State.ALLOCATED
    assert ferry.target.cloud.arrived(migration).power is PowerState.STOPPED


@pytest.mark.parametrize("again", ["stopped", "runs"])
def test_a_source_that_was_started_since_is_not_cut_over(ferry, migration, again):
    ferry.source.cloud.start(VM)
    if again == "stopped":
        ferry.source.cloud.stop(VM)

    with pytest.raises(Refused, match="since its disks were frozen"):
        ferry.cutover(migration)
    assert ferry.target.cloud.arrived(migration).power is PowerState.STOPPED


def test_only_a_finished_move_is_cut_over(ferry):
    ferry.target.fail("allocate", Denied("No."), "allocate")
    with pytest.raises(Failed):
        ferry.migrate()
    migration = ferry.source.cloud.marks(VM).migration

    with pytest.raises(Refused, match="is failed"):
        ferry.cutover(migration)
    with pytest.raises(Refused, match="only a migration that was cut over"):
        ferry.finalise(migration)


def test_checks_pass_or_leave_the_machine_started_and_name_the_way_back(ferry, migration):
    with socket.create_server(("127.0.0.1", 0)) as there:
        good = f"tcp:127.0.0.1:{there.getsockname()[1]}"
        with pytest.raises(ChecksFailed, match="1 of 2 checks failed") as failed:
            ferry.cutover(migration, checks=[good, "tcp:127.0.0.1:1"], checks_within_s=0)
        told = ferry.cutover(migration, checks=[good])

    assert f"coldferry rollback {migration}" in failed.value.do
    assert (failed.value.exit_code, failed.value.resumable) == (5, True)
    assert [one["passed"] for one in told["checks"]] == [True]
    assert ferry.target.cloud.arrived(migration).power is PowerState.RUNNING
    assert ferry.source.cloud.marks(VM).state is State.CUT_OVER


def test_a_moved_source_is_neither_started_nor_migrated_again(ferry, migration):
    from tasks.halting import give_back

    ferry.cutover(migration)
    with pytest.raises(Refused, match="cut over"):
        ferry.migrate()
    with pytest.raises(Refused, match="has taken over"):
        give_back.fn(ferry.blocks[0], VM, migration, State.FAILED)
    with pytest.raises(Refused, match="has taken over"):
        give_back.fn(ferry.blocks[0], VM, migration, State.ROLLED_BACK, ferry.blocks[1])

    assert ferry.source.cloud.power(VM) is PowerState.STOPPED
    assert ferry.source.cloud.marks(VM).state is State.CUT_OVER


def test_a_migrating_run_never_writes_over_a_cutover(ferry):
    def cut_over():
        marks = ferry.source.cloud.marks(VM)
        ferry.source.cloud.mark(VM, replace(marks, state=State.CUT_OVER))

    ferry.target.before("compare", cut_over)
    with pytest.raises(Failed, match="cut-over"):
        ferry.migrate()
    assert ferry.source.cloud.marks(VM).state is State.CUT_OVER


def test_a_rollback_after_a_cutover_asks_what_becomes_of_the_target_s_writes(ferry, migration):
    before = at_target(ferry)
    ferry.cutover(migration)
    for told in ({}, {"discard_used": True}):
        with pytest.raises(Refused, match="What becomes of what") as asked:
            ferry.rollback(migration, **told)
    with pytest.raises(Rejected, match="stopped"):
        ferry.rollback(migration, target_writes="stop")

    assert "--target-writes discard" in asked.value.do
    assert at_target(ferry) == before
    assert ferry.target.cloud.arrived(migration).power is PowerState.RUNNING
    assert ferry.source.cloud.power(VM) is PowerState.STOPPED


def test_a_rollback_that_discards_keeps_a_copy_and_puts_the_source_back(ferry, migration):
    told = ferry.cutover(migration)
    world = ferry.target.cloud.world
    (disk,) = (one for one in world.disks.values() if one.attached_to == told["target_vm"])
    disk.write(4096, memoryview(b"order 4711".ljust(512, b".")))

    done = ferry.rollback(migration, target_writes="discard")

    assert at_target(ferry) == {
        "machines": set(), "disks": set(), "kept": {done["kept"][0]["id"]}, "groups": {"db", "web"},
    }  # fmt: skip
    kept = bytearray(512)
    world.disks[done["kept"][0]["id"]].read(4096, memoryview(kept))
    assert kept.startswith(b"order 4711")
    assert ferry.source.cloud.power(VM) is PowerState.RUNNING
    assert ferry.source.cloud.owned() == []
    marks = ferry.source.cloud.marks(VM)
    assert (marks.state, marks.power_before, marks.moved_at) == (State.ROLLED_BACK, None, None)

    again = ferry.rollback(migration, target_writes="discard")
    assert (again["removed"], again["kept"]) == ([], [])
    erased = ferry.finalise(migration)
    assert (erased["state"], len(erased["erased"])) == ("rolled-back", 1)
    assert at_target(ferry)["kept"] == set()
    assert ferry.source.cloud.power(VM) is PowerState.RUNNING


def test_kept_copies_can_be_erased_after_the_next_attempt_began(ferry, migration):
    ferry.cutover(migration)
    ferry.rollback(migration, target_writes="discard")
    second = ferry.finished()

    assert len(ferry.finalise(migration)["erased"]) == 1
    assert ferry.source.cloud.marks(VM).migration == second
    assert ferry.target.cloud.arrived(second) is not None


def test_finalising_leaves_the_new_machine_alone_and_nothing_of_ours(ferry, migration):
    new = ferry.cutover(migration)["target_vm"]
    frozen = [one.id for one in ferry.source.cloud.owned(migration)]
    groups = [one.id for one in ferry.target.cloud.temporary(migration)]

    told = ferry.finalise(migration)

    assert [row["id"] for row in told["erased"]] == frozen + groups
    assert all(row["at"] and row["means"] and row["answer"] for row in told["erased"])
    assert json.loads((folder("reports") / f"{migration}-erased.json").read_text())["erased"]
    assert ferry.source.cloud.owned() == ferry.target.cloud.owned() == []
    found = at_target(ferry)
    assert (found["machines"], len(found["disks"])) == ({new}, 1)
    assert found["groups"] == {"db", "web"}
    assert ferry.target.cloud.power(new) is PowerState.RUNNING
    assert ferry.source.cloud.power(VM) is PowerState.STOPPED
    assert ferry.source.cloud.marks(VM).state is State.FINALISED

    with pytest.raises(Refused, match="was finalised"):
        ferry.rollback(migration, target_writes="discard", discard_used=True)
    assert ferry.finalise(migration)["erased"] == told["erased"]
    assert at_target(ferry) == found


def test_the_way_back_is_kept_until_its_day_and_its_cost_is_told(ferry, migration):
    ferry.cutover(migration)
    with pytest.raises(Refused, match="is not known here"):
        ferry.finalise(migration, keep_days=14)
    ferry.source.cloud.world.disk_price = 0.25
    with pytest.raises(Refused, match=r"kept until .* 0\.25 USD a day"):
        ferry.finalise(migration, keep_days=14)
    with pytest.raises(Refused, match="will be erased"):
        ferry.finalise(migration, go=False)

    assert ferry.source.cloud.owned(migration)
    assert ferry.finalise(migration)["usd_per_day"] == 0.25


def test_without_its_new_machine_nothing_is_finalised(ferry, migration):
    new = ferry.cutover(migration)["target_vm"]
    del ferry.target.cloud.world.machines[new]

    with pytest.raises(Refused, match="not at the target"):
        ferry.finalise(migration)
    assert ferry.source.cloud.owned(migration)


def test_a_migration_whose_source_is_gone_is_finalised_beside_its_new_machine(ferry, migration):
    ferry.cutover(migration)
    del ferry.source.cloud.world.machines[VM]

    with pytest.raises(Refused, match="may be the last copy") as asked:
        ferry.finalise(migration)
    assert "--source-gone" in asked.value.do
    assert ferry.source.cloud.owned(migration)

    told = ferry.finalise(migration, source_gone=True)
    assert {one["code"] for one in told["findings"]} == {"source-gone"}
    assert ferry.source.cloud.owned() == ferry.target.cloud.owned() == []


@pytest.mark.parametrize(
    ("side", "method", "task"),
    [
        ("source", "release", "release"),
        ("source", "mark", "tag as finalised"),
        ("target", "hand_over", "hand over"),
        ("target", "erase_kept", "erase kept copies"),
        ("target", "kept", "look once more"),
    ],
)
def test_finalising_that_fails_in_the_middle_ends_the_same_the_next_time(
    ferry, migration, side, method, task
):
    ferry.cutover(migration)
    getattr(ferry, side).fail(method, Denied("No."), task)
    with pytest.raises(Failed):
        ferry.finalise(migration)
    told = ferry.finalise(migration)

    assert {row["answer"] for row in told["erased"]} <= {"gone", UNTOLD}
    assert len(told["erased"]) == 2
    assert ferry.source.cloud.owned() == ferry.target.cloud.owned() == []
    assert ferry.source.cloud.marks(VM).state is State.FINALISED


@pytest.mark.parametrize(
    ("side", "method", "task"),
    [
        ("target", "keep", "keep"),
        ("target", "discard", "discard"),
        ("source", "release", "release"),
        ("source", "start", "start the source again"),
        ("source", "mark", "give back"),
    ],
)
def test_a_rollback_that_fails_in_the_middle_ends_the_same_the_next_time(
    ferry, migration, side, method, task
):
    ferry.cutover(migration)
    getattr(ferry, side).fail(method, Denied("No."), task)
    with pytest.raises(Failed):
        ferry.rollback(migration, target_writes="discard")
    ferry.rollback(migration, target_writes="discard")

    assert len(at_target(ferry)["kept"]) == 1
    assert at_target(ferry)["machines"] == set()
    assert ferry.source.cloud.power(VM) is PowerState.RUNNING
    assert ferry.source.cloud.marks(VM).state is State.ROLLED_BACK


@pytest.mark.parametrize(
    ("side", "method", "task"),
    [
        ("target", "open_up", "open up"),
        ("source", "mark", "tag as moved"),
        ("target", "start", "start the new machine"),
        ("target", "arrived", "check"),
    ],
)
def test_a_cutover_that_fails_in_the_middle_goes_on_the_next_time(
    ferry, migration, side, method, task
):
    with socket.create_server(("127.0.0.1", 0)) as there:
        checks = [f"tcp:127.0.0.1:{there.getsockname()[1]}"]
        getattr(ferry, side).fail(method, Denied("No."), task)
        with pytest.raises(Failed, match="No") as failed:
            ferry.cutover(migration, checks=checks)
        told = ferry.cutover(migration, checks=checks)

    assert f"coldferry rollback {migration}" in failed.value.do
    assert [one["passed"] for one in told["checks"]] == [True]
    assert told["interfaces"][0]["security_group"] == "web"
    assert ferry.target.cloud.world.machines[told["target_vm"]].starts == 1


def test_production_never_runs_twice_whatever_fails(ferry, migration):
    """The source is tagged before its new machine is started: between the two, neither runs."""
    ferry.target.fail("start", Denied("No."), "start the new machine")
    with pytest.raises(Failed):
        ferry.cutover(migration)

    assert ferry.source.cloud.marks(VM).state is State.CUT_OVER
    assert ferry.target.cloud.arrived(migration).power is PowerState.STOPPED
    ferry.rollback(migration)  # it wrote nothing: nothing is asked
    assert ferry.source.cloud.power(VM) is PowerState.RUNNING
    assert ferry.nothing_at_target
