"""A person's word on a plan, asked in a suspended run until it is well answered, or refused.

Every answer is checked against the target as it is when the run goes on: one
that does not fit is asked for again, beside what was answered well.
"""

import hashlib
import json
from collections.abc import Mapping, Sequence
from typing import Any

from prefect.exceptions import Pause
from prefect.flow_runs import asuspend_flow_run
from prefect.input import RunInput
from prefect.logging import get_run_logger

from coldferry.approval import Approval, approve
from coldferry.book import Book
from coldferry.errors import Finding, Rejected
from coldferry.inquiry import Page, first_page, inquiries, page_again
from coldferry.plan import Plan
from coldferry.precedents import EMPTY
from tasks.asking import APPROVE, REJECT, form, read_form, read_signature
from tasks.book import hold
from tasks.clouds import Cloud
from tasks.describing import weigh
from tasks.wording import WAITING


async def ask(
    plan: Plan,
    target: Cloud,
    answers: Mapping[str, Any],
    findings: Sequence[Finding] = (),
    book: Book = EMPTY,
    stale: Mapping[str, str] | None = None,
) -> Approval:
    """Suspend with the form, page by page, until nothing is open. Raises Rejected.

    ``stale`` says by path why a value of the translation book does not serve.
    """
    await hold(book)
    said: dict[str, str] = {}
    problems: dict[str, str] = dict(stale or {})
    signed: dict[str, str] = {}
    page = first_page(inquiries(plan.machine, plan.translation))
    asked, turn = plan, 0
    while True:
        turn += 1
        sent = form(asked, page, problems, findings, said, signed)
        given: Any = await suspend(sent, _key(asked, page, turn))
        signed = read_signature(given)
        by = signed["decided_by"] or "the run's form"
        if given.decision == REJECT:
            raise Rejected(
                f"Rejected by {by}" + (f": {signed['reason']}" if signed["reason"] else ".")
            )
        said |= read_form(page, given)
        weighed = weigh(target, plan.machine, {**answers, **said}, book)
        consulted = weighed.consulted
        said = {path: value for path, value in said.items() if path in weighed.usable}
        asked = asked.model_copy(update={"translation": consulted.translation})
        problems = dict(consulted.stale) | weighed.problems | _blocked(asked)
        if given.decision == APPROVE and not problems and not asked.translation.missing:
            return approve(asked, consulted.answers, by, signed["reason"], consulted.rules)
        page = _next(asked, page, problems)


def _blocked(asked: Plan) -> dict[str, str]:
    """What stands against the move because of the answers: a sentence by path."""
    return {
        field.path: f"{field.reason} {field.difference}".strip()
        for field in asked.translation.blocking
    }


def _next(asked: Plan, page: Page, problems: Mapping[str, str]) -> Page:
    """The page after this one; this one again when answers will not do, or raised questions."""
    open_ = inquiries(asked.machine, asked.translation)
    if not problems and not page.last:
        return first_page(open_, page.number + 1)
    wanted = {*page.paths, *problems} - _blocked(asked).keys()
    return page_again(page, inquiries(asked.machine, asked.translation, wanted), problems)


def _key(asked: Plan, page: Page, turn: int) -> str:
    """Follows from what is asked, and in which turn.

    A resumed run that finds all as it was gets its answer, one that finds it
    changed asks anew.
    """
    asking = [asked.digest, page.number, page.of, sorted(page.paths)]
    return f"approve-{hashlib.sha256(json.dumps(asking).encode()).hexdigest()[:12]}-{turn}"


async def suspend(sent: type[RunInput], key: str) -> RunInput:
    """What was sent in this form: now, or before the run was resumed."""
    try:
        return await asuspend_flow_run(wait_for_input=sent, key=key, timeout=None)
    except Pause:
        get_run_logger().info(WAITING)
        raise
