"""The way back from a migration, before its cutover and after."""

from dataclasses import asdict
from typing import Any

from prefect import flow
from prefect.client.schemas.objects import State as PrefectState
from prefect.states import Cancelled

from coldferry.cutover import not_revived
from coldferry.errors import ColdferryError, Rejected, after_halt
from coldferry.home import alone
from coldferry.migration import State
from coldferry.ports import Owned
from tasks.clouds import Cloud
from tasks.failing import tell_of_failure
from tasks.going import discard_or_stop
from tasks.halting import give_back, revive
from tasks.undoing import TargetWrites, discard, forget, keep, look_back, release, stop_new


@flow(
    name="rollback",
    flow_run_name="{migration}: way back",
    on_failure=[tell_of_failure],
    on_crashed=[tell_of_failure],
)
def rollback(
    source: Cloud,
    vm: str,
    target: Cloud,
    migration: str,
    discard_used: bool = False,
    target_writes: TargetWrites = "",
) -> dict[str, Any] | PrefectState[Any]:
    """Remove what the migration made, and put the source's power back as it was.

    After a cutover the new machine may have written what is nowhere else: its
    disks are copied before they are removed, and a person says so first. Nothing
    at the target is removed before the source runs again.

    Args:
        source: The cloud that the machine came from.
        vm: The machine's id there; empty when it is gone.
        target: The cloud that it was brought to.
        migration: The migration's id.
        discard_used: Remove a new machine that was never cut over also when it ran since its
            proof, or is the last copy.
        target_writes: After a cutover, what becomes of what the new machine wrote: `discard`
            keeps a copy of its disks and goes back to the source's, `stop` ends this run. Leave
            it empty to be asked in this run.
    """
    told = (discard_used, target_writes)
    way = look_back(source, vm, target, migration, *told)
    try:
        discard_or_stop(migration, way, target_writes)
    except Rejected as stopped:
        if target_writes:
            raise
        return Cancelled(message=str(stopped))

    kept: list[Owned] = []
    with alone(migration):
        way = look_back(source, vm, target, migration, *told)
        try:
            if way.keep:
                kept = keep(target, migration)
            new_vm = stop_new(target, migration)
            if way.marks is not None:
                try:
                    revive(source, vm, migration, target)
                except ColdferryError as error:
                    raise not_revived(error, vm, migration, new_vm) from None
            removed = discard(target, migration)
            removed += release(source, migration)
            if way.marks is not None:
                give_back(source, vm, migration, State.ROLLED_BACK, target)
            forget(migration)
        except ColdferryError as error:
            raise after_halt(error) from None
    return {
        "migration": migration,
        "state": State.ROLLED_BACK.value,
        "removed": [asdict(one) for one in removed],
        "kept": [asdict(one) for one in kept],
        "findings": [asdict(one) for one in way.beside],
    }
