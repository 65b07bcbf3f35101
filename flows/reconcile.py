"""Find what died: runs that a worker left Running, and sources left halted past their window."""

from dataclasses import asdict
from typing import Annotated, Any

from prefect import flow
from prefect.logging import get_run_logger
from pydantic import Field

from coldferry.errors import Failed
from coldferry.plain import inert
from tasks.failing import tell_of_death
from tasks.overdue import publish_overdue, put_back_overdue
from tasks.reaping import publish_reaped, reap
from tasks.runs import SILENT_S


@flow(name="reconcile", flow_run_name="runs without a sign of life")
async def reconcile(silent_for_s: Annotated[int, Field(ge=60)] = SILENT_S) -> dict[str, Any]:
    """Set runs to Crashed that sent no heartbeat for so long; one that waits for a form is not.

    Then start each source again that is halted past the end of its window, unless its wave is at
    work. Where one cannot be started this run fails, and the next one tries again.

    Args:
        silent_for_s: How long a run may be silent, in seconds. Our runs send a heartbeat
            every 30 s; give more where a worker was told to send fewer.
    """
    reaped, crashed = await reap(silent_for_s)
    await tell_of_death(crashed)
    await publish_reaped(reaped)
    look = await put_back_overdue()
    for name in look.silent:
        get_run_logger().warning("%s does not answer: its sources are not looked at.", inert(name))
    for one in look.sources:
        get_run_logger().warning(inert(one.sentence))
    await publish_overdue(look.sources)
    if left := [one for one in look.sources if one.why]:
        raise Failed(
            " ".join(one.sentence for one in left),
            "Start each by hand; the next 'reconcile' tries again until then.",
        )
    return {
        "crashed": [asdict(one) for one in reaped],
        "put_back": [asdict(one) for one in look.sources],
    }
