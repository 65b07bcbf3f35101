"""Move one fully stopped machine from one cloud to another (NIST use case 4.5)."""

from typing import Annotated, Any

from prefect import flow
from prefect.client.schemas.objects import State as PrefectState
from prefect.states import Cancelled
from pydantic import Field

from coldferry.errors import (
    ColdferryError,
    Drifted,
    Finding,
    NotMovable,
    PreflightFailed,
    Rejected,
    after_halt,
)
from coldferry.guest.evidence import Inspection
from coldferry.migration import State
from coldferry.plan import Plan
from coldferry.report import MovedDevice, Report, Stopwatch
from flows.bring_disks import bring_proven
from tasks.asking import NO_ANSWERS, GivenAnswers
from tasks.clouds import Cloud
from tasks.deciding import at_stage, decide, identify, name_run
from tasks.describing import confirm_unchanged, preflight, survey
from tasks.halting import (
    confirm_halted,
    give_back,
    halt,
    record,
    record_failure,
    still_halted,
)
from tasks.inspecting import confirm_evidence, keep_inspection, remarks_of, with_inspection
from tasks.moving import allocate, check_settings, freeze
from tasks.reporting import compare, downtime, moved, publish
from tasks.turns import turn


@flow(name="migrate-vm", flow_run_name="{vm}: {source.provider} to {target.provider}")
async def migrate_vm(
    source: Cloud,
    vm: str,
    target: Cloud,
    answers: GivenAnswers = NO_ANSWERS,
    stop_timeout_s: Annotated[int, Field(ge=0)] = 600,
    use_book: bool = True,
    inspect: bool = True,
    approved: str = "",
) -> dict[str, Any] | PrefectState[Any]:
    """Move a machine and prove that its disks arrived; the source is left stopped.

    Args:
        source: The cloud that the machine is taken from.
        vm: The machine's id there.
        target: The cloud that it is brought to.
        answers: Translations by field, as `coldferry plan --write-answers` writes them; given
            here they count as approved. Leave it empty (`{}`) to be asked in this run.
        stop_timeout_s: How long the machine may take to stop, in seconds.
        use_book: Take what was approved for a like machine before from the translation book,
            and keep what is answered here in it.
        inspect: Look into the machine's disks before anything is decided, through a temporary
            snapshot that is removed again, and into the frozen disks after the halt. What is
            found (drivers, boot, network, mounts) is shown in the form and in the report.
        approved: The digest of a plan that was approved before, as a wave gives it: another
            plan, or a gap in it, is refused and nobody is asked.
    """
    timed = Stopwatch()
    with timed("describe"):
        found = survey(source, vm)
    await name_run(found.machine, source, target)
    if found.refusals:
        raise NotMovable.because(found.refusals)
    migration = identify(found, source, vm, target)
    if inspect:
        with timed("inspect"):
            found = with_inspection(found, source, vm, migration, target)

    with timed("translate and approve"):
        try:
            approval = await decide(
                migration, found, target, answers or None, use_book=use_book, approved=approved
            )
        except Rejected as rejection:
            record(source, vm, migration, State.REJECTED)
            return Cancelled(message=str(rejection))
    approval = await keep_inspection(approval, found.inspection)
    seen = approval.inspection if inspect else None

    async with turn(migration, source, target):
        try:
            new_vm, devices, findings = await carry_out(
                source, vm, target, approval.plan, seen, stop_timeout_s, timed
            )
        except PreflightFailed as refusal:
            raise at_stage(refusal, found, migration) from None

    report = Report(
        migration=migration,
        state=State.ALLOCATED,
        source_vm=vm,
        target_vm=new_vm,
        devices=devices,
        approval=approval,
        findings=[*remarks_of(found, seen), *findings],
        timed=timed,
        downtime=downtime(found, migration, timed),
    )
    await publish(report)
    return report.as_json()


async def carry_out(
    source: Cloud,
    vm: str,
    target: Cloud,
    plan: Plan,
    seen: Inspection | None,
    stop_timeout_s: int,
    timed: Stopwatch,
) -> tuple[str, list[MovedDevice], list[Finding]]:
    """From an approved plan to a new machine: its full id, its disks, and what was found.

    Up to the halt every error is a refusal; after it, a failure that the same
    run again goes on from. ``seen`` is what the disks said when the plan was
    approved, None when nobody is to look.
    """
    migration = plan.migration
    check_settings()
    with timed("preflight"):
        faults = preflight(target, plan)
    if refusals := [fault for fault in faults if fault.severity == "refuse"]:
        raise PreflightFailed.because(refusals)

    try:
        with timed("halt"):
            halt(source, vm, plan, stop_timeout_s)
        with timed("describe again"):
            confirm_unchanged(source, vm, plan)
            record(source, vm, migration, State.HALTED)
        with timed("freeze"):
            frozen = freeze(source, vm, plan)
        if seen is not None:
            with timed("inspect again"):
                faults += confirm_evidence(source, vm, frozen, plan, target, seen)
        record(source, vm, migration, State.COPYING)
        copies, proven, remarks = await bring_proven(source, target, plan, frozen, timed)
        confirm_halted(source, vm, frozen)
        record(source, vm, migration, State.PROVEN)
        with timed("allocate"):
            new_vm = allocate(target, plan, [proven[disk.device.name] for disk in frozen])
        with timed("compare"):
            differences = compare(target, plan, new_vm) + still_halted(source, vm, frozen)
        record(source, vm, migration, State.ALLOCATED)
    except Drifted:
        give_back(source, vm, migration, State.FAILED)
        raise
    except ColdferryError as error:
        record_failure(source, vm, migration)
        raise after_halt(error, migration) from None
    return new_vm, moved(frozen, copies, proven), [*faults, *remarks, *differences]
