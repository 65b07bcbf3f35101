"""Move one fully stopped machine from one cloud to another (NIST use case 4.5)."""

from datetime import datetime
from typing import Annotated, Any

from prefect import flow, runtime
from prefect.client.schemas.objects import State as PrefectState
from prefect.states import Cancelled
from pydantic import Field

from coldferry import calls
from coldferry.due import window_end
from coldferry.errors import (
    ColdferryError,
    Drifted,
    Ended,
    Finding,
    NotMovable,
    PreflightFailed,
    Refused,
    Rejected,
    Undone,
    after_halt,
    in_order,
)
from coldferry.guest.evidence import Inspection
from coldferry.migration import State
from coldferry.placement import dropped
from coldferry.plan import Plan, shares_of
from coldferry.report import MovedDevice, Report, Stopwatch
from flows.bring_disks import bring_early, bring_proven
from tasks.asking import ALL_COPIED, NO_ANSWERS, GivenAnswers, GivenPlacement
from tasks.booting import look_whether_it_boots
from tasks.clouds import Cloud
from tasks.deciding import at_stage, decide, identify, is_halted, name_run, placements
from tasks.describing import (
    confirm_as_approved,
    confirm_unchanged,
    preflight,
    preflight_again,
    survey,
    with_remarks,
)
from tasks.earlier import release_early
from tasks.estimating import foretell
from tasks.failing import failures_told, tell_of_failure
from tasks.go_ahead import GoAhead, kept_for_later
from tasks.halting import (
    confirm_halted,
    confirm_in_window,
    give_back,
    halt,
    have_it_run,
    record,
    record_failure,
    still_halted,
)
from tasks.inspecting import confirm_evidence, keep_inspection, remarks_of, with_inspection
from tasks.moving import allocate, check_settings, freeze
from tasks.probing import probe_remote, remarks_on
from tasks.reporting import compare, downtime, moved, publish
from tasks.runs import tag_run
from tasks.turns import turn


