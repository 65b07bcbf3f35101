"""From a description to an approved plan: by rule, by answers, or by a person's form."""

from collections.abc import Mapping
from typing import Any

from prefect import runtime
from prefect.client.orchestration import get_client

from coldferry.approval import Approval, approve
from coldferry.errors import (
    BadAnswer,
    ColdferryError,
    NotAsApproved,
    Refused,
    TranslationsMissing,
    after_halt,
    in_order,
)
from coldferry.machine import Machine
from coldferry.migration import State, next_migration, pair_of
from coldferry.placement import (
    Placement,
    Placements,
    name_of,
    other_placements,
    resolve,
    with_placements,
    word_of,
)
from coldferry.plan import Plan
from coldferry.ports import PowerState
from coldferry.translation import FieldTranslation, as_said
from tasks.approvals import recall, remember
from tasks.approving import ask
from tasks.asking import run_name
from tasks.book import open_book, remember_answers
from tasks.clouds import Cloud
from tasks.describing import Surveyed, preflight, translate, weigh
from tasks.estimating import foretell

NOTHING_PLACED: Placements = {}

BY_RULE = "rules alone"
BY_ANSWERS = "the answers given with the run"
BY_BOOK = "the translation book"


async def name_run(machine: Machine, source: Cloud, target: Cloud) -> None:
    """Call the run by what moves: ``web-01: aws to azure``."""
    async with get_client() as client:
        await client.update_flow_run(
            runtime.flow_run.id, name=run_name(machine, source.provider, target.provider)
        )


def identify(
    found: Surveyed, source: Cloud, vm: str, target: Cloud, *, although_moved: bool = False
) -> str:
    """The migration's id: the one under way from here to there, or the next attempt.

    Raises Refused when the machine is on its way to another target, or has been moved for good,
    unless it is to be moved ``although_moved``: what is there is as old as the cutover.
    """
    origin, goal = source.source(), target.target()
    pair = pair_of(origin, vm, goal)
    migration, adopted = next_migration(found.machine.name, goal.provider, pair, found.marks)
    if found.marks and found.marks.power_before and not adopted:
        raise Refused(
            f"{vm} is being moved already, as {found.marks.migration}.",
            f"Finish that one, or undo it with 'coldferry rollback {found.marks.migration}'.",
        )
    if found.marks and found.marks.state is State.FINALISED and not although_moved:
        raise Refused(
            f"{vm} was moved as {found.marks.migration}, and that is finalised: the new machine "
            "has taken over, and what is here is as old as that.",
            "Move that one. Give --although-moved to move this one once more all the same.",
        )
    if adopted and found.marks and found.marks.state is State.CUT_OVER:
        raise Refused(
            f"{vm} was moved as {migration}, and cut over: the new machine has taken over.",
            f"Check it with 'coldferry cutover {migration}', or go back with "
            f"'coldferry rollback {migration}'.",
        )
    if adopted and found.marks and found.marks.state is State.ALLOCATED and _runs_again(found):
        raise Refused(
            f"{vm} was started again after {migration} had moved it: what it writes now is not "
            "at the target.",
            f"Undo that migration with 'coldferry rollback {migration}', then migrate again.",
        )
    return migration


def _runs_again(found: Surveyed) -> bool:
    running = found.power in (PowerState.RUNNING, PowerState.STARTING)
    return running and found.machine.stoppable is not False


async def placements(
    migration: str, found: Surveyed, given: Mapping[str, Any] | None, *, before_look: bool = False
) -> dict[str, str]:
    """What was given by device, by path. Raises BadInput naming what is no device or no placement.

    Once the source is halted the devices are those of the plan. ``before_look``: see
    :func:`coldferry.placement.resolve`.
    """
    if not given:
        return {}
    kept = await recall(migration) if is_halted(found, migration) else None
    machine = kept.machine if kept else found.machine
    return resolve(machine, given, before_look=before_look and kept is None)


