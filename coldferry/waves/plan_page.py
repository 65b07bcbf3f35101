"""The plan of a wave as people read it: on a screen, in the Prefect UI, as a file."""

from collections.abc import Sequence

from coldferry.errors import Finding
from coldferry.estimating import Sum
from coldferry.fleet import SIGNS, figures, totals
from coldferry.foretelling import NOT_KNOWN, dollars, usd
from coldferry.plain import code, counted, duration, prose, size
from coldferry.waves.outlook import Expected
from coldferry.waves.planned import RowPlan, WavePlan
from coldferry.waves.progress import said

COLUMNS = (
    "", "machine", "fields", "findings", "read", "time", "once", "a month", "downtime", "arrives",
    "what",
)  # fmt: skip
_MOST_FINDINGS = 20
"""Of one machine, on the page; all are in the JSON."""


def summary(plan: WavePlan) -> list[str]:
    """Sentences of the whole, in plain text."""
    lights = ", ".join(f"{number} {light}" for light, number in plan.counts.items())
    told = [f"{counted(len(plan.rows), 'machine')}: {lights}.", *plan.outlook.sentences()]
    found = plan.estimates
    if found:
        all_ = totals(found)
        most = "" if all_["exact"] else " at most or so"
        told.append(
            f"Read: {size(all_['read_bytes'])}{most}; sent: {size(all_['sent_bytes'])} at "
            f"most. The longest downtime is {duration(plan.longest_downtime_s)}."
        )
        told += [f"Paid {period}: {usd(Sum(**sum_))}." for period, sum_ in all_["usd"].items()]
    return told


def cells(plan: WavePlan, one: RowPlan) -> tuple[str, ...]:
    """A row under the COLUMNS, in plain text with strangers' words in it."""
    expected = plan.outlook.rows.get(one.row.name)
    down = one.estimate.downtime_s if one.estimate is not None else None
    return (
        str(one.light),
        one.row.name,
        ", ".join(f"{n} {verdict}" for verdict, n in one.verdicts.items()),
        _counted(one.findings),
        *figures(one.estimate),
        f"{'>= ' if down.unknown else ''}{duration(down.known)}" if down else "",
        said(expected.arrives_at) if expected else "",
        _what(one, expected),
    )


def as_markdown(plan: WavePlan) -> str:
    """A page; every stranger's word is plain text."""
    lines = [f"# Wave {code(plan.wave.name)}: the plan", ""]
    lines += [f"- {prose(sentence, 1000)}" for sentence in summary(plan)]
    lines += ["", f"| {' | '.join(COLUMNS)} |", "|---" * len(COLUMNS) + "|"]
    for one in plan.rows:
        light, name, *others = cells(plan, one)
        told = [light, f"{code(name)} {code(one.row.vm, 80)}", *(prose(c, 400) for c in others)]
        lines.append(f"| {' | '.join(told)} |")
    lines += ["", SIGNS, *_money(plan)]
    for one in plan.rows:
        lines += _details(one)
    return "\n".join(lines)


def _money(plan: WavePlan) -> list[str]:
    items = plan.costs
    if not items:
        return []
    lines = ["", "## What is paid for", "", "| cost | times | USD | when |", "|---|---|---|---|"]
    lines += [
        f"| {prose(one.what)} | {one.times} | "
        f"{NOT_KNOWN if one.usd is None else dollars(one.usd)} | {one.period} |"
        for one in items
    ]
    first = plan.estimates[0]
    dates = f"Rates of {first.rates_date}, list prices of {first.prices_date}."
    return [*lines, "", prose(dates)]


def _details(one: RowPlan) -> list[str]:
    found = one.findings[:_MOST_FINDINGS]
    if not (found or one.missing):
        return []
    lines = ["", f"## {code(one.row.name)}", ""]
    if one.missing:
        asked = ", ".join(code(path) for path in one.missing[:_MOST_FINDINGS])
        lines.append(f"- To be answered: {asked}")
    lines += [
        f"- {f.severity}: {code(f.subject)}: {prose(f.what, 600)} {prose(f.do, 600)}".rstrip()
        for f in found
    ]
    if (more := len(one.findings) - len(found)) > 0:
        lines.append(f"- and {more} more")
    return lines


def _what(one: RowPlan, expected: Expected | None) -> str:
    if one.why:
        return one.why
    if one.missing:
        return f"{counted(len(one.missing), 'field')} to answer"
    if expected is not None and expected.late:
        return f"TOO LATE: {expected.late}"
    return one.state.value if one.estimate is None else ""


def _counted(findings: Sequence[Finding]) -> str:
    warnings = sum(one.severity == "warn" for one in findings)
    return counted(warnings, "warning") if warnings else ""
