"""All machines of a wave as they are now, at the same time; nothing is halted or created."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from coldferry.alike import Fields
from coldferry.approval import Approval
from coldferry.book import Book
from coldferry.contents import DiskContent
from coldferry.errors import (
    BadAnswer,
    ColdferryError,
    Finding,
    NotMovable,
    PreflightFailed,
)
from coldferry.guest.evidence import Inspection
from coldferry.migration import pair_of
from coldferry.placement import dropped, resolve, with_placements
from coldferry.plan import Plan
from coldferry.ports import Translator
from coldferry.precedents import EMPTY
from coldferry.reckoning import ends_of, recalled
from coldferry.translation import as_said
from coldferry.waves.progress import RowState, Standing, standing_of
from coldferry.waves.wave import Row
from tasks.approvals import recall
from tasks.clouds import Cloud
from tasks.deciding import identify
from tasks.describing import Surveyed, Weighed, preflight, survey, weigh_by
from tasks.inspecting import with_inspection
from tasks.steps import step
from tasks.waves.clouds import Clouds, ends

AT_ONCE = 8
"""Machines planned at the same time: what a cloud's API takes without throttling."""


@dataclass(frozen=True)
class Goal:
    """A target and its catalogue, read once for all machines that go there."""

    cloud: Translator
    catalogue: Any


@dataclass(frozen=True)
class Planned:
    """One row as it is now: ``standing`` by the source's tags, and its plan where one is left.

    ``approval`` was given before, for this very plan, or for one that is under way.
    ``refusal`` is why the row cannot go on. A row that is done has neither plan nor refusal.
    ``warned`` is what the target's preflight says beside that. ``before`` is an approval of
    another plan of the same migration: what a person said then is not asked again where the
    machine is still alike in what it rests on. ``contents`` is what is known of its disks.
    """

    row: Row
    source: Cloud
    target: Cloud
    goal: Goal | None = None
    book: Book = EMPTY
    standing: Standing = field(default_factory=Standing)
    found: Surveyed | None = None
    weighed: Weighed | None = None
    approval: Approval | None = None
    before: Approval | None = None
    refusal: ColdferryError | None = None
    warned: tuple[Finding, ...] = ()
    contents: tuple[DiskContent, ...] = ()

    @property
    def migration(self) -> str:
        """The migration's id; empty where there is none to come."""
        return self.standing.migration

    @property
    def plan(self) -> Plan:
        """The plan as the answers so far make it."""
        assert self.found is not None
        assert self.weighed is not None
        return Plan(
            migration=self.migration,
            machine=self.found.machine,
            translation=self.weighed.consulted.translation,
        )

    @property
    def going(self) -> Plan | None:
        """The plan by which it goes, approved or not; None where it does not go."""
        if self.refusal is not None:
            return None
        if self.approval is not None:
            return self.approval.plan
        return self.plan if self.weighed is not None else None

    @property
    def seen(self) -> Inspection | None:
        """What a look into its disks came to, now or when it was approved."""
        if self.found is not None and self.found.inspection is not None:
            return self.found.inspection
        return self.approval.inspection if self.approval is not None else None

    @property
    def to_approve(self) -> bool:
        """It has a plan that nobody approved yet."""
        return self.weighed is not None and self.approval is None and self.refusal is None

    def answered(self, answers: Mapping[str, Any]) -> "Planned":
        """The same with answers beside the row's own, at the target as it was read."""
        assert self.goal is not None
        assert self.found is not None
        said = self.kept(self.before.said) if self.before else {}
        given = {**said, **self.row.answers, **answers}
        given = {path: as_said(value) for path, value in given.items()}
        given = with_placements(given, resolve(self.found.machine, self.row.placement))
        weighed = weigh_by(
            self.goal.cloud, self.goal.catalogue, self.found.machine, given, self.book
        )
        return replace(self, weighed=weighed)

    def kept(self, answers: Mapping[str, Any]) -> dict[str, Any]:
        """Those of earlier answers that hold still: for them the machine is as it was."""
        if self.before is None or self.found is None:
            return {}
        then, now = Fields(self.before.machine), Fields(self.found.machine)
        return {
            path: value
            for path, value in answers.items()
            if path in now.leaves and path in then.leaves and then.alike(path) == now.alike(path)
        }

    def refused(self, error: ColdferryError) -> "Planned":
        """The same, that cannot go on."""
        standing = replace(self.standing, state=RowState.REFUSED, why=str(error))
        return replace(self, refusal=error, standing=standing)


