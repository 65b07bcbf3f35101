"""Hand production to the new machine: go or no-go, its groups, its start, and checks."""

from typing import Annotated, Any

from prefect import flow
from prefect.client.schemas.objects import State as PrefectState
from prefect.states import Cancelled
from pydantic import Field

from coldferry.checks import refuse_unusable
from coldferry.errors import Rejected
from coldferry.moved import KEEP_DAYS, MAX_KEEP_DAYS
from tasks.clouds import Cloud
from tasks.failing import tell_of_failure
from tasks.going import go_or_not
from tasks.switching import look_ahead
from tasks.taking_over import take_over


@flow(
    name="cutover",
    flow_run_name="{migration}: cutover",
    on_failure=[tell_of_failure],
    on_crashed=[tell_of_failure],
)
def cutover(
    source: Cloud,
    vm: str,
    target: Cloud,
    migration: str,
    security_groups: list[str] = [],  # noqa: B006 - a form's default; nobody changes it
    checks: list[str] = [],  # noqa: B006
    checks_within_s: Annotated[int, Field(ge=0)] = 600,
    keep_days: Annotated[int, Field(ge=0, le=MAX_KEEP_DAYS)] = KEEP_DAYS,
    go: bool = False,
) -> dict[str, Any] | PrefectState[Any]:
    """Put the new machine behind its real security groups, start it, and check it.

    The source stays halted, and is tagged as moved. A check that fails leaves
    the new machine started: whether to mend it or to roll back is a person's
    decision.

    Args:
        source: The cloud that the machine was taken from.
        vm: The machine's id there.
        target: The cloud that it was brought to.
        migration: The migration's id.
        security_groups: What its interfaces are to be behind: one name for all, or one for
            each in order; `none` for no group. Leave it empty to be asked in this run.
        checks: What the machine must show, each a line: `tcp:443`, `https://host/path`,
            `script:/path/on/the/worker`. `{address}` is the machine's private address.
        checks_within_s: How long all checks together may take to pass, in seconds.
        keep_days: How many days the way back is kept: written on the source, and `finalise` refuses
            before that day. A later cutover can make it later, never earlier.
        go: Do not ask in this run: the decision was made elsewhere.
    """
    refuse_unusable(checks)
    ready = look_ahead(source, vm, target, migration)
    try:
        groups, decided = go_or_not(ready, security_groups, go=go)
    except Rejected as no_go:
        return Cancelled(message=str(no_go))

    switched = take_over(
        source, vm, target, migration, groups, decided.as_json(), checks, checks_within_s, keep_days
    )
    if failed := switched.failure:
        raise failed
    return switched.as_json()
