"""What the disks say of the guest: before anything is decided, and again once it is halted."""

from collections.abc import Collection, Sequence
from dataclasses import replace

from coldferry import inspecting
from coldferry.approval import Approval
from coldferry.drift import evidence_drift
from coldferry.errors import ColdferryError, Finding
from coldferry.guest.evidence import Inspection
from coldferry.inspecting import not_inspected, with_evidence
from coldferry.machine import Machine
from coldferry.plan import Plan
from coldferry.ports import FrozenDisk
from coldferry.reckoning import ends_of
from tasks.approvals import remember
from tasks.clouds import Cloud
from tasks.describing import Surveyed, drifted
from tasks.steps import step


@step("inspect", early=True)
def inspect(
    source: Cloud,
    vm: str,
    machine: Machine,
    migration: str,
    target: Cloud,
    leaving: Collection[int] = (),
) -> Inspection:
    """Look at the running machine's disks through a temporary freeze, which is released."""
    origin, goal = source.source(), target.target()
    ends = ends_of(origin, goal)
    look = inspecting.inspect(
        origin, vm, machine, migration, goal.guest, leaving=leaving, ends=ends
    )
    return look.inspection


@step("inspect again")
def inspect_again(
    source: Cloud, frozen: Sequence[FrozenDisk], plan: Plan, target: Cloud
) -> Inspection:
    """Look at the halted machine's disks, as they are frozen anyhow."""
    needs = target.target().guest
    look = inspecting.inspect_frozen(source.source(), frozen, plan.machine, needs, halted=True)
    return look.inspection


def with_inspection(
    found: Surveyed,
    source: Cloud,
    vm: str,
    migration: str,
    target: Cloud,
    leaving: Collection[int] = (),
) -> Surveyed:
    """What was surveyed, with what the disks say; an inspection that fails is a remark.

    Nothing is read of the disks that are ``leaving`` the machine, by index.

    A machine that this migration has halted was inspected before, when it was approved.
    """
    marks = found.marks
    if marks is not None and marks.migration == migration and marks.power_before:
        return found
    try:
        seen = inspect(source, vm, found.machine, migration, target, leaving)
    except ColdferryError as error:
        seen = not_inspected(vm, error)
    return replace(
        found,
        machine=with_evidence(found.machine, seen.evidence),
        remarks=[*found.remarks, *seen.findings],
        inspection=seen,
    )


def confirm_evidence(
    source: Cloud,
    vm: str,
    frozen: Sequence[FrozenDisk],
    plan: Plan,
    target: Cloud,
    before: Inspection,
) -> list[Finding]:
    """What the halted machine's disks add to what was found ``before``.

    Raises Drifted when they say something else of what the plan rests on.
    """
    try:
        seen = inspect_again(source, frozen, plan, target)
    except ColdferryError as error:
        seen = not_inspected(vm, error)
    else:
        if changes := evidence_drift(before.evidence, seen.evidence):
            raise drifted(changes)
    return [finding for finding in seen.findings if finding not in before.findings]


def remarks_of(found: Surveyed, seen: Inspection | None) -> list[Finding]:
    """All that was found before the halt; a rerun after it takes the guest's from the approval."""
    kept = seen.findings if seen is not None and found.inspection is None else ()
    return [*found.remarks, *kept]


async def keep_inspection(approval: Approval, seen: Inspection | None) -> Approval:
    """The approval with what was seen for it: a rerun after the halt compares with that."""
    if seen is None or seen == approval.inspection:
        return approval
    kept = approval.model_copy(update={"inspection": seen})
    await remember(kept)
    return kept
