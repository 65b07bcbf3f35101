"""What a machine would take that is copied while it runs, and how long it would be down."""

from collections.abc import Mapping
from contextlib import AbstractContextManager, nullcontext

from coldferry.dated import Figure, Table
from coldferry.disk import Changes
from coldferry.estimating import EARLY, Estimate
from coldferry.foretelling import facts
from coldferry.plan import Plan
from coldferry.ports import FrozenDisk, Machines
from coldferry.reckoning import reckon
from coldferry.translation import Translation
from providers.memory.cloud import MemoryCloud
from tests.conformance.worlds import MIB, a_machine, a_source, a_target
from tests.unit.test_estimating import terms

SLOW: Mapping[str, float | None] = {
    "worker.bytes-per-s": 100_000.0, "delta.changed-share": 0.05, "step.halt": 30.0,
    "step.freeze": 60.0, "step.allocate": 90.0,
}  # fmt: skip
NONE: Mapping[str, float | None] = {}


class FakeDiffering(MemoryCloud):
    """Says that it can tell what changed."""

    def changes(
        self, before: FrozenDisk, after: FrozenDisk
    ) -> AbstractContextManager[Changes | None]:
        del before, after
        return nullcontext()


class FakeStillOnly(MemoryCloud):
    """Says whether it freezes machines that run."""

    def __init__(self, *, freezes_stopped_only: bool) -> None:
        super().__init__(a_source().world)
        self.freezes_stopped_only = freezes_stopped_only


def found(
    source: Machines | None = None, rates: Mapping[str, float | None] = NONE, *, runs: bool = True
) -> Estimate:
    plan = Plan(
        migration="web-01-memory-00c0ffee-a1",
        machine=a_machine(),
        translation=Translation(fields=()),
    )
    known = terms(rates=named({**SLOW, **rates}), inspect=False, runs=runs)
    return reckon(source or FakeDiffering(a_source().world), a_target(), plan, (), known)


def named(values: Mapping[str, float | None]) -> Table:
    rows = [Figure(name, value, "a page", "2026-11-29") for name, value in values.items()]
    return Table("", "2026-11-29", {(row.name, row.place): row for row in rows})


def seconds(estimate: Estimate) -> dict[str, float | None]:
    return {step.name: step.seconds for step in estimate.steps}


def test_after_the_halt_comes_what_changed_the_read_back_and_all_that_does_not_follow_from_bytes():
    cold, early = found(runs=False), found()
    assert cold.early == ""
    assert not set(EARLY) & seconds(cold).keys()

    took, whole_s = seconds(early), cold.copy_s
    assert took["copy early"] == whole_s
    assert round(took["copy"] or 0, 2) == round(whole_s * 0.05, 2)
    assert took["read back"] == seconds(cold)["read back"]
    assert round(cold.downtime_s.known - early.downtime_s.known, 1) == round(whole_s * 0.95, 1)
    assert early.read_bytes == 2 * 20 * MIB * 21 // 20
    assert early.sent_bytes > cold.sent_bytes


def test_where_only_manifests_can_be_compared_the_plan_says_that_all_is_read_again():
    early = found(a_source())
    said = dict(facts(early))

    assert "all is read again after the halt" in said["copied before the halt"]
    assert early.read_bytes == 2 * found(runs=False).read_bytes
    assert (seconds(early)["copy"] or 0) > found().copy_s


def test_the_plan_says_what_the_downtime_is_made_of():
    said = dict(facts(found()))

    assert "5% of it" in said["copied before the halt"]
    assert "all is read again" not in said["copied before the halt"]
    assert said["of that"].startswith("stop 30 s, snapshot 1 min, what changed ")
    assert said["of that"].endswith("allocation 2 min")


def test_a_machine_that_a_minute_copies_is_copied_once():
    assert found(rates={"worker.bytes-per-s": None}).early == ""
    assert found(rates={"worker.bytes-per-s": 1e9}).early == ""


def test_all_of_it_counts_where_nobody_says_how_much_changes():
    assert found(rates={"delta.changed-share": None}).copy_s == found(runs=False).copy_s


def test_a_source_that_freezes_stopped_machines_only_is_copied_after_the_halt():
    assert found(FakeStillOnly(freezes_stopped_only=True)).early == ""
    assert "all is read again" in found(FakeStillOnly(freezes_stopped_only=False)).early
