"""What a form says to a person.

Prefect's first UI renders a field's description as Markdown, and loses the text
above the fields as soon as they are higher than the window; its second UI shows
a description's source, on one line. So what a person must know stands at the
decision, the text above only says what is asked and of whom, and descriptions
hold nothing but code spans and lists. Both join single lines: lists need empty
ones between, and go last.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from coldferry import words
from coldferry.errors import Finding
from coldferry.inquiry import Inquiry, Page
from coldferry.machine import Machine
from coldferry.plain import code, prose, size
from coldferry.plan import Plan

WAITING = (
    "It waits for a person: on this run's page, press Resume (in Prefect's second UI: the three "
    "dots, then Resume) for the form. Cancel on that page ends the run."
)
"""Logged when a run suspends: where somebody looks who wonders why nothing goes on."""

DECIDING = (
    "To {go}, answer every field below; to reject, only this one counts, so Prefect calls the "
    "others optional. Submit (in Prefect's second UI: Resume) sends the form. A list opens at the "
    "arrows at its right end, or with the arrow-down key."
)
_MAX_FINDINGS = _MAX_BOOKED = 10
_MARKS = {"refuse": "IN THE WAY"}
"""What would refuse the migration as things are: a person mends it before the approval."""

_GIB = 1 << 30


def heading(
    plan: Plan,
    page: Page,
    problems: Mapping[str, str],
    fresh: Sequence[Inquiry] = (),
) -> str:
    """The text above the fields; ``fresh`` are questions that earlier answers raised."""
    pages = f", page {page.number} of {page.of}" if page.of > 1 else ""
    asked = f"{_count(len(page.inquiries), 'field')} to answer"
    if problems:
        asked += f", {len(problems)} not accepted"
    if fresh:
        asked += f", {len(fresh)} new"
    return "\n\n".join(
        [
            f"## {code(plan.machine.name)}: {asked}{pages}",
            f"Machine {code(plan.machine.origin.id)}, migration {code(plan.migration)}.",
        ]
    )


def deciding(
    plan: Plan,
    page: Page,
    problems: Mapping[str, str],
    findings: Sequence[Finding],
    fresh: Sequence[Inquiry] = (),
) -> str:
    """At the decision: what moves, what is wrong, what each choice does, which button sends it."""
    go = "- `approve`: stop the machine and move it"
    if not page.last:
        go = "- `next`: go on to the next page; nothing happens yet"
    return "\n\n".join(
        [
            f"{code(plan.machine.name)}: {_summary(plan)}",
            *_placed(plan),
            *_refused(plan.machine, problems),
            *_raised(fresh),
            *_booked(plan),
            *_found(findings),
            DECIDING.format(go="approve" if page.last else "go on"),
            go,
            "- `reject`: end it here; nothing was stopped or created",
        ]
    )


def about(asked: Inquiry, problem: str = "", where: str = "") -> str:
    """What is wrong, why it is asked, what is there now, where, and what each choice means.

    ``where`` is a sentence in place of the inquiry's own paths.
    """
    lines = [f"NOT ACCEPTED: {_sentence(problem)}"] if problem else []
    paths = ", ".join(code(path) for path in asked.paths)
    where = where or f"Path: {paths}."
    lines.append(f"{prose(asked.why, 600)} Now: {_shown(asked.field.source)}. {where}")
    if asked.typed:
        lines.append(_typing(asked))
    lines += [
        f"- {code(choice.value)}: {prose(choice.meaning)}"
        for choice in asked.choices
        if choice.meaning
    ]
    return "\n\n".join(lines)


def _summary(plan: Plan) -> str:
    machine = plan.machine
    copied, left = plan.devices, plan.left_behind
    gib = sum(device.disk.size_bytes for device in copied) / _GIB
    disks = _count(len(copied), "disk")
    if left:
        disks = f"{len(copied)} of {_count(len(machine.disks), 'disk')}"
    chosen = plan.translation.target("instance_type")
    becomes = f" becomes {code(chosen)}" if chosen else ""
    return (
        f"{code(machine.instance_type)}{becomes}. {disks}, "
        f"{gib:.0f} GiB in all, will be copied while the machine is stopped. "
        "Nothing was stopped or created so far."
    )


def _placed(plan: Plan) -> list[str]:
    """What is not copied, by name: whoever approves has read it."""
    lines = [
        f"NOT COPIED: {device.name}, {code(device.disk.id)} ({code(device.disk.device)}, "
        f"{size(device.disk.size_bytes)}): left behind; the new machine does not have it."
        for device in plan.left_behind
    ]
    return lines + [
        f"NOT COPIED: the files of {code(share.filesystem.id)}, which is to be {share.placement}."
        for share in plan.shares
        if share.placement
    ]


def _refused(machine: Machine, problems: Mapping[str, str]) -> list[str]:
    return [
        f"NOT ACCEPTED: {prose(words.title(machine, path))}: {_sentence(problem)}"
        for path, problem in problems.items()
    ]


def _raised(fresh: Sequence[Inquiry]) -> list[str]:
    return [f"NEW, after your answers: {prose(asked.title)}." for asked in fresh]


def _booked(plan: Plan) -> list[str]:
    """What the translation book answers, and whose word it was."""
    found = [(field.path, field.precedent) for field in plan.translation.fields if field.precedent]
    lines = [
        f"FROM THE BOOK: {prose(words.title(plan.machine, path))}: {_shown(first.said)}, rule "
        f"{code(first.rule)}, first approved by {code(first.by, 80)} at {code(first.at)}."
        for path, first in found[:_MAX_BOOKED]
    ]
    if (more := len(found) - _MAX_BOOKED) > 0:
        lines.append(f"FROM THE BOOK: {more} more, which the report names.")
    return [*lines, "To have one of these otherwise, reject this plan."] if lines else []


def _found(findings: Sequence[Finding]) -> list[str]:
    lines = [
        f"{_MARKS.get(found.severity, 'FOUND')}: {code(found.subject)}: "
        f"{prose(f'{found.what} {found.do}'.strip(), 300)}"
        for found in findings[:_MAX_FINDINGS]
    ]
    more = len(findings) - _MAX_FINDINGS
    return [*lines, f"FOUND: {more} more, which the report names."] if more > 0 else lines


def _typing(asked: Inquiry) -> str:
    offered = {choice.value for choice in asked.choices}
    example = asked.field.example if asked.field.example not in offered else ""
    such = f" such as {code(example)}" if example else ""
    return f"Type a value{such}, or one of these:" if offered else f"Type a value{such}."


def _sentence(text: str) -> str:
    return f"{prose(text, 300).removesuffix('.')}."


def _count(number: int, thing: str) -> str:
    return f"{number} {thing}" if number == 1 else f"{number} {thing}s"


def _shown(value: Any) -> str:
    """The source's value, short enough not to fill the form."""
    if isinstance(value, list | tuple):
        value = ", ".join(map(str, value))
    return "nothing" if value in (None, "") else code(value, 48)
