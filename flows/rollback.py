"""The way back from a migration that was not cut over."""

from dataclasses import asdict
from typing import Any

from prefect import flow

from coldferry.errors import ColdferryError, after_halt
from coldferry.home import alone
from coldferry.migration import State
from tasks.clouds import Cloud
from tasks.halting import give_back
from tasks.undoing import discard, forget, look_back, release


@flow(name="rollback", flow_run_name="{migration}: way back")
def rollback(
    source: Cloud, vm: str, target: Cloud, migration: str, discard_used: bool = False
) -> dict[str, Any]:
    """Remove what the migration made, and put the source's power back as it was.

    Args:
        source: The cloud that the machine came from.
        vm: The machine's id there; empty when it is gone.
        target: The cloud that it was brought to.
        migration: The migration's id.
        discard_used: Remove the new machine also when it ran since its proof, or is the last copy.
    """
    with alone(migration):
        marks = look_back(source, vm, target, migration, discard_used=discard_used)
        try:
            removed = discard(target, migration)
            removed += release(source, migration)
            if marks is not None:
                give_back(source, vm, migration, State.ROLLED_BACK)
            forget(migration)
        except ColdferryError as error:
            raise after_halt(error) from None
    return {
        "migration": migration,
        "state": State.ROLLED_BACK.value,
        "removed": [asdict(one) for one in removed],
    }
