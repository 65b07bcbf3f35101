"""Try a move without stopping anything: a freeze of the running machine, built and started."""

from contextlib import suppress
from typing import Any

from prefect import flow
from prefect.client.schemas.objects import State as PrefectState
from prefect.states import Cancelled

from coldferry.errors import (
    ColdferryError,
    Finding,
    NotMovable,
    PreflightFailed,
    Refused,
    Rejected,
    in_order,
)
from coldferry.placement import dropped
from coldferry.plan import Plan
from coldferry.rehearsal import Rehearsal, as_rehearsal, torn
from coldferry.report import MovedDevice, Stopwatch
from flows.bring_disks import bring_proven
from tasks.asking import ALL_COPIED, NO_ANSWERS, GivenAnswers, GivenPlacement
from tasks.booting import look_whether_it_boots
from tasks.clouds import Cloud
from tasks.deciding import decide, identify, is_halted, placements
from tasks.describing import preflight, survey
from tasks.failing import tell_of_failure
from tasks.inspecting import with_inspection
from tasks.moving import allocate, check_settings
from tasks.rehearsing import freeze_running, left_of, publish_rehearsal, remove_rehearsal
from tasks.reporting import compare, moved
from tasks.turns import turn


@flow(
    name="rehearse",
    flow_run_name="{vm}: rehearsal",
    on_failure=[tell_of_failure],
    on_crashed=[tell_of_failure],
)
async def rehearse(
    source: Cloud,
    vm: str,
    target: Cloud,
    answers: GivenAnswers = NO_ANSWERS,
    use_book: bool = True,
    inspect: bool = True,
    placement: GivenPlacement = ALL_COPIED,
) -> dict[str, Any] | PrefectState[Any]:
    """Build the new machine from a machine that runs on, start a copy of it, and remove it all.

    What is answered here counts for the migration, too, as long as the machine stays the same.

    Args:
        source: The cloud that the machine is taken from; it is not stopped.
        vm: The machine's id there.
        target: The cloud that it is tried at.
        answers: Translations by field, as `coldferry plan --write-answers` writes them. Leave it
            empty (`{}`) to be asked in this run.
        use_book: Take what was approved for a like machine before from the translation book,
            and keep what is answered here in it.
        inspect: Look into the machine's disks before anything is decided.
        placement: What becomes of single devices, by name, as in `{"disk1": "drop"}`.
    """
    timed = Stopwatch()
    with timed("describe"):
        found = survey(source, vm)
    if found.refusals:
        raise NotMovable.because(found.refusals)
    migration = identify(found, source, vm, target)
    if is_halted(found, migration):
        raise Refused(
            f"{vm} is being moved, as {migration}: there is nothing to rehearse any more.",
            f"Finish that one, or undo it with 'coldferry rollback {migration}'.",
        )
    placed = await placements(migration, found, placement, before_look=inspect)
    if inspect:
        with timed("inspect"):
            leaving = dropped(found.machine, (answers or {}) | placed)
            found = with_inspection(found, source, vm, migration, target, leaving)
        placed = await placements(migration, found, placement)
    with timed("translate and approve"):
        try:
            approval = await decide(
                migration, found, source, target, answers or None, placed=placed, use_book=use_book
            )
        except Rejected as rejection:
            return Cancelled(message=str(rejection))
    plan = as_rehearsal(approval.plan)

    async with turn(plan.migration, source, target):
        try:
            new_vm, devices, findings = await build(source, vm, target, plan, timed)
        except BaseException:
            with suppress(ColdferryError):  # the first error is the one to be told
                remove_rehearsal(source, target, plan.migration)
            raise
        with timed("remove"):
            gone = remove_rehearsal(source, target, plan.migration)
            left = left_of(source, target, plan.migration)
    done = Rehearsal(
        migration,
        vm,
        new_vm,
        devices,
        in_order([*found.remarks, *findings]),
        timed,
        len(gone),
        left,
    )
    await publish_rehearsal(done)
    return done.as_json()


async def build(
    source: Cloud, vm: str, target: Cloud, plan: Plan, timed: Stopwatch
) -> tuple[str, list[MovedDevice], list[Finding]]:
    """From an approved plan to a machine that was tried: its full id, its disks, what was found."""
    check_settings()
    with timed("preflight"):
        faults = preflight(source, vm, target, plan)
    if refusals := [fault for fault in faults if fault.severity == "refuse"]:
        raise PreflightFailed.because(refusals)
    with timed("remove what was left"):
        remove_rehearsal(source, target, plan.migration)
    with timed("freeze"):
        frozen = freeze_running(source, vm, plan)
    copies, proven, remarks = await bring_proven(source, target, plan, frozen, timed)
    with timed("allocate"):
        new_vm = allocate(target, plan, [proven[disk.device.name] for disk in frozen])
    with timed("compare"):
        differences = compare(target, plan, new_vm)
    booted = look_whether_it_boots(target, plan, new_vm, timed, asked=True)
    told = [*faults, torn(plan), *remarks, *differences, *booted]
    return new_vm, moved(frozen, copies, proven), told