@flow(
    name="migrate-vm",
    flow_run_name="{vm}: {source.provider} to {target.provider}",
    on_failure=[tell_of_failure],
    on_crashed=[tell_of_failure],
)
async def migrate_vm(
    source: Cloud,
    vm: str,
    target: Cloud,
    answers: GivenAnswers = NO_ANSWERS,
    stop_timeout_s: Annotated[int, Field(ge=0)] = 600,
    use_book: bool = True,
    inspect: bool = True,
    placement: GivenPlacement = ALL_COPIED,
    max_latency_ms: Annotated[float, Field(gt=0)] = 10,
    approved: str = "",
    although_moved: bool = False,
    boot_check: bool = False,
    cold: bool = False,
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
        placement: What becomes of single devices, by name, as in
            `{"disk1": "drop", "fs-0123": "remote"}`: a disk is copied, dropped, or asked about
            in the form (`ask`); a file system of the network is `remote`, `nofail` or
            `remove`. What is not named is copied. The root disk is always copied.
        max_latency_ms: How far away a remote file system may be, in milliseconds a read, measured
            near the target before the halt.
        approved: The digest of a plan that was approved before, as a wave gives it: another
            plan, or a gap in it, is refused and nobody is asked.
        although_moved: Move a machine once more although an earlier move of it was finalised.
        boot_check: Once the new machine stands, start a copy of it behind a deny-all group, say in
            the report what its console showed, and remove the copy. Costs its size and disks for
            some minutes, where the target can show a console.
        cold: Copy the disks after the halt only. Otherwise a machine that runs, and whose copy
            takes longer than a minute, is copied while it runs, and after the halt only what
            changed since.
    """
    timed, before = Stopwatch(), calls.so_far()
    with timed("describe"):
        found = survey(source, vm)
    await name_run(found.machine, source, target)
    if found.refusals:
        raise NotMovable.because(found.refusals)
    migration = identify(found, source, vm, target, although_moved=although_moved)
    await tag_run(migration)
    placed = await placements(migration, found, placement, before_look=inspect)
    if inspect:
        with timed("inspect"):
            leaving = dropped(found.machine, (answers or {}) | placed)
            found = with_inspection(found, source, vm, migration, target, leaving)
        placed = await placements(migration, found, placement)
    measured = {}
    if not (halted := is_halted(found, migration)):
        named = shares_of(found.machine, placed)
        measured = await probe_remote(named, found.inspection, max_latency_ms, {}, timed)
        found = with_remarks(found, remarks_on(measured))

    with timed("translate and approve"):
        try:
            approval = await decide(
                migration, found, source, target, answers or None, placed=placed,
                use_book=use_book, approved=approved, cold=cold,
            )  # fmt: skip
        except Rejected as rejection:
            record(source, vm, migration, State.REJECTED)
            return Cancelled(message=str(rejection))
    approval = await keep_inspection(approval, found.inspection)
    seen = approval.inspection if inspect else None
    if not halted:
        shares = approval.plan.shares
        measured = await probe_remote(shares, seen, max_latency_ms, measured, timed)
    expected = await foretell(
        source, target, approval.plan, seen, inspect=inspect,
        runs=found.runs and not (cold or halted),
    )  # fmt: skip

    until = window_end(runtime.flow_run.tags or ())
    async with (
        failures_told(migration, source, vm, target, timed),
        turn(migration, source, target, halted=halted),
    ):
        try:
            new_vm, devices, findings = await carry_out(
                source, vm, target, approval.plan, seen, stop_timeout_s, timed, until,
                early=bool(expected and expected.early), halted=halted,
            )  # fmt: skip
            findings += look_whether_it_boots(
                target, approval.plan, new_vm, timed, asked=boot_check
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
        findings=in_order([*remarks_of(found, seen), *findings]),
        timed=timed,
        downtime=downtime(found, migration, timed),
        latencies=measured,
        estimate=expected,
        calls=calls.since(before),
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
    abort_at: datetime | None = None,
    *,
    early: bool = False,
    halted: bool = False,
) -> tuple[str, list[MovedDevice], list[Finding]]:
    """From an approved plan to a new machine: its full id, its disks, and what was found.

    Up to the halt every error is a refusal; after it, a failure that the same
    run again goes on from. ``seen`` is what the disks said when the plan was
    approved, None when nobody is to look. ``abort_at`` is when a halted source
    is to be started again, by whoever finds it so. ``early``: its disks are copied
    while it runs, too. ``halted`` by an earlier run, they may have been.
    """
    migration = plan.migration
    confirm_in_window(source, vm, migration, abort_at, target)
    check_settings()
    faults = confirm_ready(source, vm, target, plan, timed)
    confirm_in_window(source, vm, migration, abort_at, target)  # all that may have taken long

    if early:
        faults = await copy_while_it_runs(source, vm, target, plan, timed, abort_at)
    try:
        with timed("halt"):
            before = halt(source, vm, plan, stop_timeout_s, abort_at, begun=early)
        with timed("describe again"):
            confirm_unchanged(source, vm, plan)
            try:
                record(source, vm, migration, State.HALTED)
            except Undone:
                have_it_run(source, vm, migration, before)
                raise
        with timed("freeze"):
            frozen = freeze(source, vm, plan, follow=early or halted)
        if seen is not None:
            with timed("inspect again"):
                faults += confirm_evidence(source, vm, frozen, plan, target, seen)
        record(source, vm, migration, State.COPYING)
        copies, proven, remarks = await bring_proven(source, target, plan, frozen, timed)
        confirm_halted(source, vm, frozen)
        with timed("preflight again"):
            faults += preflight_again(target, plan)
        record(source, vm, migration, State.PROVEN)  # last: it refuses what was put back
        with timed("allocate"):
            new_vm = allocate(target, plan, [proven[disk.device.name] for disk in frozen])
        with timed("compare"):
            differences = compare(target, plan, new_vm) + still_halted(source, vm, frozen)
        record(source, vm, migration, State.ALLOCATED)
    except Drifted:
        give_back(source, vm, migration, State.FAILED, target)
        raise
    except Undone:
        raise  # what stands on the machine is another's word
    except ColdferryError as error:
        record_failure(source, vm, migration)
        raise after_halt(error, migration) from None
    left = release_early(source, vm, migration) if early or halted else []
    return new_vm, moved(frozen, copies, proven), [*faults, *remarks, *differences, *left]


async def copy_while_it_runs(
    source: Cloud,
    vm: str,
    target: Cloud,
    plan: Plan,
    timed: Stopwatch,
    abort_at: datetime | None,
) -> list[Finding]:
    """Copy the disks before the halt, then look at everything again; what preflight found.

    Hours may have passed by then. The source runs on whatever happens: what refuses here is a
    refusal as before any work, and everything else a failure that the same run goes on from.
    Raises Undone for a machine that is not to be halted any more.
    """
    migration = plan.migration
    record(source, vm, migration, State.APPROVED)
    go_ahead = GoAhead(source, vm, migration, abort_at)
    try:
        await bring_early(source, vm, target, plan, timed, go_ahead)
        with timed("preflight"):
            confirm_as_approved(source, vm, plan)
        faults = confirm_ready(source, vm, target, plan, timed)
        confirm_in_window(source, vm, migration, abort_at, target)
    except (Ended, Undone) as end:
        if isinstance(end, Ended):
            record_failure(source, vm, migration)
        raise  # what stands on an undone machine is another's word
    except Refused as refusal:
        record_failure(source, vm, migration)
        raise kept_for_later(refusal, migration) from None
    except ColdferryError as error:
        go_ahead.confirm()  # what was rolled back elsewhere fails in many ways here
        record_failure(source, vm, migration)
        raise after_halt(error, migration) from None
    return faults


def confirm_ready(
    source: Cloud, vm: str, target: Cloud, plan: Plan, timed: Stopwatch
) -> list[Finding]:
    """What preflight found; raises PreflightFailed naming all that stands against the plan."""
    with timed("preflight"):
        faults = preflight(source, vm, target, plan)
    if refusals := [fault for fault in faults if fault.severity == "refuse"]:
        raise PreflightFailed.because(refusals)
    return faults
