"""Everything is weighed before anything of the way back is deleted."""

from collections.abc import Iterator
from dataclasses import replace

import pytest

from coldferry.erasing import EraseRecord
from coldferry.errors import Refused
from coldferry.finalising import weigh
from coldferry.migration import Marks, State, inspection_of, next_migration, pair_of
from coldferry.moved import cut_over
from coldferry.plan import Plan, devices_of
from coldferry.ports import PowerState, Proof, VerifiedDisk
from coldferry.removing import SOURCE_DISK, SOURCE_MACHINE, Brought
from providers.memory.cloud import MemoryCloud
from providers.memory.world import StoredDisk
from tests.conformance.worlds import ANSWERS, MIB, a_source, a_target

VM = "web-01"


class Moved:
    """A machine that was moved, and cut over so many days ago, unless ``days_ago`` is None."""

    def __init__(self, keep_days: int = 14) -> None:
        self.source, self.target = a_source(VM, 2), a_target()
        machine, pair = self.source.describe(VM), pair_of(self.source, VM, self.target)
        self.migration, _ = next_migration(machine.name, self.target.provider, pair, None)
        translation = self.target.translate(machine, self.target.catalogue(), ANSWERS)
        plan = self.plan = Plan(migration=self.migration, machine=machine, translation=translation)
        self.source.stop(VM)
        disks = []
        for frozen in self.source.freeze(VM, self.migration, plan.devices):
            with self.target.open_disk(plan, frozen) as writer:
                proof = Proof("none", "nobody", equal=True)
                disks.append(VerifiedDisk(frozen.device, writer.commit(), "", proof))
        self.new = self.target.allocate(plan, disks)
        self.target.open_up(self.migration, ["web"])
        marks = Marks(self.migration, State.ALLOCATED, "running")
        self.source.mark(VM, cut_over(marks, keep_days, "2026-03-01T08:00:00Z"))
        self.target.start(self.new)

    def weigh(self, vm: str = VM, **told):
        return weigh(self.source, vm, self.target, self.migration, **told)

    @property
    def brought(self) -> Brought:
        disks = self.source.describe(VM).disks
        return Brought(tuple(disk.id for disk in disks), str(self.plan.value("name")))

    def finalised(self) -> None:
        """All of it is done but the last: deleting the frozen disks, which a test looks for."""
        marks = self.source.marks(VM)
        self.source.mark(VM, Marks(self.migration, State.FINALISED, moved_at=marks.moved_at))
        self.target.hand_over(self.migration)


class Block:
    """A saved block, without a server."""

    def __init__(self, cloud: MemoryCloud) -> None:
        self.source = self.target = lambda: cloud


@pytest.fixture
def moved(tmp_path, monkeypatch) -> Iterator[Moved]:
    monkeypatch.setenv("COLDFERRY_HOME", str(tmp_path))
    made = Moved()
    yield made
    assert made.source.owned(made.migration)  # nothing is deleted by weighing


def test_the_day_that_the_cutover_wrote_down_binds_finalising(moved):
    marks = moved.source.marks(VM)
    moved.source.mark(VM, replace(marks, keep_until="2999-01-01T00:00:00Z"))

    with pytest.raises(Refused, match="is kept until 2999-01-01"):
        moved.weigh()
    told = moved.weigh(keep_days=0)
    assert {one.code for one in told.remarks} == {"early"}
    assert "2999-01-01" in told.remarks[0].what


def test_once_its_day_has_come_nothing_more_is_said(moved):
    assert moved.weigh().remarks == ()


@pytest.mark.parametrize("vm", [VM, ""])
def test_a_source_that_is_gone_is_said_again_before_anything_is_deleted(moved, vm):
    del moved.source.world.machines[VM]

    with pytest.raises(Refused, match="gone") as asked:
        moved.weigh(vm)
    assert "--source-gone" in asked.value.do
    assert len(moved.weigh(vm, source_gone=True).frozen) == 2


def test_a_target_behind_deny_all_is_found_before_anything_is_deleted(moved):
    deny_all = moved.target.temporary(moved.migration)[0].id
    moved.target.world.machines[moved.new].groups = (deny_all,)
    del moved.source.world.machines[VM]

    with pytest.raises(Refused, match="behind"):
        moved.weigh("", source_gone=True)


def test_a_source_that_runs_beside_its_new_machine_is_not_finalised(moved):
    moved.source.start(VM)

    with pytest.raises(Refused, match=f"rollback {moved.migration}|runs although"):
        moved.weigh()


def test_what_a_killed_inspection_left_is_still_there_in_the_record(moved):
    from tasks.finalising import left_over

    devices = devices_of(moved.source.describe(VM))
    inspected = moved.source.freeze(VM, inspection_of(moved.migration), devices)
    ends = Block(moved.source), Block(moved.target)
    left = {one.id for one in left_over.fn(*ends, moved.migration)}
    assert {one.ref for one in inspected} < left
    assert {one.id for one in moved.weigh().frozen} <= left


