"""Give up the way back: what it needed is removed, and each erasure is written down."""

from typing import Annotated, Any

from prefect import flow
from prefect.client.schemas.objects import State as PrefectState
from prefect.states import Cancelled
from pydantic import Field

from coldferry.errors import ColdferryError, Rejected, after_halt
from coldferry.home import alone
from coldferry.migration import State
from coldferry.moved import MAX_KEEP_DAYS
from coldferry.removing import confirm_same
from tasks.clouds import Cloud
from tasks.failing import tell_of_failure
from tasks.finalising import (
    begin_record,
    erase_kept,
    hand_over,
    left_over,
    tag_as_finalised,
    weigh,
    what_came_over,
)
from tasks.finalising import remove_source as remove_source_machine
from tasks.going import finalise_or_not, remove_or_not
from tasks.recording import publish_erased
from tasks.undoing import forget, release


@flow(
    name="finalise",
    flow_run_name="{migration}: finalise",
    on_failure=[tell_of_failure],
    on_crashed=[tell_of_failure],
)
def finalise(
    source: Cloud,
    vm: str,
    target: Cloud,
    migration: str,
    keep_days: Annotated[int, Field(ge=0, le=MAX_KEEP_DAYS)] | None = None,
    go: bool = False,
    source_gone: bool = False,
    remove_source: bool = False,
    machine: str = "",
) -> dict[str, Any] | PrefectState[Any]:
    """Remove the frozen disks and the migration's temporary things; this cannot be undone.

    The source machine stays, stopped, and so do its disks, unless its removal is asked for and
    approved by itself. Of a migration that was rolled back, the lasting copies of the target's
    disks are removed.

    Args:
        source: The cloud that the machine was taken from.
        vm: The machine's id there; empty when it is gone.
        target: The cloud that it was brought to.
        migration: The migration's id.
        keep_days: Left empty, it is refused before the day that the cutover wrote on the source. A
            number of days after the cutover is said instead of that day.
        go: Do not ask in this run: the decision was made elsewhere.
        source_gone: Finalise although the source machine is gone, and so nothing says any more
            that it was cut over.
        remove_source: Remove the source machine and its copied disks, too. A question of its own
            is asked, also with `go`, unless its id is given again below.
        machine: The source machine's id once more: its removal was approved elsewhere.
    """
    confirm_same(vm, machine)
    brought = what_came_over(migration) if remove_source else None
    told = (keep_days, source_gone, brought)
    holding = weigh(source, vm, target, migration, *told)
    try:
        decided = finalise_or_not(holding, go=go)
        removed_by = remove_or_not(holding, vm, machine)
    except Rejected as no_go:
        return Cancelled(message=str(no_go))

    with alone(migration):
        holding = weigh(source, vm, target, migration, *told)
        record = begin_record(holding)
        try:
            if brought is not None and holding.leaving:
                record.add(remove_source_machine(source, vm, migration, brought.disks))
            if not holding.only_kept:
                record.add(release(source, migration))
                if vm:
                    tag_as_finalised(source, vm, migration)
                record.add(hand_over(target, migration))
            record.add(erase_kept(target, migration))
            rows = record.close(left_over(source, target, migration, record.begun))
            forget(migration)
        except ColdferryError as error:
            raise after_halt(error) from None
    state = State.ROLLED_BACK if holding.only_kept else State.FINALISED
    document = {
        "migration": migration,
        "state": state.value,
        "erased": rows,
        "usd_per_day": holding.usd_per_day,
        "findings": holding.findings,
        "decided": decided.as_json(),
        "removal_decided": removed_by.as_json() if removed_by else None,
    }
    publish_erased(document)
    return document
