"""The story as a whole, between clouds in memory, against a real Prefect server."""

import asyncio
import uuid
from dataclasses import replace

import pytest

from coldferry.errors import (
    BadAnswer,
    BadInput,
    Conflict,
    Denied,
    Drifted,
    Failed,
    NotMovable,
    PreflightFailed,
    Refused,
    TranslationsMissing,
    Undone,
    WillNotStop,
)
from coldferry.home import alone
from coldferry.migration import Marks, State, next_migration, pair_of
from coldferry.plan import Plan
from coldferry.ports import PowerState, Proof, VerifiedDisk
from flows.cutover import cutover
from flows.finalise import finalise
from flows.migrate_vm import migrate_vm
from flows.rollback import rollback
from tasks.deciding import identify
from tasks.describing import survey
from tests.conformance.worlds import ANSWERS, a_source, a_target
from tests.journeys.clouds import Watched, lend_source, lend_target

VM = "web-01"


class Ferry:
    """One source, one target, and the flows between them.

    ``inspect``: the disks are looked into, as the flow does by itself; tests
    of other things save the time.
    """

    def __init__(self, disks: int = 2, *, inspect: bool = False) -> None:
        self.inspect = inspect
        # A scope of its own, or a sibling test's approvals and answers would count.
        self.source = Watched(a_source(VM, disks, scope=str(uuid.uuid4())))
        self.target = Watched(a_target())
        self.blocks = lend_source(self.source), lend_target(self.target)

    def migrate(self, answers=ANSWERS, **options):
        origin, goal = self.blocks
        told = {"answers": answers, "inspect": self.inspect} | options
        return asyncio.run(migrate_vm(origin, VM, goal, **told))

    def rollback(self, migration, **options):
        origin, goal = self.blocks
        return rollback(origin, VM, goal, migration, **options)

    def finished(self) -> str:
        """A finished move, made without a flow: it costs nothing; the migration."""
        source, target = self.source.cloud, self.target.cloud
        machine, pair = source.describe(VM), pair_of(source, VM, target)
        migration, _ = next_migration(machine.name, target.provider, pair, source.marks(VM))
        translation = target.translate(machine, target.catalogue(), ANSWERS)
        plan = Plan(migration=migration, machine=machine, translation=translation)
        source.stop(VM)
        disks = []
        for frozen in source.freeze(VM, migration, plan.devices):
            with target.open_disk(plan, frozen) as writer:
                proof = Proof("none: this is not about it", "nobody", equal=True)
                disks.append(VerifiedDisk(frozen.device, writer.commit(), "", proof))
        target.allocate(plan, disks)
        source.mark(VM, Marks(migration, State.ALLOCATED, "running"))
        return migration

    def cutover(self, migration, groups=("web",), **options):
        origin, goal = self.blocks
        return cutover(
            origin, VM, goal, migration, **{"security_groups": [*groups], "go": True} | options
        )

    def finalise(self, migration, **options):
        origin, goal = self.blocks
        return finalise(origin, VM, goal, migration, **{"keep_days": 0, "go": True} | options)

    def bytes_differ(self, report) -> list[str]:
        """Source disks whose copy is not the same, read straight from the dictionaries."""
        differing = []
        for device in report["devices"]:
            ends = [
                self.source.cloud.world.disks[device["source"]],
                self.target.cloud.world.disks[device["target"]],
            ]
            found = [bytearray(device["size_bytes"]) for _ in ends]
            for disk, buffer in zip(ends, found, strict=True):
                disk.read(0, memoryview(buffer))
            if found[0] != found[1]:
                differing.append(device["source"])
        return differing

    @property
    def nothing_at_target(self) -> bool:
        world = self.target.cloud.world
        return not world.machines and not world.disks


@pytest.fixture
def ferry(prefect_api):
    return Ferry()


def test_a_machine_arrives_proven_and_the_source_is_left_stopped(ferry):
    report = ferry.migrate()

    assert report["state"] == "allocated"
    assert ferry.bytes_differ(report) == []
    assert all(device["proof"]["equal"] for device in report["devices"])
    assert ferry.source.cloud.power(VM) is PowerState.STOPPED
    assert ferry.target.cloud.power(report["target_vm"]) is PowerState.STOPPED


def test_the_same_migration_again_adopts_what_exists(ferry):
    first = ferry.migrate()
    again = ferry.migrate()

    assert (again["migration"], again["target_vm"]) == (first["migration"], first["target_vm"])
    assert len(ferry.target.cloud.world.machines) == 1
    assert len(ferry.target.cloud.world.disks) == 2
    assert [device["sent_bytes"] for device in again["devices"]] == [0, 0]


