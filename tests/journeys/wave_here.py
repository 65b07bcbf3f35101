"""A wave of planted machines that is run without a worker, and what its clouds say of it."""

import asyncio
import json
import threading
import time
from collections import Counter
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from tests.journeys.sandbox import Answer, Sandbox
from tests.journeys.seeding import Seeder
from tests.journeys.shapes import ACKNOWLEDGE, OPTIONS, SHAPES, TWO_TEAMS, Grounds, halts

NETS = {"shared": "vnet-main/apps"}
"""Which network a shape's own address is in; that of the others is the default one."""


class WaveHere:
    """Machines by row, and the wave's file, which is named as the wave and they are."""

    def __init__(
        self,
        sandbox: Sandbox,
        seeder: Seeder,
        path: Path,
        shapes: Mapping[str, str],
        first_address: int,
        **head: Any,
    ) -> None:
        self.sandbox, self.seeder, self.path, self.head = sandbox, seeder, path, head
        self.shapes = shapes
        self.grounds = Grounds(seeder, first_address)
        self.seeded = self.grounds.plant(shapes, path.stem)
        self.vms = {name: one.vm for name, one in self.seeded.items()}
        self.rows: dict[str, dict[str, Any]] = {name: {} for name in shapes}
        self.answers: dict[str, dict[str, str]] = {name: {} for name in shapes}

    def order(self, after: Mapping[str, str]) -> None:
        """Each row that starts after another, and that one."""
        for name, other in after.items():
            self.rows[name]["after"] = [other]

    def wave(self, verb: str) -> Answer:
        """``coldferry wave VERB`` with the file as it is now."""
        ends = {"source": self.sandbox.source, "target": self.sandbox.target, "options": OPTIONS}
        rows = [
            {"name": name, "vm": self.vms[name], "answers": self.answers[name], **row}
            for name, row in self.rows.items()
        ]
        told = {"name": self.path.stem, "defaults": ends, "rows": rows, **self.head}
        self.path.write_text(json.dumps(told))  # YAML reads JSON
        return self.sandbox.here("wave", verb, self.path)

    def answer(self, planned: Iterable[Mapping[str, Any]]) -> None:
        """What a person fills in: the network, and that all else is understood."""
        for row in planned:
            net = NETS.get(self.shapes[row["name"]], "vnet-main/default")
            for path in row["missing"]:
                said = net if path.endswith("subnet_id") else ACKNOWLEDGE
                self.answers[row["name"]][path] = said

    def no_magnetic_disks(self, most: int | None) -> None:
        """How many the target's quota allows; None: as many as ever."""
        limits = {} if most is None else {"StandardDiskCount": most}
        self.sandbox.control("azure", "PUT", "settings", {"disk_limits": limits})

    def tagging(self, name: str, once_halted: str) -> threading.Thread:
        """Gives a machine two tags of one name as soon as another one is halted."""

        def tag() -> None:
            until, other = time.monotonic() + 500, {once_halted: self.vms[once_halted]}
            while time.monotonic() < until and not halts(self.seeder.ec2, other):
                time.sleep(0.2)
            self.seeder.ec2.create_tags(Resources=[self.vms[name]], Tags=TWO_TEAMS)

        return threading.Thread(target=tag)

    def power(self) -> dict[str, str]:
        """EC2's word for each machine."""
        return {name: self.seeder.state(vm) for name, vm in self.vms.items()}

    def migration(self, name: str) -> str:
        """By the tag on the source."""
        return self.seeder.our_tags(self.vms[name])["coldferry:attempt"].split()[0]

    def frozen(self) -> Counter[str]:
        """How often the disks of each row were frozen: our snapshots, by the volume's machine."""
        owners = {disk: name for name, one in self.seeded.items() for disk in one.content}
        found = self.seeder.ec2.describe_snapshots(
            OwnerIds=["self"], Filters=[{"Name": "volume-id", "Values": list(owners)}]
        )
        return Counter(owners[row["VolumeId"]] for row in found["Snapshots"])

    def runs(self) -> Counter[str]:
        """How many migrations each row had so far, by the runs that Prefect knows."""
        from tasks.waves.runs import as_child, tagged

        with self.sandbox.inside():
            return Counter(as_child(run).row for run in asyncio.run(tagged(self.path.stem)))

    def put(self) -> set[str]:
        """Rows for which something was made at the target since it was asked to forget."""
        asked = [f"{one['id']}-" for one in self.sandbox.control("azure", "GET", "puts")]
        return {name for name in self.shapes if any(self._is_of(name, one) for one in asked)}

    def there(self, name: str, found: Iterable[str]) -> list[str]:
        """Of ids at the target those of one row's objects."""
        return [one for one in found if self._is_of(name, f"{one}-")]

    def _is_of(self, name: str, one: str) -> bool:
        return f"/{self.path.stem}-{name}-" in one

    def disks(self, name: str) -> int:
        """How many a row's machine has."""
        return len(SHAPES[self.shapes[name]])
