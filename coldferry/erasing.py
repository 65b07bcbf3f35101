"""The record of what was erased: each id, when, by which call, and what the provider answered."""

import json
from collections.abc import Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from coldferry.home import folder, private
from coldferry.ports import Erased, Owned

UNTOLD = "the answer was lost with the run that asked; it is gone on a fresh read"


def now() -> str:
    """This moment, as records and tags have it: ISO 8601 in UTC, whole seconds."""
    return datetime.now(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")


def erased(one: Owned, means: str, answer: str) -> Erased:
    """What was deleted just now."""
    return Erased(one.migration, one.kind, one.id, now(), means, answer)


class EraseRecord:
    """A migration's erasures under the home, kept over all runs of this machine.

    What is to be erased is written down before the first call: a run that is
    killed between a call and its answer leaves no gap in the record.
    """

    def __init__(self, migration: str) -> None:
        self.migration = migration
        self.path: Path = folder("reports") / f"{migration}-erased.json"

    def begin(self, things: Sequence[Owned]) -> None:
        """Write down what is going to be erased."""
        rows = self.rows()
        known = {row["id"] for row in rows}
        rows += [asdict(one) for one in things if one.id not in known]
        self._write(rows)

    def add(self, gone: Sequence[Erased]) -> None:
        """Write down what was erased, and what is gone whose answer nobody has."""
        told = {one.id: asdict(one) for one in gone}
        rows = [told.pop(row["id"], row) for row in self.rows()]
        self._write([*rows, *told.values()])

    def close(self, left: Sequence[Owned]) -> list[dict[str, Any]]:
        """All rows, once only ``left`` is there; what else has no answer was erased before."""
        there = {one.id for one in left}
        untold = {"at": "", "means": "", "answer": UNTOLD}
        rows = [
            row if "answer" in row or row["id"] in there else row | untold for row in self.rows()
        ]
        self._write(rows)
        return rows

    @property
    def begun(self) -> list[Owned]:
        """All that any run was going to erase, whether or not it was."""
        return [Owned(row["migration"], row["kind"], row["id"]) for row in self.rows()]

    def has(self, kind: str) -> bool:
        """Something of that kind was erased by this migration; that it was going to be is none."""
        return any(row["kind"] == kind and "answer" in row for row in self.rows())

    def rows(self) -> list[dict[str, Any]]:
        """Everything so far; without an ``answer``, what is yet to be erased."""
        if not self.path.exists():
            return []
        found: list[dict[str, Any]] = json.loads(self.path.read_text())["erased"]
        return found

    def _write(self, rows: Sequence[dict[str, Any]]) -> None:
        text = json.dumps({"migration": self.migration, "erased": list(rows)}, indent=2)
        beside = self.path.with_suffix(".new")
        with open(beside, "w", opener=private) as file:
            file.write(text)
        beside.replace(self.path)