@step("plan", early=True)
def look(row: Row, source: Cloud, target: Cloud) -> tuple[Standing, Surveyed | None]:
    """What the source says of a row's machine, its disks' word included; None when it is done.

    Raises NotMovable, BadInput for a placement that cannot be, or Refused when it is on its way
    elsewhere.
    """
    origin = source.source()
    marks = origin.marks(row.vm)
    standing = standing_of(marks, pair_of(origin, row.vm, target.target()))
    if standing.state is RowState.DONE:  # nothing else is asked about what arrived
        return standing, None
    found = survey.fn(source, row.vm)
    migration = identify(found, source, row.vm, target)
    if found.refusals:
        raise NotMovable.because(found.refusals)
    if row.options.inspect:
        leaving = dropped(found.machine, resolve(found.machine, row.placement, before_look=True))
        found = with_inspection(found, source, row.vm, migration, target, leaving)
    return replace(standing, migration=migration), found


async def plan_all(rows: Sequence[Row], clouds: Clouds, book: Book) -> list[Planned]:
    """Each row's plan, in the rows' order. What one of them meets ends no other."""
    goals = await _goals({row.target: ends(row, clouds)[1] for row in rows})
    at_once = asyncio.Semaphore(AT_ONCE)

    async def one(row: Row) -> Planned:
        rules = book if row.options.use_book else EMPTY
        begun, goal = Planned(row, *ends(row, clouds), book=rules), goals[row.target]
        async with at_once:
            try:
                if isinstance(goal, ColdferryError):
                    raise goal
                planned = await _plan(replace(begun, goal=goal))
                return await asyncio.to_thread(_with_contents, planned)
            except ColdferryError as error:
                return begun.refused(error)

    return list(await asyncio.gather(*map(one, rows)))


async def _goals(targets: Mapping[str, Cloud]) -> dict[str, Goal | ColdferryError]:
    def read(cloud: Cloud) -> Goal | ColdferryError:
        try:
            target = cloud.translator()
            return Goal(target, target.catalogue())
        except ColdferryError as error:
            return error

    found = await asyncio.gather(*(asyncio.to_thread(read, cloud) for cloud in targets.values()))
    return dict(zip(targets, found, strict=True))


async def _plan(begun: Planned) -> Planned:
    standing, found = await asyncio.to_thread(look, begun.row, begun.source, begun.target)
    begun = replace(begun, standing=standing, found=found)
    if found is None:
        return begun
    kept = await recall(begun.migration)
    if kept and kept.from_book and not begun.row.options.use_book and not standing.halted:
        kept = None  # the book is to be left alone now
    if kept and standing.halted:  # the plan is fixed once the source is halted
        return replace(begun, approval=kept)
    begun = replace(begun, before=kept)
    planned = await asyncio.to_thread(begun.answered, begun.kept(kept.answers if kept else {}))
    assert planned.weighed is not None
    if kept and kept.plan_digest == planned.plan.digest and not planned.weighed.problems:
        return await checked(replace(planned, approval=kept))
    return await checked(await asyncio.to_thread(begun.answered, {}))


def _with_contents(planned: Planned) -> Planned:
    """By the look that was taken, else by older snapshots of its disks, which others keep."""
    plan, seen = planned.going, planned.seen
    if plan is None:
        return planned
    if seen is not None and seen.contents:
        return replace(planned, contents=seen.contents)
    origin, goal = planned.source.source(), planned.target.translator()
    return replace(planned, contents=recalled(origin, plan.devices, ends_of(origin, goal)))


async def checked(planned: Planned) -> Planned:
    """The row, refused where no answer can mend its plan, or the target would not take it."""
    assert planned.weighed is not None
    plan, problems = planned.plan, planned.weighed.problems
    known = {one.path for one in plan.translation.fields}
    if strangers := {path: why for path, why in problems.items() if path not in known}:
        return planned.refused(BadAnswer(strangers))
    if plan.refusal:
        return planned.refused(plan.refusal)
    if plan.translation.missing or problems:
        return planned
    try:
        faults = await asyncio.to_thread(
            preflight, planned.source, planned.row.vm, planned.target, plan
        )
    except ColdferryError as error:
        return planned.refused(error)
    if refusals := [fault for fault in faults if fault.severity == "refuse"]:
        return planned.refused(PreflightFailed.because(refusals))
    return replace(planned, warned=tuple(faults))
