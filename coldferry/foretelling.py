"""An estimate as a person reads it, and what came of it: the same words on a screen and a page."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from coldferry.estimating import PERIODS, Estimate, Sum
from coldferry.plain import code, duration, prose, size

NOT_KNOWN = "not known"

READ, SENT = "bytes read", "bytes sent, at most"
DOWNTIME, WHOLE, ONCE = "downtime", "from start to end", "paid once"
"""What an estimate and a report set beside one another, by these names."""


def facts(found: Estimate) -> list[tuple[str, str]]:
    """``(what, how much)``, the first things first."""
    how_exact = "" if found.exact else " at most" if found.ceiling else " or so"
    sent = " at most" if found.ceiling else " or so"
    return [
        ("read at the source", f"{size(found.read_bytes)}{how_exact}: {found.basis}"),
        ("sent to the target", f"{size(found.sent_bytes)}{sent}"),
        ("downtime", span(found.downtime_s)),
        *_early(found),
        ("from start to end", span(found.whole_s)),
        ("held up most by", found.bottleneck or NOT_KNOWN),
        *((f"paid {period}", usd(found.usd(period))) for period in PERIODS),
        ("API calls", ", ".join(f"{kind} {count}" for kind, count in found.calls.items())),
        ("rests on", f"rates of {found.rates_date}, list prices of {found.prices_date}"),
    ]


def _early(found: Estimate) -> list[tuple[str, str]]:
    """Of a machine that is copied while it runs: what is left to do after its halt."""
    if not found.early:
        return []
    steps = {step.name: step.seconds for step in found.steps}
    parts = [
        f"{said} {NOT_KNOWN if (seconds := steps.get(name)) is None else duration(seconds)}"
        for name, said in _AFTER_HALT
    ]
    before = steps.get("copy early") or 0.0
    return [
        ("of that", ", ".join(parts)),
        ("copied before the halt", f"{duration(before)} while it runs; {found.early}"),
    ]


_AFTER_HALT = (
    ("halt", "stop"), ("freeze", "snapshot"), ("copy", "what changed"), ("commit", "commit"),
    ("read back", "read-back"), ("allocate", "allocation"),
)  # fmt: skip


def span(found: Sum) -> str:
    """``12 min``; with unknown parts an "at least", and what they are."""
    words = duration(found.known)
    if not found.unknown:
        return words
    return f"at least {words}; {NOT_KNOWN}: {', '.join(found.unknown)}"


def usd(found: Sum) -> str:
    """``$1.23``; with unknown parts an "at least", and what they are."""
    words = dollars(found.known)
    if not found.unknown:
        return words
    return f"at least {words}; {NOT_KNOWN}: {', '.join(found.unknown)}"


def dollars(amount: float) -> str:
    """Cents where there are any to be seen, and less than one where there is less."""
    if 0 < amount < 0.01:
        return "less than $0.01"
    return f"${amount:,.2f}"


def as_markdown(found: Estimate) -> list[str]:
    """Lines of a page: the facts, then the steps and the costs one by one."""
    lines = ["| | |", "|---|---|"]
    lines += [f"| {what} | {prose(said, 600)} |" for what, said in facts(found)]
    lines += ["", "| step | s | held up by, or measured as |", "|---|---|---|"]
    lines += [
        f"| {step.name} | {_number(step.seconds)} | {prose(step.bottleneck or step.basis)} |"
        for step in found.steps
    ]
    lines += ["", "| cost | USD | when | price |", "|---|---|---|---|"]
    lines += [
        f"| {prose(cost.what)} | {_money(cost.usd)} | {cost.period} | {prose(cost.basis)} |"
        for cost in found.costs
    ]
    return lines


@dataclass(frozen=True)
class Outcome:
    """One figure beside what came of it; None is not known, or was not counted.

    ``at_least`` says that parts of the estimate are not known, and count as nothing in it.
    """

    what: str
    unit: str
    estimate: float | None
    actual: float | None
    at_least: bool = False

    @property
    def difference(self) -> float | None:
        """How much more it was than estimated."""
        if self.estimate is None or self.actual is None:
            return None
        return round(self.actual - self.estimate, 3)


def beside(
    found: Estimate,
    *,
    read_bytes: int | None,
    sent_bytes: int,
    calls: Mapping[str, int],
    seconds: Mapping[str, float],
    downtime_s: float | None = None,
) -> list[Outcome]:
    """The estimate beside what was counted and measured, figure by figure."""
    kinds = sorted({*found.calls, *calls})
    steps = {step.name: step.seconds for step in found.steps}
    spent = [seconds[step] for step in steps if step in seconds]
    return [
        Outcome(READ, "B", found.read_bytes, read_bytes),
        Outcome(SENT, "B", found.sent_bytes, sent_bytes),
        _sum(DOWNTIME, "s", found.downtime_s, downtime_s),
        _sum(WHOLE, "s", found.whole_s, round(sum(spent), 3) if spent else None),
        _sum(ONCE, "USD", found.usd("once"), None),
        *(Outcome(f"calls, {k}", "", found.calls.get(k), calls.get(k, 0)) for k in kinds),
        *(Outcome(step, "s", planned, seconds.get(step)) for step, planned in steps.items()),
    ]


def _sum(what: str, unit: str, found: Sum, actual: float | None) -> Outcome:
    return Outcome(what, unit, found.known, actual, at_least=bool(found.unknown))


def as_table(outcomes: Sequence[Outcome]) -> list[str]:
    """Lines of a page."""
    lines = ["| | estimate | actual | difference |", "|---|---|---|---|"]
    named = (DOWNTIME, WHOLE)
    return lines + [
        f"| {code(one.what) if one.unit == 's' and one.what not in named else one.what} "
        f"| {' | '.join(figures(one))} |"
        for one in outcomes
    ]


def figures(one: Outcome) -> tuple[str, str, str]:
    """What was estimated, what it was, and the difference."""
    least = ">= " if one.at_least and one.estimate is not None else ""
    estimate, actual, more = (
        figure(value, one.unit) for value in (one.estimate, one.actual, one.difference)
    )
    return f"{least}{estimate}", actual, more


def figure(value: float | None, unit: str) -> str:
    """Bytes as a person says them, all else as a number with its unit."""
    if value is None:
        return NOT_KNOWN
    if unit == "B":
        return f"-{size(int(-value))}" if value < 0 else size(int(value))
    if unit == "USD":
        return dollars(value)
    return f"{value:g} {unit}".strip()


def _number(seconds: float | None) -> str:
    return NOT_KNOWN if seconds is None else f"{seconds:g}"


def _money(amount: float | None) -> str:
    return NOT_KNOWN if amount is None else f"{amount:.4f}"
