"""From planned rows to approved ones: by what was approved before, by rule, or by one form."""

from collections.abc import Collection, Sequence
from dataclasses import replace

from prefect import runtime

from coldferry.approval import approve
from coldferry.errors import PreflightFailed, TranslationsMissing
from coldferry.waves.progress import RowState
from coldferry.waves.wave import Wave
from tasks.approvals import remember
from tasks.book import remember_answers
from tasks.deciding import BY_ANSWERS, BY_BOOK, BY_RULE
from tasks.waves.asking import ask, open_gaps
from tasks.waves.planning import Planned


async def approve_all(
    wave: Wave, rows: Sequence[Planned], confirm: Collection[str] = ()
) -> list[Planned]:
    """The same rows; each that can go on has an approval now.

    Rows in ``confirm`` came back because they were not as approved: a person is
    asked about them also where they leave nothing open. While a source stands halted what
    would be asked waits until the others are through. Raises Rejected, and
    TranslationsMissing where nobody can be asked: this run is of no deployment, so
    it cannot be suspended.
    """
    if any(one.standing.down for one in rows):
        rows = _ask_later(rows)
    signed = {"decided_by": "", "reason": ""}
    gaps = bool(open_gaps(rows))
    if gaps and runtime.deployment.id is None:
        raise _unanswered(rows)
    going = {one.row.name for one in rows if one.to_approve}
    asked = gaps or any(name in confirm for name in going)
    if asked:
        rows, signed = await ask(wave, rows)
    by = signed["decided_by"] or ("the wave's form" if asked else "")
    for one in rows:
        if one.row.name in going and isinstance(one.refusal, PreflightFailed):
            # Refused after it was answered: once that is mended, nobody is asked again.
            await _approve(one, by, signed["reason"])
    return [await _approve(one, by, signed["reason"]) if one.to_approve else one for one in rows]


def _ask_later(rows: Sequence[Planned]) -> list[Planned]:
    """Rows that leave something open wait, but for those that are halted themselves."""
    asking = {asked.vm for gap in open_gaps(rows) for asked, _ in gap.fields}
    why = "it is asked about once the machines that are halted are through"
    return [
        replace(one, weighed=None, standing=replace(one.standing, state=RowState.WAITING, why=why))
        if one.row.name in asking and not one.standing.down
        else one
        for one in rows
    ]


async def _approve(one: Planned, by: str, reason: str) -> Planned:
    """Kept outside this run, so that its child, and every rerun, goes by it."""
    assert one.weighed is not None
    assert one.found is not None
    consulted = one.weighed.consulted
    if not by and one.before is not None:
        by, reason = one.before.by, one.before.reason
    by = by or (BY_BOOK if consulted.rules else BY_ANSWERS if one.row.answers else BY_RULE)
    made = approve(one.plan, consulted.answers, by, reason, consulted.rules)
    made = made.model_copy(update={"inspection": one.found.inspection})
    await remember(made)
    if one.row.options.use_book:
        await remember_answers(made, one.target, one.book)
    return replace(one, approval=made)


def _unanswered(rows: Sequence[Planned]) -> TranslationsMissing:
    missing = [f"{asked.vm}: {path}" for gap in open_gaps(rows) for asked, path in gap.fields]
    error = TranslationsMissing(missing)
    error.do = (
        "Answer them in the wave's rows, or for all machines at once with 'coldferry gaps'; "
        "the deployment migrate-wave asks for them in a form."
    )
    return error
