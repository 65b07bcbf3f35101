"""Which block is the source and which the target, where each cloud may be either."""

import uuid
from dataclasses import dataclass
from typing import Any

import pytest

from coldferry.migration import Marks, State, next_migration, pair_of
from coldferry.plan import Plan
from coldferry.ports import Owned, Proof, VerifiedDisk
from console import tracking
from console.tracking import Found
from providers.memory.cloud import MemoryCloud
from providers.memory.world import StoredDisk
from providers.registry import Access, lend
from tests.conformance.worlds import ANSWERS, a_source, a_target

pytest_plugins = ["tests.unit.test_status"]

VM = "web-01"


@dataclass
class Pair:
    """A machine that was frozen, between two clouds that are both sources and targets."""

    source: MemoryCloud
    target: MemoryCloud
    source_block: str
    target_block: str
    migration: str
    plan: Plan

    def arrive(self) -> None:
        """Its machine is made at the target."""
        disks = []
        for frozen in self.source.freeze(VM, self.migration, self.plan.devices):
            with self.target.open_disk(self.plan, frozen) as writer:
                proof = Proof("none", "nobody", equal=True)
                disks.append(VerifiedDisk(frozen.device, writer.commit(), "", proof))
        self.target.allocate(self.plan, disks)

    def find(self, **options: bool) -> Found:
        return tracking.find(self.migration, **options)


def block(name: str, cloud: MemoryCloud) -> dict[str, Any]:
    """A saved block behind which ``cloud`` answers."""
    data = {"provider": "azure", "azure": {"endpoint": f"memory:{uuid.uuid4()}"}}
    lend(Access.model_validate(data), cloud)
    return {"id": name, "name": name, "data": data}


@pytest.fixture(params=["source-first", "target-first"])
def pair(prefect: list[dict[str, Any]], request: pytest.FixtureRequest) -> Pair:
    source, target = a_source(VM, 1), a_target()
    names = ("a-one", "b-two") if request.param == "source-first" else ("b-two", "a-one")
    prefect += [block(names[0], source), block(names[1], target)]
    machine = source.describe(VM)
    ids = pair_of(source, VM, target)
    migration, _ = next_migration(machine.name, target.provider, ids, None)
    translation = target.translate(machine, target.catalogue(), ANSWERS)
    plan = Plan(migration=migration, machine=machine, translation=translation)
    source.stop(VM)
    source.mark(VM, Marks(migration, State.COPYING, "running"))
    source.freeze(VM, migration, plan.devices)
    there = [f"coldferry-cloud/{name}" for name in names]
    return Pair(source, target, there[0], there[1], migration, plan)


def ends(found: Found) -> tuple[str, str, str]:
    return found.source, found.vm, found.target


def test_what_is_frozen_in_a_cloud_that_is_a_target_too_is_the_source_s(pair: Pair) -> None:
    found = pair.find()

    assert ends(found) == (pair.source_block, VM, pair.target_block)
    assert found.source_objects == pair.source.owned()
    assert (found.state, found.target_objects) == ("copying", [])


def test_before_anything_is_at_the_target_status_shows_none(pair: Pair) -> None:
    assert pair.find(need_both=False).target == ""


def test_what_arrived_is_counted_at_the_target(pair: Pair) -> None:
    pair.arrive()
    found = pair.find(need_both=False)

    assert ends(found) == (pair.source_block, VM, pair.target_block)
    assert found.source_objects == pair.source.owned()
    assert found.target_objects == pair.target.owned()


def test_a_source_that_is_gone_is_told_by_its_frozen_disks(pair: Pair) -> None:
    pair.arrive()
    del pair.source.world.machines[VM]
    found = pair.find()

    assert ends(found) == (pair.source_block, "", pair.target_block)
    assert found.target_objects == pair.target.owned()


def test_a_disk_with_copied_tags_beside_the_source_does_not_make_it_the_target(pair: Pair) -> None:
    pair.source.world.disks["rescue"] = StoredDisk("rescue", 512, pair.migration)
    early = pair.find()
    pair.arrive()
    late = pair.find()

    assert ends(early) == ends(late) == (pair.source_block, VM, pair.target_block)
    assert Owned(pair.migration, "disk", "rescue") in late.source_objects
    assert late.target_objects == pair.target.owned()


def test_each_leg_of_a_chain_has_its_own_ends(prefect: list[dict[str, Any]], pair: Pair) -> None:
    pair.arrive()
    arrived = pair.target.arrived(pair.migration)
    assert arrived is not None
    third = a_source("other", 1, scope="third")
    prefect.append(block("aa-third", third))
    leg = f"web-01-memory-{pair_of(pair.target, arrived.vm, third)}-a1"
    pair.target.mark(arrived.vm, Marks(leg, State.COPYING, "stopped"))
    frozen = f"{leg}-frozen"
    pair.target.world.disks[frozen] = StoredDisk(frozen, 512, leg)
    pair.target.world.frozen[frozen] = leg

    found = tracking.find(leg)

    assert ends(found) == (pair.target_block, arrived.vm, "coldferry-cloud/aa-third")
    assert ends(pair.find()) == (pair.source_block, VM, pair.target_block)
