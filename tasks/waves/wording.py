"""What a wave's form says to a person; :mod:`tasks.wording` has what both UIs make of it."""

from collections.abc import Mapping, Sequence

from coldferry.gaps import Gap
from coldferry.inquiry import Inquiry, Page
from coldferry.plain import code, counted, prose
from coldferry.translation import DecidedBy
from coldferry.waves.wave import Wave
from tasks import wording
from tasks.waves.planning import Planned

_MOST = 30
"""Machines that are named one by one; of more, the page of the wave has the list."""
_GIB = 1 << 30


def heading(wave: Wave, page: Page, problems: Mapping[str, str]) -> str:
    """The text above the fields; what a person must know stands at the decision."""
    pages = f", page {page.number} of {page.of}" if page.of > 1 else ""
    asked = f"{counted(len(page.inquiries), 'field')} to answer"
    if problems:
        asked += f", {len(problems)} not accepted"
    return f"## Wave {code(wave.name)}: {asked}{pages}"


def deciding(wave: Wave, page: Page, rows: Sequence[Planned], problems: Mapping[str, str]) -> str:
    """At the decision: what moves, what is wrong, what each choice does, which button sends it."""
    go = "- `approve`: stop these machines, as the wave orders them, and move them"
    if not page.last:
        go = "- `next`: go on to the next page; nothing happens yet"
    return "\n\n".join(
        [
            f"Wave {code(wave.name)}. {_stopped(rows)}",
            *_refused(problems),
            *_left_out(rows),
            *_machines(rows),
            wording.DECIDING.format(go="approve" if page.last else "go on"),
            go,
            "- `reject`: end the wave here; none of these machines was stopped",
        ]
    )


def about(gap: Gap, asked: Inquiry, problem: str = "") -> str:
    """As for one machine, and which machines ask it."""
    named = [f"{code(one.vm)}" for one in gap.machines[:_MOST]]
    if (more := len(gap.machines) - _MOST) > 0:
        named.append(f"{more} more")
    paths = dict.fromkeys(path for _, path in gap.fields)
    where = ", ".join(code(path) for path in list(paths)[:_MOST])
    return wording.about(asked, problem, f"Asked by {', '.join(named)}. Path: {where}.")


def _machines(rows: Sequence[Planned]) -> list[str]:
    """A paragraph a machine that is to be approved: what it becomes, and how much is copied."""
    lines = [_line(one) for one in rows if one.to_approve]
    if (more := len(lines) - _MOST) > 0:
        lines = [*lines[:_MOST], f"And {more} more."]
    return lines


def _line(one: Planned) -> str:
    plan = one.plan
    gib = sum(disk.size_bytes for disk in plan.machine.disks) / _GIB
    becomes = plan.translation.target("instance_type")
    booked = sum(field.decided_by is DecidedBy.BOOK for field in plan.translation.fields)
    said = f"{code(one.row.name)} ({code(one.row.vm)}): {code(plan.machine.instance_type)}"
    said += f" becomes {code(becomes)}" if becomes else ""
    said += f", {counted(len(plan.machine.disks), 'disk')}, {gib:.0f} GiB"
    said += f", {counted(booked, 'answer')} from the book" if booked else ""
    found = one.found.remarks if one.found else []
    return " ".join([f"{said}.", *(prose(remark.what, 160) for remark in found[:3])])


def _stopped(rows: Sequence[Planned]) -> str:
    going = [one for one in rows if one.to_approve]
    return (
        f"{counted(len(going), 'machine')} will be copied while stopped. "
        "None of them was stopped so far."
    )


def _refused(problems: Mapping[str, str]) -> list[str]:
    return [
        f"NOT ACCEPTED: {prose(what, 120)}: {prose(why, 300).removesuffix('.')}."
        for what, why in problems.items()
    ]


def _left_out(rows: Sequence[Planned]) -> list[str]:
    """Rows that do not go, and why."""
    return [
        f"LEFT OUT: {code(one.row.name)}: {prose(str(one.refusal), 200)}"
        for one in rows
        if one.refusal is not None
    ][:_MOST]
