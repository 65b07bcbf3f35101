"""The source's power, and the tags that remember it."""

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime

from coldferry.errors import ColdferryError, Conflict, Failed, Finding, Refused, Transient, Undone
from coldferry.migration import ENDED, HELD, HELD_AT_TARGET, MOVED, Marks, State
from coldferry.moved import still_moved
from coldferry.plan import Plan
from coldferry.ports import FrozenDisk, PowerState
from tasks.clouds import Cloud
from tasks.steps import step


@step("halt")
def halt(
    source: Cloud,
    vm: str,
    plan: Plan,
    timeout_s: float,
    abort_at: datetime | None = None,
    *,
    begun: bool = False,
) -> str:
    """Remember the power state in the machine's tags, then stop it; never terminates it.

    Answers how it was before the migration halted it. With it goes when the
    window ends, so that whoever finds it halted then knows to start it.

    A machine that can only be terminated goes on running, as was acknowledged.

    The tags come first: a crash between the two leaves a running machine that
    is marked, and the rerun stops it. Raises Undone for a migration that was ended, and for a
    machine that another one has halted. ``begun``: it was copied before its halt, which takes
    hours. Then its marks have to say still that this was begun, and nothing since.
    """
    cloud, migration = source.source(), plan.migration
    marks = cloud.marks(vm)
    if begun:
        confirm_begun(vm, marks, migration)
    if marks is not None and marks.migration == migration and marks.state in ENDED:
        raise _undone(marks)
    if marks is not None and marks.migration != migration and marks.power_before is not None:
        raise _taken(vm, marks, migration)
    if marks is None or marks.migration != migration or marks.power_before is None:
        off = cloud.power(vm) in (PowerState.STOPPED, PowerState.STOPPING)
        before = PowerState.STOPPED if off else PowerState.RUNNING
        own = Marks(migration, State.APPROVED, before.value, abort_at=abort_at)
    else:  # it may go on in another window, or in none; one that arrived has met its own
        own = replace(marks, abort_at=None if marks.state in HELD_AT_TARGET else abort_at)
    if own != marks:
        cloud.mark(vm, own)
    if plan.machine.stoppable is not False:
        cloud.stop(vm, timeout_s=timeout_s)
    return own.power_before or ""


def confirm_in_window(
    source: Cloud, vm: str, migration: str, abort_at: datetime | None, target: Cloud
) -> None:
    """Raise Refused once the run's window has ended; a source that is halted is started again.

    A run that its worker began late, or that was resumed by hand, must not halt
    what was called off or put back.
    """
    if abort_at is None or datetime.now(UTC) < abort_at:
        return
    marks = source.source().marks(vm)
    if marks is not None and marks.migration == migration and marks.state in HELD_AT_TARGET:
        return  # it arrived: nothing is halted any more, and nothing is started
    give_back(source, vm, migration, State.FAILED, target)
    raise window_ended(migration, abort_at)


def window_ended(migration: str, abort_at: datetime) -> Refused:
    """The refusal to halt a machine after its window."""
    return Refused(
        f"The window of {migration} ended at {abort_at.isoformat(' ', 'minutes')}: its source is "
        "not halted after that.",
        "Give the same wave with a later abort_at, or 'coldferry migrate' to move it by itself.",
    )


def confirm_begun(vm: str, marks: Marks | None, migration: str) -> None:
    """Raise Undone unless the marks say that this migration was approved and no more than that.

    Whoever put its source back, ended it, or carries it out elsewhere wrote something else.
    """
    if marks is None or marks.migration != migration:
        raise _taken(vm, marks, migration)
    if marks.state in ENDED | MOVED:
        raise _undone(marks)
    if marks.state is not State.APPROVED:
        raise Undone(
            f"{migration} was put back or is carried out elsewhere: it was approved when its disks "
            f"began to be copied, and is {marks.state} now. This run halts nothing.",
            "What was copied stays; once nothing else carries it out, the same command goes on.",
            resumable=True,
        )


def have_it_run(source: Cloud, vm: str, migration: str, before: str) -> None:
    """Start the source where it was put back while this run was about to stop it.

    Whoever put it back found it running still, and looks no more.
    """
    with suppress(ColdferryError):
        cloud = source.source()
        marks = cloud.marks(vm)
        if marks is None or marks.migration != migration or marks.state in MOVED:
            return
        if marks.power_before is None and before == PowerState.RUNNING.value:
            cloud.start(vm)


@step("record")
def record(source: Cloud, vm: str, migration: str, state: State) -> None:
    """Write how far the migration is to the machine's tags.

    Raises Undone when it was ended, cut over or put back meanwhile, from another
    machine: none is ever written over. One that arrived has met its window, and is no less far
    while the same run goes over it again.
    """
    cloud = source.source()
    marks = cloud.marks(vm)
    if marks is None or marks.migration != migration:
        live = marks is not None and marks.state not in ENDED
        if state is State.REJECTED and (live or (marks is not None and marks.state in MOVED)):
            return  # nothing was begun: what another migration does or did is what counts
        if marks is not None and (
            marks.power_before is not None or (live and state is not State.APPROVED)
        ):
            raise _taken(vm, marks, migration)
        marks = Marks(migration, state)
    elif marks.state in ENDED | MOVED and state is not marks.state:
        raise _undone(marks)
    elif marks.power_before is not None and state is State.APPROVED:
        raise Undone(
            f"{vm} was halted by another run of {migration} since this one looked: it is "
            f"{marks.state}. This run copies nothing before a halt.",
            "Once nothing else carries it out, the same command goes on.",
            resumable=True,
        )
    elif marks.power_before is None and state in HELD:
        raise Undone(
            f"The source of {migration} was put back while it was carried out: it runs as it did "
            "before.",
            "What was copied stays; the same command again halts it, and copies what changed.",
            resumable=True,
        )
    if marks.state is State.ALLOCATED and state in HELD:
        state = State.ALLOCATED  # the same run once more over what arrived takes nothing back
    arrived = state is State.ALLOCATED
    cloud.mark(vm, replace(marks, state=state, abort_at=None if arrived else marks.abort_at))


