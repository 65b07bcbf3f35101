"""A migration's report as a person reads it: in the Prefect UI, or as a file for a ticket.

The first five lines say the result, the downtime, what differs, what is still to be done,
and by when it is to be finalised. Every stranger's word is plain text.
"""

from collections import Counter
from collections.abc import Iterator
from typing import Any

from coldferry import words
from coldferry.errors import Finding
from coldferry.foretelling import as_table
from coldferry.placement_report import as_markdown as as_lines
from coldferry.plain import code, counted, prose, shown, size
from coldferry.report import Report
from coldferry.translation import DecidedBy, FieldTranslation, Verdict


def as_markdown(report: Report) -> str:
    """The whole page."""
    name = code(report.approval.machine.name)
    parts = (_head, _timeline, _outcomes, _disks, _placements, _differences, _findings, _fields)
    return "\n".join(
        [f"# {name}: {report.state}", "", *(line for part in parts for line in (*part(report), ""))]
    ).rstrip("\n")


def _head(report: Report) -> Iterator[str]:
    yield f"- **Result**: {_result(report)}"
    yield f"- **Downtime**: {prose(report.downtime.words)}"
    yield f"- **What differs**: {_differing(report)}"
    yield f"- **What you must still do**: {_to_do(report)}"
    yield (
        "- **Finalise by**: two weeks after the cutover, if nothing speaks against it. Until then "
        "the source's snapshots are kept, to go back with, and cost money."
    )
    approval = report.approval
    because = f", because {code(approval.reason)}" if approval.reason else ""
    yield ""
    yield (
        f"Migration {code(report.migration)}. Approved by {code(approval.by)} at "
        f"{code(approval.at)}{because}. Plan {code(approval.plan_digest)}."
    )


def _result(report: Report) -> str:
    equal = all(device.proof.equal for device in report.devices)
    proof = "every disk read back and equal" if equal else "NOT PROVEN"
    left = report.approval.plan.left_behind
    without = f" {counted(len(left), 'disk')} left behind, not copied." if left else ""
    return (
        f"{report.state}; {counted(len(report.devices), 'disk')}, {proof}.{without} New machine "
        f"{code(report.target_vm)}, made stopped, behind a deny-all group. {_source(report)}"
    )


def _source(report: Report) -> str:
    if any(finding.code == "source-started" for finding in report.findings):
        return "**The source runs again: see the findings.**"
    if report.approval.machine.stoppable is False:
        return "The source cannot be stopped, and runs on."
    return "The source was left stopped."


def _differing(report: Report) -> str:
    fields = report.approval.translation.fields
    many = Counter(field.verdict for field in fields)
    people = sum(field.decided_by is DecidedBy.PERSON for field in fields)
    told = [f"{number} {verdict}" for verdict, number in many.items() if verdict != Verdict.EXACT]
    others = f": {', '.join(told)}" if told else ""
    decided = f"; {people} decided by a person" if people else ""
    return f"{sum(map(_differs, fields))} of {counted(len(fields), 'field')}{others}{decided}."


def _to_do(report: Report) -> str:
    warnings = [one for one in report.findings if one.severity == "warn"]
    first = f" (first: {prose(warnings[0].what, 200)})" if warnings else ""
    look = f"look at {counted(len(warnings), 'warning')} below{first}; then " if warnings else ""
    return (
        f"{look}start the new machine with {code(f'coldferry cutover {report.migration}')}, or go "
        f"back with {code(f'coldferry rollback {report.migration}')}."
    )


def _timeline(report: Report) -> Iterator[str]:
    off = report.downtime
    yield from ("## Timeline", "")
    if off.since is not None:
        since, until = code(off.since), code(off.until)
        yield f"The source is halted from {since} on; this run ended at {until}."
        yield ""
    yield from ("| began (UTC) | step | seconds |", "|---|---|---|")
    for step, at in report.timed.began.items():
        yield f"| {at} | {code(step)} | {report.timed.seconds.get(step, 0.0)} |"


def _outcomes(report: Report) -> Iterator[str]:
    if report.outcomes:
        yield from ("## As it was estimated, and as it was", "", *as_table(report.outcomes))


def _disks(report: Report) -> Iterator[str]:
    yield from ("## Disks", "", "| disk | size | data | sent | equal |", "|---|---|---|---|---|")
    for device in report.devices:
        yield (
            f"| {code(device.source)} | {size(device.size_bytes)} | {size(device.data_bytes)} "
            f"| {size(device.sent_bytes)} | {'yes' if device.proof.equal else 'NO'} |"
        )
    yield ""
    for device in report.devices:
        if device.early_sent_bytes:
            yield (
                f"- {code(device.source)}: {size(device.early_sent_bytes)} more were sent before "
                "the halt"
            )
    for device in report.devices:
        root = code(device.manifest_root)
        yield f"- {code(device.source)} is {code(device.target)} now, root {root}"
    for device in report.devices[:1]:
        yield from ("", f"Proof: {prose(device.proof.method)}, by {prose(device.proof.reader)}.")


def _placements(report: Report) -> list[str]:
    approval = report.approval
    return as_lines(approval.plan, approval.inspection, report.latencies)


def _differences(report: Report) -> Iterator[str]:
    yield from ("## What differs", "")
    for field in filter(_differs, report.approval.translation.fields):
        yield _difference(report, field)


def _fields(report: Report) -> Iterator[str]:
    machine = report.approval.machine
    yield from ("## All fields", "", "| field | verdict | source | target | path |")
    yield "|---|---|---|---|---|"
    for field in report.approval.translation.fields:
        yield (
            f"| {prose(words.title(machine, field.path))} | {field.verdict} "
            f"| {code(_value(field, field.source), 80)} | {code(_value(field, field.target), 120)} "
            f"| {code(field.path)} |"
        )


def _findings(report: Report) -> Iterator[str]:
    if report.findings:
        yield from ("## Findings", "")
        yield from map(_as_item, report.findings)


def _difference(report: Report, field: FieldTranslation) -> str:
    """One field in a line that wraps: from what to what, why, and who decided."""
    title = prose(words.title(report.approval.machine, field.path))
    target = "is not carried" if field.target is None else f"becomes {_cell(field, field.target)}"
    why = f": {prose(field.difference)}" if field.difference else ""
    return (
        f"- {title} ({code(field.path)}): {_cell(field, field.source)} {target}, "
        f"{field.verdict} by {_decided(field)}{why}"
    )


def _differs(field: FieldTranslation) -> bool:
    return field.verdict is not Verdict.EXACT or field.decided_by is not DecidedBy.RULE


def _cell(field: FieldTranslation, value: Any) -> str:
    return code(_value(field, value), 120)


def _value(field: FieldTranslation, value: Any) -> str:
    """Bytes as a person says them, all else as it is."""
    if field.path.endswith("_bytes") and isinstance(value, int):
        return size(value)
    return shown(value)


def _decided(field: FieldTranslation) -> str:
    """Who decided; of the book's word, which rule it is and who approved it first, and when."""
    if (first := field.precedent) is None:
        return str(field.decided_by)
    of = f" for {code(first.migration)}" if first.migration else ""
    return f"book: rule {code(first.rule)}, {code(first.by)} at {code(first.at)}{of}"


def _as_item(finding: Finding) -> str:
    """What was found, and what a person should do about it."""
    remedy = f" {prose(finding.do, 600)}" if finding.do else ""
    return f"- {code(finding.subject)}: {prose(finding.what, 600)}{remedy}"
