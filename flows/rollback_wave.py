"""The way back of a group, or of a whole wave: all of its machines, in their order."""

from typing import Any

from prefect import flow
from prefect.client.schemas.objects import State as PrefectState
from prefect.states import Cancelled

from coldferry.errors import Rejected
from flows.rollback import rollback
from tasks.failing import tell_of_failure
from tasks.undoing import TargetWrites
from tasks.waves.going_back import DISCARDED, discard_or_stop, go_back, look_back_all
from tasks.waves.together import call_run, one_at_a_time, publish


@flow(
    name="rollback-wave",
    flow_run_name="wave: way back",
    on_failure=[tell_of_failure],
    on_crashed=[tell_of_failure],
)
def rollback_wave(
    manifest: str,
    groups: list[str] = [],  # noqa: B006 - a form's default; nobody changes it
    without: list[str] = [],  # noqa: B006
    target_writes: TargetWrites = "",
) -> dict[str, Any] | PrefectState[Any]:
    """Remove what a wave made of these machines, and put their sources back in their order.

    All are looked at first: one that cannot be rolled back stops the whole. The new
    machines are stopped against the order of starting, and copies of what they
    wrote are made, before anything is removed and any source is started.

    Args:
        manifest: The wave as YAML or CSV, as it was migrated.
        groups: Which of its groups, by name; a row without a group by its own. Leave it empty
            for the whole wave.
        without: Rows outside of these groups that stay at the target, although they start
            after rows of them.
        target_writes: What becomes of what the new machines wrote after their cutover:
            `discard` keeps a copy of their disks and goes back to the sources', `stop` ends
            this run. Leave it empty to be asked in this run.
    """
    behind = look_back_all(manifest, groups, without)
    together = behind.together
    call_run(together.wave, "way back")
    try:
        decided = discard_or_stop(behind, target_writes)
    except Rejected as stopped:
        if target_writes:
            raise
        return Cancelled(message=str(stopped))

    def take_back(name: str) -> dict[str, Any]:
        told: Any = rollback.fn(*together.at(name), target_writes=DISCARDED)
        return {**told, "why": ""}

    with one_at_a_time(together.wave):
        told, failed = go_back(behind, decided, take_back)
    return publish(together.wave, told, failed)
