"""Whether a new machine may be started: not once it has moved on itself."""

from typing import cast

import pytest

from coldferry.cutover import confirm_stayed, look_ahead
from coldferry.errors import Refused
from coldferry.migration import Marks, State, next_migration, pair_of
from coldferry.plan import Plan
from coldferry.ports import Proof, VerifiedDisk
from providers.memory.cloud import MemoryCloud
from tests.conformance.worlds import ANSWERS, a_source, a_target

VM = "web-01"
NEXT = "web-01-memory-22222222-a1"


class Move:
    """A finished move between two memory clouds, each of which is a source and a target."""

    def __init__(self) -> None:
        self.source, self.target = a_source(VM, 1), a_target()
        source, target = self.source, self.target
        machine, pair = source.describe(VM), pair_of(source, VM, target)
        self.migration, _ = next_migration(machine.name, target.provider, pair, None)
        translation = target.translate(machine, target.catalogue(), ANSWERS)
        plan = Plan(migration=self.migration, machine=machine, translation=translation)
        source.stop(VM)
        disks = []
        for frozen in source.freeze(VM, self.migration, plan.devices):
            with target.open_disk(plan, frozen) as writer:
                proof = Proof("none", "nobody", equal=True)
                disks.append(VerifiedDisk(frozen.device, writer.commit(), "", proof))
        self.new = target.allocate(plan, disks)
        self.tag(State.ALLOCATED)

    def tag(self, state: State) -> None:
        self.source.mark(VM, Marks(self.migration, state, "running"))

    def look(self) -> None:
        look_ahead(self.source, VM, self.target, self.migration)


@pytest.fixture
def move() -> Move:
    return Move()


@pytest.mark.parametrize("before", [State.ALLOCATED, State.CUT_OVER])
@pytest.mark.parametrize("state", sorted({*State} - {State.REJECTED, State.ROLLED_BACK}, key=str))
def test_a_machine_that_moves_on_is_not_cut_over(move: Move, before: State, state: State) -> None:
    move.tag(before)
    move.target.mark(move.new, Marks(NEXT, state, "running"))

    with pytest.raises(Refused, match=f"source of {NEXT}, which is {state}") as refused:
        move.look()
    assert NEXT in refused.value.do


@pytest.mark.parametrize("before", [State.ALLOCATED, State.CUT_OVER])
@pytest.mark.parametrize("state", [State.REJECTED, State.ROLLED_BACK])
def test_one_whose_next_move_was_undone_is_cut_over(
    move: Move, before: State, state: State
) -> None:
    move.tag(before)
    move.target.mark(move.new, Marks(NEXT, state))

    move.look()


def test_a_target_that_is_no_source_is_not_asked_for_marks(move: Move) -> None:
    class OneSided:
        """It has no ``open_frozen``, and no marks."""

    one_sided: MemoryCloud = cast("MemoryCloud", OneSided())

    confirm_stayed(one_sided, move.new, move.migration)


def test_a_disk_that_another_machine_holds_stands_against_a_cutover(move: Move) -> None:
    (disk,) = (one for one in move.target.world.disks.values() if one.attached_to == move.new)
    disk.attached_to = "prod-web"

    with pytest.raises(Refused, match="attached to prod-web") as refused:
        move.look()
    assert [one.severity for one in refused.value.findings] == ["refuse"]