def test_a_new_machine_beside_its_source_is_not_said_to_be_erased(moved):
    there = moved.source.world
    frozen = {one.id for one in moved.weigh().frozen}
    new = moved.target.world.machines[moved.new]
    there.machines["new"] = replace(new, migration=moved.migration)
    there.disks["new-d0"] = StoredDisk("new-d0", MIB, moved.migration, attached_to="new")

    assert {"new", "new-d0"} < {one.id for one in moved.source.owned(moved.migration)}
    assert {one.id for one in moved.weigh().everything if one.kind != "group"} == frozen
    assert frozen == left_at_source(moved)


def left_at_source(moved) -> set[str]:
    from tasks.finalising import left_over

    left = left_over.fn(Block(moved.source), Block(moved.target), moved.migration)
    return {one.id for one in left if one.kind != "group"}


def test_the_source_machine_goes_with_its_copied_disks_only_when_that_is_asked(moved):
    assert moved.weigh().leaving == ()
    found = [(one.kind, one.id) for one in moved.weigh(brought=moved.brought).leaving]

    assert found == [(SOURCE_MACHINE, VM), *((SOURCE_DISK, one) for one in moved.brought.disks)]


def test_a_disk_that_was_not_copied_keeps_the_source_machine(moved):
    with pytest.raises(Refused, match="was not copied"):
        moved.weigh(brought=Brought(moved.brought.disks[:1], moved.new))
    moved.source.world.disks["new"] = StoredDisk("new", MIB, attached_to=VM)
    with pytest.raises(Refused, match="The disk new"):
        moved.weigh(brought=moved.brought)


@pytest.mark.parametrize("power", [PowerState.STOPPED, PowerState.STARTING])
def test_a_source_is_not_removed_while_its_new_machine_does_not_run(moved, power):
    moved.target.world.machines[moved.new].power = power

    with pytest.raises(Refused, match=f"is {power}"):
        moved.weigh(brought=moved.brought)
    assert {one.code for one in moved.weigh().remarks} == {"target-stopped"}


@pytest.mark.parametrize("power", [PowerState.STOPPED, None])
def test_a_source_is_not_removed_after_finalising_while_its_new_machine_does_not_run(moved, power):
    moved.finalised()
    assert moved.target.arrived(moved.migration) is None  # it bears no tag any more
    assert len(moved.weigh(brought=moved.brought).leaving) == 3
    if power is None:
        del moved.target.world.machines[moved.new]
    else:
        moved.target.stop(moved.new)

    with pytest.raises(Refused, match=f"{moved.new} is {power or PowerState.GONE}"):
        moved.weigh(brought=moved.brought)
    assert moved.weigh().leaving == ()


def removal_begun(moved) -> EraseRecord:
    record = EraseRecord(moved.migration)
    record.begin(moved.weigh(brought=moved.brought).leaving)
    return record


def test_a_removal_that_was_only_begun_does_not_vouch_for_a_source_that_is_gone(moved):
    removal_begun(moved)  # and was denied
    del moved.source.world.machines[VM]  # by hand, later

    with pytest.raises(Refused, match="its snapshots may be the last copy"):
        moved.weigh()
    moved.target.discard(moved.migration)
    for told in ({}, {"source_gone": True}):
        with pytest.raises(Refused, match="new machine is not at the target"):
            moved.weigh("", **told)


def test_the_last_copy_stays_though_the_source_was_removed_by_us(moved):
    record = removal_begun(moved)
    record.add(moved.source.remove(VM, moved.migration, moved.brought.disks))
    assert len(moved.weigh("").frozen) == 2
    moved.target.discard(moved.migration)

    with pytest.raises(Refused, match="may be the last copy"):
        moved.weigh("")


def test_a_source_that_ran_since_is_finalised_and_never_removed(moved):
    moved.source.start(VM)  # as with --although-moved
    moved.source.stop(VM)

    with pytest.raises(Refused, match=r"was started since .* froze its disks"):
        moved.weigh(brought=moved.brought)
    assert moved.weigh().leaving == ()


def test_a_source_that_ran_before_its_removal_is_kept_though_no_snapshot_is_left(moved):
    moved.source.start(VM)
    moved.source.stop(VM)
    moved.finalised()
    frozen = dict(moved.source.world.frozen)
    moved.source.world.frozen.clear()

    with pytest.raises(Refused, match="its disks may hold newer data"):
        moved.weigh(brought=moved.brought)
    moved.source.world.frozen.update(frozen)


def test_a_source_that_was_rolled_back_to_is_never_removed(moved):
    moved.target.discard(moved.migration)
    moved.source.mark(VM, Marks(moved.migration, State.ROLLED_BACK))

    with pytest.raises(Refused, match="is production"):
        moved.weigh(brought=moved.brought)
