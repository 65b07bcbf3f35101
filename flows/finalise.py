"""Give up the way back: what it needed is removed, and each erasure is written down."""

from typing import Annotated, Any

from prefect import flow
from prefect.client.schemas.objects import State as PrefectState
from prefect.states import Cancelled
from pydantic import Field

from coldferry.errors import ColdferryError, Rejected, after_halt
from coldferry.finalising import KEEP_DAYS, MAX_KEEP_DAYS
from coldferry.home import alone
from coldferry.migration import State
from tasks.clouds import Cloud
from tasks.failing import tell_of_failure
from tasks.finalising import (
    begin_record,
    erase_kept,
    hand_over,
    left_over,
    tag_as_finalised,
    weigh,
)
from tasks.going import finalise_or_not
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
    keep_days: Annotated[int, Field(ge=0, le=MAX_KEEP_DAYS)] = KEEP_DAYS,
    go: bool = False,
) -> dict[str, Any] | PrefectState[Any]:
    """Remove the frozen disks and the migration's temporary things; this cannot be undone.

    The source machine stays, stopped, and so do its disks. Of a migration that
    was rolled back, the lasting copies of the target's disks are removed.

    Args:
        source: The cloud that the machine was taken from.
        vm: The machine's id there; empty when it is gone.
        target: The cloud that it was brought to.
        migration: The migration's id.
        keep_days: How many days after the cutover the way back is kept: before that it is refused.
        go: Do not ask in this run: the decision was made elsewhere.
    """
    holding = weigh(source, vm, target, migration, keep_days)
    try:
        decided = finalise_or_not(holding, go=go)
    except Rejected as no_go:
        return Cancelled(message=str(no_go))

    with alone(migration):
        holding = weigh(source, vm, target, migration, keep_days)
        record = begin_record(holding)
        try:
            if not holding.only_kept:
                record.add(release(source, migration))
                if vm:
                    tag_as_finalised(source, vm, migration)
                record.add(hand_over(target, migration))
            record.add(erase_kept(target, migration))
            rows = record.close(left_over(source, target, migration))
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
    }
    publish_erased(document)
    return document