def test_a_rerun_of_an_approved_plan_needs_no_answers(ferry):
    first = ferry.migrate()

    assert ferry.migrate(answers=None)["target_vm"] == first["target_vm"]


def test_without_answers_it_ends_naming_what_is_missing(ferry):
    with pytest.raises(TranslationsMissing) as ended:
        ferry.migrate(answers=None)

    assert ended.value.missing == ["nics[0].subnet_id"]
    assert ferry.nothing_at_target
    assert ferry.source.cloud.power(VM) is PowerState.RUNNING


def test_a_wrong_answer_is_refused_before_anything_is_touched(ferry):
    with pytest.raises(BadAnswer):
        ferry.migrate(answers={"nics[0].subnet_id": "nowhere"})

    assert ferry.nothing_at_target
    assert ferry.source.cloud.marks(VM) is None


def test_rolling_back_leaves_the_target_empty_and_the_source_running(ferry):
    report = ferry.migrate()
    ferry.rollback(report["migration"])

    assert ferry.nothing_at_target
    assert ferry.source.cloud.power(VM) is PowerState.RUNNING
    assert ferry.source.cloud.owned() == []
    assert ferry.source.cloud.marks(VM).state is State.ROLLED_BACK
    assert ferry.source.cloud.marks(VM).power_before is None


def test_after_a_rollback_comes_the_next_attempt(ferry):
    first = ferry.migrate()
    ferry.rollback(first["migration"])
    second = ferry.migrate()

    assert first["migration"].endswith("-a1")
    assert second["migration"].endswith("-a2")


def test_a_machine_that_was_stopped_stays_stopped_after_a_rollback(ferry):
    ferry.source.cloud.stop(VM)
    report = ferry.migrate()
    ferry.rollback(report["migration"])

    assert ferry.source.cloud.power(VM) is PowerState.STOPPED


def test_a_target_that_ran_is_not_rolled_back_unless_told_so(ferry):
    report = ferry.migrate()
    ferry.target.cloud.start(report["target_vm"])

    with pytest.raises(Refused, match="was used after its proof"):
        ferry.rollback(report["migration"])
    assert not ferry.nothing_at_target

    ferry.rollback(report["migration"], discard_used=True)
    assert ferry.nothing_at_target


def test_the_last_copy_is_not_removed_unless_told_so(ferry):
    report = ferry.migrate()
    del ferry.source.cloud.world.machines[VM]

    with pytest.raises(Refused, match="the only copy"):
        ferry.rollback(report["migration"])
    assert not ferry.nothing_at_target
    assert ferry.source.cloud.owned() != []

    ferry.rollback(report["migration"], discard_used=True)
    assert ferry.nothing_at_target


def test_a_disk_that_another_machine_holds_keeps_all_of_it_from_being_removed(ferry):
    report = ferry.migrate()
    disk = ferry.target.cloud.world.disks[report["devices"][1]["target"]]
    disk.attached_to = "prod-web"

    with pytest.raises(Refused, match="attached to prod-web"):
        ferry.rollback(report["migration"], discard_used=True)
    assert report["target_vm"] in ferry.target.cloud.world.machines


def test_a_rollback_of_another_machine_s_migration_is_bad_input(ferry):
    report = ferry.migrate()
    origin, goal = ferry.blocks

    with pytest.raises(BadInput, match="not the migration of"):
        rollback(origin, "web-02", goal, report["migration"])
    assert not ferry.nothing_at_target


def test_a_rollback_waits_for_the_run_that_carries_it_out(ferry):
    def undo():
        with pytest.raises(Conflict, match="Another run"):
            ferry.rollback(migration)

    migration = identify(survey.fn(ferry.blocks[0], VM), ferry.blocks[0], VM, ferry.blocks[1])
    ferry.source.before("freeze", undo)

    assert ferry.migrate()["state"] == "allocated"


def test_an_end_that_came_from_elsewhere_is_not_written_over(ferry):
    def undone():
        marks = ferry.source.cloud.marks(VM)
        ferry.source.cloud.mark(VM, replace(marks, state=State.ROLLED_BACK, power_before=None))

    ferry.target.before("open_written", undone)
    with pytest.raises(Undone, match="rolled-back"):
        ferry.migrate()

    assert ferry.source.cloud.marks(VM).state is State.ROLLED_BACK
    assert ferry.target.cloud.world.machines == {}


def test_a_resize_between_approval_and_halt_starts_the_source_again(ferry):
    stored = ferry.source.cloud.world.machines[VM]

    def resize():
        stored.machine = stored.machine.model_copy(update={"vcpus": 1})

    ferry.target.before("preflight", resize)
    with pytest.raises(Drifted, match="vcpus was 2 and is 1"):
        ferry.migrate()

    assert ferry.source.cloud.power(VM) is PowerState.RUNNING
    assert ferry.nothing_at_target