async def decide(
    migration: str,
    found: Surveyed,
    source: Cloud,
    target: Cloud,
    answers: Mapping[str, Any] | None,
    *,
    placed: Placements = NOTHING_PLACED,
    use_book: bool = True,
    approved: str = "",
    cold: bool = False,
) -> Approval:
    """The approval that this migration goes by.

    Once the source is halted the plan is fixed: a rerun goes on with what was
    approved. Before that, an approval counts while the plan's digest is the
    same, and the devices are ``placed`` as they were. What the translation
    book answers was approved before; what a person answers here, it learns.
    Where a plan's digest was ``approved`` beforehand, nobody is asked: another
    plan raises NotAsApproved. Raises TranslationsMissing, BadAnswer, Refused
    or Rejected.
    """
    kept = await recall(migration)
    if approved:
        said = with_placements(answers or {}, placed)
        return await _as_approved(approved, kept, migration, found, target, said)
    if kept and is_halted(found, migration):
        if placed:
            refuse_other_placement(kept, placed)
        if answers is not None and not _same(_beside_kept(answers, placed, kept), kept):
            raise Refused(
                f"{migration} was approved with other answers and is under way.",
                f"Run it again without them, or undo it with 'coldferry rollback {migration}'.",
            )
        return kept
    as_placed = kept is not None and not other_placements(kept.machine, kept.answers, placed)
    if kept and answers is None and as_placed and (use_book or not kept.from_book):
        again = _plan(migration, found, target, kept.answers)
        if again is not None and again.digest == kept.plan_digest:
            return kept
    given = {path: as_said(value) for path, value in (answers or {}).items()}
    given = with_placements(given, placed)
    book = await open_book(use_book=use_book)
    consulted = translate(target, found.machine, given, book)
    plan = Plan(migration=migration, machine=found.machine, translation=consulted.translation)
    refuse_blocking(plan)
    if not plan.translation.missing:
        by = BY_ANSWERS if given else BY_BOOK if consulted.rules else BY_RULE
        made = approve(plan, consulted.answers, by, from_book=consulted.rules)
    elif runtime.deployment.id is None:
        raise TranslationsMissing(plan.translation.missing, consulted.stale)
    else:
        faults = preflight(source, found.machine.origin.id, target, plan)
        findings = in_order([*found.remarks, *faults])
        await foretell(
            source, target, plan, found.inspection,
            inspect=found.inspection is not None, runs=found.runs and not cold,
        )  # fmt: skip
        made = await ask(plan, target, given, findings, book, consulted.stale)
    await remember(made)
    if use_book:
        await remember_answers(made, target, book)
    return made


async def _as_approved(
    digest: str,
    kept: Approval | None,
    migration: str,
    found: Surveyed,
    target: Cloud,
    answers: Mapping[str, Any],
) -> Approval:
    """The approval of the plan with that digest, as it was given before."""
    good = kept is not None and kept.plan_digest == digest
    if kept and is_halted(found, migration):
        if not good:
            raise NotAsApproved(migration, ["its approval"], [])
        return kept
    weighed = weigh(target, found.machine, answers)
    translation = weighed.consulted.translation
    plan = Plan(migration=migration, machine=found.machine, translation=translation)
    if plan.digest != digest:
        refuse_blocking(plan)
        changed = [*weighed.problems, *(_changes(kept.plan, plan) if kept and good else [])]
        lacking = [*weighed.problems, *translation.missing]
        differs = [path for path in dict.fromkeys(changed) if path not in lacking]
        raise NotAsApproved(
            migration, differs or ([] if lacking else ["the machine"]), list(dict.fromkeys(lacking))
        )
    if kept and good:
        return kept
    made = approve(plan, answers, BY_ANSWERS)
    await remember(made)
    return made


def _changes(approved: Plan, now: Plan) -> list[str]:
    """Where the one plan says otherwise than the other, by path."""
    before = {field.path: _said(field) for field in approved.translation.fields}
    after = {field.path: _said(field) for field in now.translation.fields}
    paths = dict.fromkeys([*before, *after])
    return [path for path in paths if before.get(path) != after.get(path)]


def _said(field: FieldTranslation) -> list[Any]:
    return [field.verdict, field.source, field.target, field.consequence]


def at_stage(refusal: Refused, found: Surveyed, migration: str) -> ColdferryError:
    """A refusal, or the failure that it is once the migration has halted its source."""
    return after_halt(refusal, migration) if is_halted(found, migration) else refusal


def is_halted(found: Surveyed, migration: str) -> bool:
    """This migration has halted its source, and has not given it back."""
    return bool(found.marks and found.marks.migration == migration and found.marks.power_before)


def refuse_blocking(plan: Plan) -> None:
    """Raise Refused naming every field that no answer can mend."""
    if refusal := plan.refusal:
        raise refusal


def _plan(
    migration: str, found: Surveyed, target: Cloud, answers: Mapping[str, Any]
) -> Plan | None:
    """The plan as ``answers`` would make it now; None when they no longer fit."""
    try:
        translation = translate(target, found.machine, answers).translation
    except BadAnswer:
        return None
    return Plan(migration=migration, machine=found.machine, translation=translation)


def refuse_other_placement(kept: Approval, placed: Placements) -> None:
    """Raise Refused naming each device that is to go elsewhere than was approved."""
    others = other_placements(kept.machine, kept.answers, placed)
    if others:
        named = "; ".join(
            f"{name_of(path)} was to be {before}, and is to be {now} now"
            for path, (before, now) in others.items()
        )
        raise Refused(
            f"{kept.migration} was approved with another placement and is under way: {named}.",
            f"Run it again without it, or undo it with 'coldferry rollback {kept.migration}'.",
        )


def _beside_kept(answers: Mapping[str, Any], placed: Placements, kept: Approval) -> dict[str, Any]:
    """The answers with the placements that were approved: those are compared on their own."""
    told = {path: said for path, said in kept.answers.items() if path in placed or _drops(said)}
    return told | {path: said for path, said in answers.items() if path not in placed}


def _drops(said: Any) -> bool:
    return word_of(said) == Placement.DROP


def _same(given: Mapping[str, Any], kept: Approval) -> bool:
    """The same answers, with or without those that the book gave beside them."""
    return kept.said.items() <= given.items() <= kept.answers.items()
