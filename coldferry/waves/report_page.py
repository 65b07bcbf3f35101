"""A wave's report: what was estimated of each machine beside what it was, and the sums."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from coldferry.foretelling import DOWNTIME, ONCE, READ, SENT, WHOLE, Outcome, figures
from coldferry.plain import code, prose
from coldferry.waves.standing import States
from coldferry.waves.wave import Wave
from coldferry.waves.wording import Telling

FIGURES = (READ, SENT, DOWNTIME, WHOLE, ONCE)
"""Of each machine, in this order; the report of each has all others."""


@dataclass(frozen=True)
class WaveReport:
    """A wave as it stands ``at`` a moment; ``outcomes`` by row, of those that have arrived."""

    wave: Wave
    states: States
    outcomes: Mapping[str, Sequence[Outcome]]
    at: datetime

    @property
    def sums(self) -> list[Outcome]:
        """Over all machines of which there are figures; not known where one's is not."""
        return [_sum(what, [of[what] for of in self._chosen.values()]) for what in FIGURES]

    @property
    def _chosen(self) -> dict[str, dict[str, Outcome]]:
        """By row and figure, of those rows that have all."""
        found = {
            name: {one.what: one for one in told if one.what in FIGURES}
            for name, told in self.outcomes.items()
        }
        return {name: of for name, of in found.items() if set(of) == set(FIGURES)}

    def as_json(self) -> dict[str, Any]:
        """The contract of ``coldferry wave report --json``."""
        told = Telling(self.wave, self.states, self.at)
        return {
            "wave": self.wave.name,
            "at": self.at.isoformat(timespec="seconds"),
            "says": told.headline(),
            "rows": [
                {
                    "name": name,
                    "vm": row.vm,
                    "owner": row.owner,
                    "group": row.group,
                    "state": told.standing[name].state.value,
                    "migration": told.standing[name].migration,
                    "next": told.next_action(name),
                    "outcomes": _plain(self.outcomes.get(name, ())),
                }
                for name, row in self.wave.by_name.items()
            ],
            "sums": _plain(self.sums) if self._chosen else [],
        }

    def as_markdown(self) -> str:
        """A page; every stranger's word is plain text."""
        told = Telling(self.wave, self.states, self.at)
        lines = [
            f"# Wave {code(self.wave.name)}: the report",
            "",
            prose(told.headline(), 1000),
            "",
            "| machine | state | owner | group | migration | next |",
            "|---|---|---|---|---|---|",
        ]
        for name, row in self.wave.by_name.items():
            one = told.standing[name]
            cells = (
                f"{code(name)} {code(row.vm, 80)}",
                one.state.replace("-", " "),
                prose(row.owner, 80),
                prose(row.group, 80),
                code(one.migration) if one.migration else "",
                prose(told.next_action(name), 600),
            )
            lines.append(f"| {' | '.join(cells)} |")
        return "\n".join([*lines, *self._figures()])

    def _figures(self) -> list[str]:
        chosen = self._chosen
        if not chosen:
            return ["", "No machine has a report so far."]
        lines = ["", "## As it was estimated, and as it was", ""]
        lines += ["| machine | | estimate | actual | difference |", "|---|---|---|---|---|"]
        for name, of in chosen.items():
            lines += [_line(code(name), of[what]) for what in FIGURES]
        lines += [_line(f"**all {len(chosen)}**", one) for one in self.sums]
        lines += ["", "What is paid is estimated from list prices: no bill was looked at."]
        if any(one.at_least for of in chosen.values() for one in of.values()):
            lines.append("'>=' is at least: not all that it takes was known.")
        return lines


def _line(name: str, one: Outcome) -> str:
    return f"| {name} | {one.what} | {' | '.join(figures(one))} |"


def _sum(what: str, of: Sequence[Outcome]) -> Outcome:
    return Outcome(
        what,
        of[0].unit if of else "",
        _total([one.estimate for one in of]),
        _total([one.actual for one in of]),
        at_least=any(one.at_least for one in of),
    )


def _total(figures_: Sequence[float | None]) -> float | None:
    known = [one for one in figures_ if one is not None]
    return round(sum(known), 6) if len(known) == len(figures_) else None


def _plain(outcomes: Sequence[Outcome]) -> list[dict[str, Any]]:
    return [{**asdict(one), "difference": one.difference} for one in outcomes]