def test_a_machine_that_drifted_is_planned_anew_by_the_same_command(ferry):
    stored = ferry.source.cloud.world.machines[VM]
    smaller = stored.machine.model_copy(update={"vcpus": 1})
    ferry.target.before("preflight", lambda: setattr(stored, "machine", smaller))
    with pytest.raises(Drifted):
        ferry.migrate()

    assert ferry.migrate()["state"] == "allocated"


def test_other_answers_for_a_migration_under_way_are_refused(ferry):
    ferry.migrate()
    with pytest.raises(Refused, match="other answers"):
        ferry.migrate(answers={"nics[0].subnet_id": "net/two"})


def test_a_machine_on_its_way_elsewhere_is_refused(ferry):
    ferry.migrate()
    elsewhere = lend_target(a_target())
    elsewhere.target().scope = "elsewhere"
    with pytest.raises(Refused, match="being moved already"):
        asyncio.run(migrate_vm(ferry.blocks[0], VM, elsewhere, answers=ANSWERS))


def test_a_machine_without_disks_is_refused_in_a_sentence(prefect_api):
    ferry = Ferry(disks=0)
    with pytest.raises(NotMovable, match="no disk"):
        ferry.migrate()


def test_a_name_that_is_taken_is_found_before_the_halt(ferry):
    ferry.target.cloud.world.machines[VM] = ferry.source.cloud.world.machines[VM]
    with pytest.raises(PreflightFailed, match="exists already"):
        ferry.migrate()

    assert ferry.source.cloud.power(VM) is PowerState.RUNNING


def test_a_machine_that_will_not_stop_is_a_failure_that_can_be_resumed(ferry):
    ferry.source.fail("stop", WillNotStop("It refuses."), "halt")
    with pytest.raises(WillNotStop) as ended:
        ferry.migrate()

    assert (ended.value.exit_code, ended.value.resumable) == (5, True)
    assert ferry.nothing_at_target
    assert ferry.migrate()["state"] == "allocated"


def test_a_refusal_after_the_halt_is_a_failure_with_its_own_code(ferry):
    ferry.target.fail("allocate", Denied("Not allowed."), "allocate")
    with pytest.raises(Failed) as ended:
        ferry.migrate()

    assert (ended.value.exit_code, ended.value.code) == (5, "denied")
    assert ferry.source.cloud.marks(VM).state is State.FAILED
    assert ferry.migrate()["state"] == "allocated"


def test_what_the_target_refuses_of_a_halted_machine_is_a_failure_that_names_the_way_out(ferry):
    ferry.target.fail("allocate", Denied("Not allowed."), "allocate")
    with pytest.raises(Failed):
        ferry.migrate()
    ferry.target.cloud.world.machines[VM] = ferry.source.cloud.world.machines[VM]
    with pytest.raises(Failed, match="exists already") as ended:
        ferry.migrate()

    migration = ferry.source.cloud.marks(VM).migration
    assert (ended.value.exit_code, ended.value.code) == (5, "preflight-failed")
    assert f"'coldferry rollback {migration}'" in ended.value.do


def test_a_device_that_fails_resumes_alone(prefect_api):
    ferry = Ferry(disks=3)
    failing = {"left": 1}

    def once(plan, frozen):
        if frozen.device.index == 1 and failing["left"]:
            failing["left"] -= 1
            raise Denied("Not this one.")
        return open_disk(plan, frozen)

    open_disk = ferry.target.cloud.open_disk
    ferry.target.cloud.open_disk = once
    with pytest.raises(Failed):
        ferry.migrate()
    report = ferry.migrate()

    sent = [device["sent_bytes"] for device in report["devices"]]
    assert (sent[0], sent[2]) == (0, 0)
    assert sent[1] > 0
    assert [device["source"] for device in report["devices"]] == [f"{VM}-d{i}" for i in range(3)]
    assert ferry.bytes_differ(report) == []


def test_a_source_that_was_started_after_it_moved_is_not_halted_again(ferry):
    report = ferry.migrate()
    ferry.source.cloud.start(VM)
    with pytest.raises(Refused, match="started again"):
        ferry.migrate()

    assert ferry.source.cloud.power(VM) is PowerState.RUNNING
    ferry.rollback(report["migration"])


def test_two_runs_of_one_migration_never_go_on_together(ferry):
    def another():
        with pytest.raises(Conflict, match="Another run"), alone(migration):
            pass

    migration = identify(survey.fn(ferry.blocks[0], VM), ferry.blocks[0], VM, ferry.blocks[1])
    ferry.target.before("allocate", another)
    ferry.migrate()
