"""Every machine of an account in one line each: can it be moved, what is asked, what it takes."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from coldferry.errors import Finding
from coldferry.estimating import PERIODS, Estimate, as_json
from coldferry.foretelling import dollars
from coldferry.machine import Machine
from coldferry.plain import code, counted, duration, prose, size
from coldferry.translation import Translation

SIGNS = (
    "'<=' is at most, '~' is as an earlier snapshot lists it, '>=' is at least: the rest is not "
    "known."
)


class Light(StrEnum):
    """As a traffic light: it cannot be moved as it is, it asks something, it asks nothing."""

    RED = "red"
    AMBER = "amber"
    GREEN = "green"


@dataclass(frozen=True)
class Line:
    """One machine. ``reason`` is the first of ``reasons``; ``questions`` are paths.

    ``estimate`` is None of a machine that cannot be moved, or told of.
    """

    vm: str
    name: str
    light: Light
    reasons: tuple[str, ...] = ()
    questions: tuple[str, ...] = ()
    warnings: int = 0
    estimate: Estimate | None = None

    @property
    def reason(self) -> str:
        """Why it is not green; empty when it is."""
        return self.reasons[0] if self.reasons else ""


def line(
    machine: Machine,
    findings: Sequence[Finding],
    translation: Translation | None,
    found: Estimate | None,
) -> Line:
    """What becomes of one machine; ``translation`` is None where it was not worth asking for."""
    vm = machine.origin.id
    refusals = [one.what for one in findings if one.severity == "refuse"]
    warnings = sum(one.severity == "warn" for one in findings)
    if translation is not None:
        refusals += [
            f"{field.path}: {field.reason} {field.difference}".strip()
            for field in translation.blocking
        ]
    if refusals:
        return Line(vm, machine.name, Light.RED, tuple(refusals), warnings=warnings)
    asked = translation.missing if translation is not None else []
    if translation is None or not asked:
        return Line(vm, machine.name, Light.GREEN, warnings=warnings, estimate=found)
    reasons = tuple(f"{path}: {_why(translation, path)}" for path in asked)
    return Line(vm, machine.name, Light.AMBER, reasons, tuple(asked), warnings, found)


def lost(vm: str, why: str) -> Line:
    """A machine that could not be looked at: it cannot be moved as it is."""
    return Line(vm, vm, Light.RED, (why,))


def summary(lines: Sequence[Line]) -> str:
    """How many there are of each: ``100 machines: 12 green, 80 amber, 8 red``."""
    counts = {light: sum(one.light is light for one in lines) for light in Light}
    told = ", ".join(f"{counts[light]} {light}" for light in reversed(Light))
    return f"{counted(len(lines), 'machine')}: {told}."


def order(lines: Sequence[Line]) -> list[Line]:
    """Red first, then amber, then green; by name."""
    rank = {light: place for place, light in enumerate(Light)}
    return sorted(lines, key=lambda one: (rank[one.light], one.name, one.vm))


def as_document(lines: Sequence[Line]) -> dict[str, Any]:
    """The contract of ``coldferry plan --all --json``."""
    return {
        "machines": [_as_json(one) for one in lines],
        "counts": {str(light): sum(one.light is light for one in lines) for light in Light},
        "totals": totals([one.estimate for one in lines if one.estimate is not None]),
    }


def totals(estimates: Sequence[Estimate]) -> dict[str, Any]:
    """Bytes and money of all; what is not known of one is not known of the sum."""
    return {
        "read_bytes": sum(one.read_bytes for one in estimates),
        "sent_bytes": sum(one.sent_bytes for one in estimates),
        "exact": all(one.exact for one in estimates),
        "usd": {
            period: {
                "known": round(sum(one.usd(period).known for one in estimates), 6),
                "unknown": sorted({u for one in estimates for u in one.usd(period).unknown}),
            }
            for period in PERIODS
        },
    }


def figures(found: Estimate | None) -> tuple[str, str, str, str]:
    """Bytes to read, minutes, USD once and a month, as a table's cells; empty without one."""
    if found is None:
        return "", "", "", ""
    bytes_ = "" if found.exact else "<= " if found.ceiling else "~ "
    whole, once, month = found.whole_s, found.usd("once"), found.usd("a month")
    return (
        f"{bytes_}{size(found.read_bytes)}",
        f"{'>= ' if whole.unknown else ''}{duration(whole.known)}",
        f"{'>= ' if once.unknown else ''}{dollars(once.known)}",
        f"{'>= ' if month.unknown else ''}{dollars(month.known)}",
    )


def as_markdown(source: str, target: str, lines: Sequence[Line]) -> str:
    """The table as a page of the Prefect UI; every stranger's word is plain text."""
    rows = [
        f"| {one.light} | {code(one.name, 40)} | {code(one.vm.rpartition('/')[2], 40)} "
        f"| {len(one.questions) or ''} | {prose(one.reason, 160)} "
        f"| {' | '.join(figures(one.estimate))} |"
        for one in lines
    ]
    return "\n".join(
        [
            f"# {code(source)} to {code(target)}: what a migration of each machine would be",
            "",
            summary(lines),
            "",
            "| | machine | id | asks | first reason | read | time | once | a month |",
            "|---|---|---|---|---|---|---|---|---|",
            *rows,
            "",
            SIGNS,
        ]
    )


def _as_json(one: Line) -> dict[str, Any]:
    return {
        "vm": one.vm,
        "name": one.name,
        "light": str(one.light),
        "reason": one.reason,
        "reasons": list(one.reasons),
        "questions": list(one.questions),
        "warnings": one.warnings,
        "estimate": as_json(one.estimate) if one.estimate is not None else None,
    }


def _why(translation: Translation, path: str) -> str:
    field = translation[path]
    return f"{field.reason} {field.difference}".strip()
