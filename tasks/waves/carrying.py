"""A wave from its plan to its end: approved, driven, and approved again for what came up."""

from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from prefect import runtime

from coldferry.errors import WaveUnfinished
from coldferry.waves.progress import AskAgain, RowState, Standing, States
from coldferry.waves.table import as_json
from coldferry.waves.wave import Wave
from tasks.book import open_book
from tasks.waves.approving import approve_all
from tasks.waves.children import Children, Order
from tasks.waves.clouds import Clouds
from tasks.waves.driving import Clock, Drive, utc
from tasks.waves.foreseeing import copies_of, estimates_of, show_plan
from tasks.waves.keeping import forget_ended, keep_ended, recall_ended
from tasks.waves.page import Page
from tasks.waves.planning import Planned, plan_all

ROUNDS = 5
"""How often a row may come back with another plan: one that changes all the time is not moved."""


async def plan_and_approve(
    wave: Wave, clouds: Clouds, names: Sequence[str], confirm: Collection[str]
) -> list[Planned]:
    """Those rows, planned as of now, and approved where they can go on; raises Rejected."""
    rows = [wave.by_name[name] for name in names]
    planned = await plan_all(rows, clouds, await open_book())
    await show_plan(wave, planned)
    return await approve_all(wave, planned, confirm)


async def carry_out(wave: Wave, clouds: Clouds, children: Children, clock: Clock = utc) -> States:
    """How each row ended. May suspend the run, which then begins anew when it is resumed."""
    page, rounds = Page(wave), Counter[str]()
    drive = Drive(wave, clouds, children, page.show, clock)
    kept = await recall_ended()
    waiting = [name for name, one in kept.items() if one.state is RowState.WAITING]
    over = {name: one for name, one in kept.items() if name not in waiting}
    names = [name for name in wave.by_name if name not in over]
    while True:
        approved = await plan_and_approve(wave, clouds, names, waiting)
        await forget_ended()
        standing = {one.row.name: _held(one, rounds) for one in approved}
        orders = {o.row.name: o for o in map(_order, approved) if o is not None}
        page.heed(estimates_of(approved), copies_of(approved))
        await drive.take_up(over | standing, orders)
        step = await drive.run()
        if not isinstance(step, AskAgain) or runtime.deployment.id is None:
            return drive.states
        names, waiting, over = list(step.rows), list(step.rows), {}
        rounds.update(names)
        await keep_ended(drive.states)


def _held(one: Planned, rounds: Counter[str]) -> Standing:
    if rounds[one.row.name] < ROUNDS:
        return one.standing
    why = f"its plan was another one each of {ROUNDS} times"
    return replace(one.standing, state=RowState.REFUSED, why=why)


def _order(one: Planned) -> Order | None:
    if one.approval is None:
        return None
    return Order(one.row, one.migration, one.approval.plan_digest, one.approval.answers)


def finished(wave: Wave, states: States) -> dict[str, Any]:
    """The wave as it ended, for machines. Raises WaveUnfinished when a machine did not arrive."""
    document = as_json(wave, states, datetime.now(UTC))
    if left := [name for name, one in states.items() if one.state is not RowState.DONE]:
        raise WaveUnfinished(
            f"Wave {wave.name}: {document['says']} Not: {', '.join(left)}.", document
        )
    return document
