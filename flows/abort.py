"""Give a migration up while it is under way: its run first, then what it made."""

from typing import Any

from prefect import flow

from flows.rollback import rollback
from tasks.clouds import Cloud
from tasks.ending import confirm_under_way, end_runs
from tasks.failing import tell_of_failure
from tasks.undoing import left_over


@flow(
    name="abort",
    flow_run_name="{migration}: given up",
    on_failure=[tell_of_failure],
    on_crashed=[tell_of_failure],
)
async def abort(
    source: Cloud, vm: str, target: Cloud, migration: str, discard_used: bool = False
) -> dict[str, Any]:
    """Cancel the migration's run and wait for it; start the source again as it was before.

    What is at the target is removed, and the answer says what is left of it.

    Args:
        source: The cloud that the machine comes from.
        vm: The machine's id there; empty when it is gone.
        target: The cloud that it is being brought to.
        migration: The migration's id.
        discard_used: Remove the new machine also when it ran since its proof, or is the last copy.
    """
    confirm_under_way(source, vm, migration)
    ended = await end_runs(migration)
    undone: Any = rollback(source, vm, target, migration, discard_used=discard_used)
    power, left = left_over(source, vm, target, migration)
    return {**undone, "cancelled": ended, "power": power, "left": left}