def _taken(vm: str, marks: Marks | None, migration: str) -> Undone:
    """Another migration's word is on the machine, or none at all any more."""
    now = f"its tags say {marks.migration}, {marks.state}" if marks else "its tags say nothing"
    return Undone(
        f"{migration} is no longer what {vm} is on its way by: {now}.",
        f"Run 'coldferry rollback {migration}' for what this run made.",
    )


def _undone(marks: Marks) -> Undone:
    migration = marks.migration
    return Undone(
        f"{migration} was ended or cut over while it was carried out: it is {marks.state}.",
        f"Run 'coldferry rollback {migration}' once more for what this run made since.",
    )


def record_failure(source: Cloud, vm: str, migration: str) -> None:
    """Say on the source that it failed, if it still can be reached; the failure itself goes on."""
    with suppress(ColdferryError):
        record(source, vm, migration, State.FAILED)


@step("confirm halted")
def confirm_halted(source: Cloud, vm: str, frozen: Sequence[FrozenDisk]) -> None:
    """Raise Failed when the source was started since its disks were frozen."""
    if source.source().started_since(vm, frozen):
        raise Failed(
            f"{vm} was started while its disks were copied: what it writes now is not in the copy.",
            "Run the same command again: it is halted, frozen and copied anew.",
        )


@step("still halted")
def still_halted(source: Cloud, vm: str, frozen: Sequence[FrozenDisk]) -> list[Finding]:
    """A warning when the source was started since, for a report that must not claim otherwise."""
    if not source.source().started_since(vm, frozen):
        return []
    return [
        Finding(
            "warn", "source-started", vm,
            f"{vm} was started after its disks were frozen: what it writes now is not at the "
            "target.",
            "Stop it, or roll the migration back.",
        )
    ]  # fmt: skip


@step("start the source again")
def revive(source: Cloud, vm: str, migration: str, target: Cloud) -> None:
    """Start the source if it ran before the halt, and see it run; its tags stay as they are.

    Nothing of the target is removed yet: a source that cannot be started leaves it whole.
    Raises Refused while the new machine is not stopped.
    """
    cloud = source.source()
    marks = cloud.marks(vm)
    if marks is None or marks.migration != migration or marks.state in ENDED:
        return
    if marks.power_before != PowerState.RUNNING.value:
        return
    arrived = target.target().arrived(migration)
    if arrived is not None and arrived.power is not PowerState.STOPPED:
        raise still_moved(vm, marks)
    cloud.start(vm)
    if (power := cloud.power(vm)) is not PowerState.RUNNING:
        raise Conflict(f"{vm} was started, and is {power} now.", "See why it does not run.")


@step("give back")
def give_back(source: Cloud, vm: str, migration: str, state: State, *targets: Cloud) -> None:
    """Put the source's power back as it was before the halt, and leave only the attempt's tag.

    A new machine that runs at one of the ``targets`` is stopped first: one that was being made
    may have been left so. Raises Failed, or Transient, while that cannot be known or done: the
    source stays halted then. Raises Refused for a machine that was moved, unless the targets
    have its new machine no more, and the migration ends.
    """
    cloud = source.source()
    marks = cloud.marks(vm)
    if marks is None or marks.migration != migration:
        return
    if marks.state in MOVED and not (state in ENDED and targets and _gone(targets, migration)):
        raise still_moved(vm, marks)
    if marks.state in ENDED and state not in ENDED:
        return  # it was ended meanwhile, and an end is never written over
    if marks.power_before == PowerState.RUNNING.value:
        if state not in ENDED:  # an end has removed the new machine before
            for target in targets:
                _stop_new(target, vm, migration)
        cloud.start(vm)
    cloud.mark(vm, Marks(migration, state))


def _gone(targets: Sequence[Cloud], migration: str) -> bool:
    return not any(target.target().arrived(migration) for target in targets)


def _stop_new(target: Cloud, vm: str, migration: str) -> None:
    """Never both run: some clouds boot a machine as they make it, and it is stopped afterwards.

    By force: nothing that it wrote counts, it never took over.
    """
    what = "whether its new machine runs at the target is not known"
    try:
        cloud = target.target()
        arrived = cloud.arrived(migration)
        if arrived is None or arrived.power is PowerState.STOPPED:
            return
        what = f"{arrived.vm} runs at the target and could not be stopped"
        cloud.stop(arrived.vm, force=True)
        if (power := cloud.power(arrived.vm)) is not PowerState.STOPPED:
            raise Conflict(f"It is {power}.")
    except ColdferryError as error:
        told = f"{vm} stays halted, as both must never run: {what}. {error.what}"
        do = f"{error.do} See that no machine of {migration} runs at the target.".strip()
        # A source's put-back counts conflicts of runs on this machine: this is none.
        kind = Transient if isinstance(error, Transient) else Failed
        raise kind(told, do) from None
