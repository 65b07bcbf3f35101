"""Hand production to the new machines of a group, or of a whole wave, in their order."""

from typing import Annotated, Any

from prefect import flow
from prefect.client.schemas.objects import State as PrefectState
from prefect.states import Cancelled
from pydantic import Field

from coldferry.errors import Rejected
from coldferry.moved import KEEP_DAYS, MAX_KEEP_DAYS
from tasks.failing import tell_of_failure
from tasks.waves.cutting_over import cut_over, go_or_not, look_all
from tasks.waves.together import call_run, one_at_a_time, publish


@flow(
    name="cutover-wave",
    flow_run_name="wave: cutover",
    on_failure=[tell_of_failure],
    on_crashed=[tell_of_failure],
)
def cutover_wave(
    manifest: str,
    groups: list[str] = [],  # noqa: B006 - a form's default; nobody changes it
    without: list[str] = [],  # noqa: B006
    keep_days: Annotated[int, Field(ge=0, le=MAX_KEEP_DAYS)] = KEEP_DAYS,
    go: bool = False,
) -> dict[str, Any] | PrefectState[Any]:
    """Start the new machines in the order of the wave, each behind its groups, and check them.

    Nothing is started unless all of them arrived. A machine is started once those
    that it starts after passed their checks; one that fails stops its group and
    what starts after it. The same run again does only what is left.

    Args:
        manifest: The wave as YAML or CSV, as it was migrated. Each row may say its `checks` and
            its `security_groups`; docs/waves.md has both.
        groups: Which of its groups, by name; a row without a group by its own. Leave it empty
            for the whole wave.
        without: Rows outside of these groups that need not be cut over before, although rows
            of them start after those.
        keep_days: How many days the way back is kept: written on each source, and
            `finalise` refuses before.
        go: Do not ask in this run: the decision was made elsewhere.
    """
    ahead = look_all(manifest, groups, without)
    wave = ahead.together.wave
    call_run(wave, "cutover")
    try:
        said, decided = go_or_not(ahead, go=go)
    except Rejected as no_go:
        return Cancelled(message=str(no_go))
    with one_at_a_time(wave):
        told, failed = cut_over(ahead, said, decided, keep_days)
    return publish(wave, told, failed)
