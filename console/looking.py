"""What was found, as a person sees it; and the look into a machine's disks that a plan may take."""

from collections.abc import Mapping, Sequence
from typing import Any

from rich.console import Console
from rich.table import Table

from coldferry import inspecting
from coldferry.errors import NotMovable
from coldferry.inspecting import Look
from coldferry.migration import next_migration, pair_of
from coldferry.placement import dropped, resolve
from coldferry.plain import plain
from coldferry.reckoning import ends_of
from console import blocks
from providers.registry import connect_source, connect_translator

_WORDS = 600


def look_into(source: str, vm: str, target: str, placement: Mapping[str, str]) -> Look:
    """Look at the machine's disks, and measure them; nothing is read of one that is dropped.

    Raises NotMovable before anything is frozen, and what the source raises.
    """
    origin = connect_source(blocks.load(source)[0])
    if refusals := [one for one in origin.unmovable(vm) if one.severity == "refuse"]:
        raise NotMovable.because(refusals)
    goal = connect_translator(blocks.load(target)[0])
    machine = origin.describe(vm)
    pair = pair_of(origin, vm, goal)
    migration, _ = next_migration(machine.name, goal.provider, pair, origin.marks(vm))
    leaving = dropped(machine, resolve(machine, placement, before_look=True))
    ends = ends_of(origin, goal)
    return inspecting.inspect(
        origin, vm, machine, migration, goal.guest, leaving=leaving, ends=ends
    )


def show_findings(out: Console, findings: Sequence[Mapping[str, Any]]) -> None:
    """One row each: how grave it is, what it is about, what was found, and what to do about it."""
    if not findings:
        return
    table = Table("severity", "code", "subject", "found", "do")
    for finding in sorted(findings, key=_gravest_first):
        table.add_row(
            finding["severity"],
            finding["code"],
            plain(finding["subject"], 80),
            plain(finding["what"], _WORDS),
            plain(finding["do"], _WORDS),
        )
    out.print(table)


def _gravest_first(finding: Mapping[str, Any]) -> int:
    order = ("refuse", "warn", "inform")
    return order.index(finding["severity"]) if finding["severity"] in order else len(order)
