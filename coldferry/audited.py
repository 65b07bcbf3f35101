"""An audit as programs and people read it: JSON, a table in Markdown, its cost in words."""

from collections.abc import Iterable, Sequence
from typing import Any

from coldferry.auditing import Audit, Entry
from coldferry.plain import code, counted, prose, size


def as_json(found: Audit) -> dict[str, Any]:
    """The contract of ``coldferry audit --json`` and of the flow's result."""
    return {
        "objects": [entry_as_json(entry) for entry in found.entries],
        "orphans": len(found.orphans),
        "usd_per_day": _sum(found.entries),
        "without_price": _unpriced(found.entries),
        "unreachable": found.silent,
    }


def as_markdown(found: Audit) -> str:
    """The same as the Prefect UI shows it; every stranger's word is plain text."""
    lines = [
        "# What bears our tags",
        "",
        f"{counted(len(found.entries), 'object')}, {cost_in_words(found.entries)}. "
        f"{counted(len(found.orphans), 'orphan')}: no living migration accounts for them.",
    ]
    if found.silent:
        names = ", ".join(map(code, found.silent))
        lines += ["", f"**No answer from {names}: what is there is not listed.**"]
    return "\n".join([*lines, "", *table(found.entries)])


def entry_as_json(entry: Entry) -> dict[str, Any]:
    """One object as programs read it."""
    thing = entry.thing
    return {
        "cloud": entry.cloud,
        "kind": thing.kind,
        "id": thing.id,
        "migration": thing.migration,
        "belongs": entry.belongs.value,
        "state": entry.state,
        "vm": entry.vm,
        "size_bytes": thing.size_bytes,
        "sku": thing.sku,
        "usd_per_day": entry.usd_per_day,
        "do": entry.do,
    }


def table(entries: Sequence[Entry]) -> list[str]:
    """Markdown lines, one an object."""
    if not entries:
        return ["Nothing bears our tags."]
    return [
        "| object | kind | size | migration | it is | USD a day | what to do |",
        "|---|---|---|---|---|---|---|",
        *(
            f"| {code(e.thing.id, 200)} | {code(e.thing.kind)} "
            f"| {'' if e.thing.size_bytes is None else size(e.thing.size_bytes)} "
            f"| {code(e.thing.migration)} | {e.belongs}, {code(e.state)} "
            f"| {price_in_words(e.usd_per_day)} | {prose(e.do)} |"
            for e in entries
        ),
    ]


def cost_in_words(entries: Sequence[Entry]) -> str:
    """``0.42 USD a day``, and what of it is not known."""
    unpriced = _unpriced(entries)
    if unpriced and unpriced == len([e for e in entries if e.usd_per_day != 0.0]):
        return "cost a day unknown"
    beside = f" and {unpriced} of unknown price" if unpriced else ""
    return f"{_sum(entries):.2f} USD a day{beside}"


def price_in_words(usd: float | None) -> str:
    """``unknown`` where no price is."""
    return "unknown" if usd is None else f"{usd:.2f}"


def _sum(entries: Iterable[Entry]) -> float:
    return round(sum(entry.usd_per_day or 0.0 for entry in entries), 4)


def _unpriced(entries: Iterable[Entry]) -> int:
    return sum(entry.usd_per_day is None for entry in entries)
