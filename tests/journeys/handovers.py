"""Fleets in memory whose machines arrived, to be cut over and rolled back together."""

from typing import Any

from coldferry.errors import WaveUnfinished
from coldferry.migration import Marks, State, next_migration, pair_of
from coldferry.plan import Plan
from coldferry.ports import PowerState, Proof, VerifiedDisk
from flows.cutover_wave import cutover_wave
from flows.rollback_wave import rollback_wave
from providers.memory.cloud import MemoryCloud
from tests.conformance.worlds import ANSWERS
from tests.journeys.fleets import Fleet

SHOP = {"web": ("app",), "app": ("db",), "db": ()}
"""Three machines, each of which starts after the next."""


class Arrived(Fleet):
    """A fleet whose moves are finished, made without a flow; all starts and stops are noted."""

    def __init__(self, *names: str) -> None:
        super().__init__(*names)
        self.migrations = {name: self._arrive(name) for name in names}
        self.source.stopped.clear()
        self.started_at_source = note_starts(self.source)
        self.started_at_target = note_starts(self.target)

    def _arrive(self, name: str) -> str:
        source, target = self.source, self.target
        machine, pair = source.describe(name), pair_of(source, name, target)
        migration, _ = next_migration(machine.name, target.provider, pair, source.marks(name))
        translation = target.translate(machine, target.catalogue(), ANSWERS)
        plan = Plan(migration=migration, machine=machine, translation=translation)
        source.stop(name)
        disks = []
        for frozen in source.freeze(name, migration, plan.devices):
            with target.open_disk(plan, frozen) as writer:
                proof = Proof("none: this is not about it", "nobody", equal=True)
                disks.append(VerifiedDisk(frozen.device, writer.commit(), "", proof))
        target.allocate(plan, disks)
        source.mark(name, Marks(migration, State.ALLOCATED, "running"))
        return migration

    def shop(self, **more: dict[str, Any]) -> str:
        """A wave of the shop's three, one group; ``more`` by row."""
        rows = {
            name: {
                "after": list(after),
                "group": "shop",
                "security_groups": ["web"],
                **more.get(name, {}),
            }
            for name, after in SHOP.items()
        }
        return self.manifest(rows)

    def cut_over(self, manifest: str, *groups: str, **options: Any) -> dict[str, Any]:
        """As it ended, whether or not all machines passed."""
        try:
            told: Any = cutover_wave(manifest=manifest, groups=[*groups], **{"go": True, **options})
        except WaveUnfinished as unfinished:
            return unfinished.document
        return dict(told)

    def roll_back(self, manifest: str, *groups: str, **options: Any) -> dict[str, Any]:
        """As it ended, whether or not all machines are back."""
        said = {"target_writes": "discard", **options}
        try:
            told: Any = rollback_wave(manifest=manifest, groups=[*groups], **said)
        except WaveUnfinished as unfinished:
            return unfinished.document
        return dict(told)

    @property
    def running_at_source(self) -> set[str]:
        """Machines that run there."""
        return _running(self.source)

    @property
    def running_at_target(self) -> set[str]:
        """Machines that run there."""
        return _running(self.target)


def _running(cloud: MemoryCloud) -> set[str]:
    return {vm for vm, one in cloud.world.machines.items() if one.power is PowerState.RUNNING}


def note_starts(cloud: MemoryCloud) -> list[str]:
    """The machines that a cloud starts from now on, in order; one that runs is not started."""
    started: list[str] = []
    start = cloud.start

    def noted(vm: str) -> None:
        before = cloud.world.machines[vm].starts
        start(vm)
        if cloud.world.machines[vm].starts > before:
            started.append(vm)

    cloud.start = noted  # type: ignore[method-assign]
    return started
