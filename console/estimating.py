"""What a migration would take, at the command line."""

from collections.abc import Mapping, Sequence
from dataclasses import fields
from typing import Any

from rich.console import Console
from rich.table import Table

from coldferry.copying import LIMITS, LimitsFile
from coldferry.estimating import Estimate, Terms
from coldferry.foretelling import Outcome, facts, figures
from coldferry.guest.evidence import Inspection
from coldferry.home import home
from coldferry.past import step_seconds
from coldferry.plain import plain
from coldferry.plan import Plan
from coldferry.ports import Machines, PowerState, Translator
from coldferry.reckoning import ends_of, recalled, reckon
from providers.tables import prices, rates, worker

_OUTCOME = tuple(field.name for field in fields(Outcome))


def terms_towards(goal: Translator, looked_bytes: int = 0, *, runs: bool = False) -> Terms:
    """The tables, and how long steps took from here before. Raises BadInput for a faulty table."""
    bounds = LimitsFile(home() / LIMITS).cloud(goal.provider).bounds
    return Terms(
        rates=rates(),
        prices=prices(),
        worker=worker(),
        looked_bytes=looked_bytes,
        runs=runs,
        bytes_per_s=bounds.bytes_per_s,
        past=step_seconds(goal.provider),
    )


def foretell(origin: Machines, goal: Translator, made: Plan, seen: Inspection) -> Estimate:
    """What carrying out ``made`` would take; ``seen`` is empty where nobody looked."""
    runs = origin.power(made.machine.origin.id) is PowerState.RUNNING
    terms = terms_towards(goal, seen.fetched_bytes, runs=runs)
    known = seen.contents or recalled(origin, made.devices, ends_of(origin, goal))
    return reckon(origin, goal, made, known, terms)


def show_estimate(out: Console, found: Estimate) -> None:
    """A line for each fact."""
    table = Table("what it would take", "", title_justify="left")
    for what, said in facts(found):
        table.add_row(what, plain(said, 600))
    out.print(table)


def show_outcomes(out: Console, outcomes: Sequence[Mapping[str, Any]]) -> None:
    """A report's figures beside what was estimated of them; of what was not estimated, nothing."""
    told = [one for one in outcomes if one["difference"] is not None]
    if not told:
        return
    table = Table("", "estimated", "it was", "difference", title_justify="left")
    for one in told:
        made = Outcome(**{name: one[name] for name in _OUTCOME})
        table.add_row(plain(made.what, 80), *figures(made))
    out.print(table)
