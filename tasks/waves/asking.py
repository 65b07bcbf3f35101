"""One form for a whole wave: each distinct gap once, whoever of its machines asks it."""

import asyncio
import hashlib
import json
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any

from prefect.input import RunInput

from coldferry.errors import Rejected
from coldferry.gaps import Asked, Gap, distinct
from coldferry.inquiry import Inquiry, Page, first_page
from coldferry.translation import ACKNOWLEDGE, Candidate, FieldTranslation, Verdict
from coldferry.waves.wave import Wave
from coldferry.words import group
from tasks.approving import suspend
from tasks.asking import APPROVE, REJECT, form_of, read_form, read_signature
from tasks.waves.planning import Planned, checked
from tasks.waves.wording import about, deciding, heading

Answers = dict[str, dict[str, Any]]
"""By row and path: what this wave's forms said."""


async def ask(wave: Wave, rows: Sequence[Planned]) -> tuple[list[Planned], dict[str, str]]:
    """Suspend with the form, page by page, until no row leaves anything open.

    Answers the rows as they were answered, those that an answer made impossible
    refused, and what the last form was signed with. Raises Rejected.
    """
    answers: Answers = {one.row.name: {} for one in rows}
    blocked, signed = dict[str, str](), dict[str, str]()
    turn, number, now = 0, 1, list(rows)
    while True:
        turn += 1
        gaps = open_gaps(now)
        page = first_page([as_inquiry(gap) for gap in gaps], number)
        given: Any = await suspend(
            form(wave, page, gaps, now, blocked, signed), _key(now, page, turn)
        )
        signed = read_signature(given)
        if given.decision == REJECT:
            said = f": {signed['reason']}" if signed["reason"] else "."
            raise Rejected(f"Rejected by {signed['decided_by'] or 'the wave form'}{said}")
        fresh = _spread(read_form(page, given), gaps)
        now, blocked = await asyncio.to_thread(_answered, rows, answers, fresh)
        if given.decision == APPROVE and not blocked and not open_gaps(now):
            return [await checked(one) if one.to_approve else one for one in now], signed
        number = page.number + (not page.last)


def open_gaps(rows: Sequence[Planned]) -> list[Gap]:
    """What rows that are to be approved leave open, each gap once; by target, owner and field."""
    going = [one for one in rows if one.to_approve]
    gaps: list[Gap] = []
    for target in dict.fromkeys(one.row.target for one in going):
        here = [one for one in going if one.row.target == target]
        gaps += distinct(map(_asked, here), here[0].target.translator())
    return gaps


def as_inquiry(gap: Gap) -> Inquiry:
    """The gap as a form asks it; its id stands where a single machine's question has a path."""
    first = _field_of(gap)
    field = first.model_copy(
        update={
            "path": gap.id,
            "source": gap.now[0] if len(gap.now) == 1 else list(gap.now),
            "difference": gap.difference,
            "candidates": gap.candidates,
            "proposal": gap.proposal,
            "pattern": first.pattern if gap.typed else "",
        }
    )
    choices = gap.candidates
    if gap.acknowledge:
        choices = (Candidate(value=ACKNOWLEDGE), *choices)
    machines = len(gap.machines)
    title = gap.title if machines == 1 else f"{gap.title} ({machines} machines)"
    return Inquiry((field,), title, group(gap.fields[0][1]), choices)


def _field_of(gap: Gap) -> FieldTranslation:
    """The field that stands for all: one that a value is needed for, where there is one."""
    every = [asked.consulted.translation[path] for asked, path in gap.fields]
    return next((one for one in every if one.verdict is Verdict.MISSING), every[0])


def _asked(planned: Planned) -> Asked:
    """By the row's name: a machine's id is unique at its source only."""
    assert planned.found is not None
    assert planned.weighed is not None
    return Asked(planned.row.name, planned.found.machine, planned.weighed.consulted)


def _spread(said: Mapping[str, str], gaps: Sequence[Gap]) -> Answers:
    """Each gap's answer at every field that asks it."""
    spread: Answers = {}
    for gap in gaps:
        for asked, path in gap.fields if gap.id in said else ():
            spread.setdefault(asked.vm, {})[path] = said[gap.id]
    return spread


def _answered(
    rows: Sequence[Planned], answers: Answers, fresh: Answers
) -> tuple[list[Planned], dict[str, str]]:
    """The rows with what is said, and by row why fresh answers would make its move impossible.

    ``answers`` keeps what can be used, so that the rest is asked again.
    """
    now, blocked = list[Planned](), dict[str, str]()
    for one in rows:
        name = one.row.name
        if not one.to_approve:
            now.append(one)
            continue
        answered = one.answered({**answers[name], **fresh.get(name, {})})
        if refusal := answered.plan.refusal:
            blocked[name] = refusal.what
            answered = one.answered(answers[name])
        else:
            answers[name] |= fresh.get(name, {})
        now.append(answered)
    return now, blocked


def _problems(gaps: Sequence[Gap], rows: Sequence[Planned]) -> dict[str, str]:
    """By gap why an answer, or the translation book's value, does not serve."""
    by_row = {one.row.name: one.weighed for one in rows}
    found: dict[str, str] = {}
    for gap in gaps:
        for asked, path in gap.fields:
            weighed = by_row[asked.vm]
            wrong = {**weighed.consulted.stale, **weighed.problems} if weighed else {}
            if path in wrong:
                found.setdefault(gap.id, f"{wrong[path].rstrip('.')} ({asked.vm})")
    return found


def form(
    wave: Wave,
    page: Page,
    gaps: Sequence[Gap],
    rows: Sequence[Planned],
    blocked: Mapping[str, str] = MappingProxyType({}),
    signed: Mapping[str, str] = MappingProxyType({}),
) -> type[RunInput]:
    """The form of one page of ``gaps``; ``blocked`` says by row why answers made it impossible."""
    by_id = {gap.id: gap for gap in gaps}
    problems = _problems(gaps, rows)
    told = {**blocked, **{by_id[gap].title: why for gap, why in problems.items()}}
    return form_of(
        page,
        heading(wave, page, told),
        deciding(wave, page, rows, told),
        lambda asked, problem: about(by_id[asked.field.path], asked, problem),
        problems,
        signed=signed,
    )


def _key(rows: Sequence[Planned], page: Page, turn: int) -> str:
    """Follows from what is asked, of which plans, and in which turn, as for one machine."""
    plans = [(one.row.name, one.plan.digest) for one in rows if one.to_approve]
    asking = [plans, page.number, page.of, sorted(page.paths)]
    return f"wave-{hashlib.sha256(json.dumps(asking).encode()).hexdigest()[:12]}-{turn}"
