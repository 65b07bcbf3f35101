"""Several machines in memory at one source, and waves of them."""

import asyncio
import json
import uuid
from typing import Any

from coldferry.errors import Denied, WaveUnfinished
from flows.migrate_wave import migrate_wave
from providers.memory.cloud import MemoryCloud
from providers.memory.world import World
from tests.conformance.worlds import ANSWERS, a_target, add_machine
from tests.journeys.clouds import lend_source, lend_target


class Noting(MemoryCloud):
    """Keeps which machines were stopped, in order; refuses disks of those in ``spoiled``."""

    def __init__(self, world: World) -> None:
        super().__init__(world)
        self.stopped: list[str] = []
        self.spoiled: set[str] = set()

    def stop(self, vm: str, *, force: bool = False, timeout_s: float = 600) -> None:
        self.stopped.append(vm)
        super().stop(vm, force=force, timeout_s=timeout_s)

    def open_disk(self, plan: Any, frozen: Any) -> Any:
        if plan.machine.name in self.spoiled:
            raise Denied("Not this one.")
        return super().open_disk(plan, frozen)


class Fleet:
    """One source with some machines, one target, saved as blocks."""

    def __init__(self, *names: str) -> None:
        # A scope of its own, or another test's approvals would count.
        self.source = Noting(World(str(uuid.uuid4()), sizes={"small": (2, 4 << 30)}))
        for name in names:
            add_machine(self.source, name, 1)
        self.target = Noting(a_target().world)
        blocks = lend_source(self.source), lend_target(self.target)
        self.origin, self.goal = (str(block._block_document_name) for block in blocks)

    def manifest(self, rows: dict[str, dict[str, Any]], **head: Any) -> str:
        """A wave of these rows, by name; each answers its only gap, unless it says otherwise."""
        told = [
            {
                "name": name,
                "vm": name,
                "source": self.origin,
                "target": self.goal,
                "answers": ANSWERS,
                "options": {"inspect": False, "use_book": False},
            }
            | more
            for name, more in rows.items()
        ]
        # YAML reads JSON
        return json.dumps({"name": "weekend", "rows": told, **head})

    def run(self, manifest: str) -> dict[str, Any]:
        """The wave as it ended, whether or not all arrived; raises what stops it altogether."""
        try:
            return asyncio.run(migrate_wave(manifest=manifest))  # type: ignore[arg-type]
        except WaveUnfinished as unfinished:
            return unfinished.document

    def state(self, name: str) -> str:
        """What the source's tags say of a machine; empty when there is nothing."""
        marks = self.source.marks(name)
        return marks.state.value if marks else ""


def states(document: dict[str, Any]) -> dict[str, str]:
    """By row."""
    return {row["name"]: row["state"] for row in document["rows"]}
