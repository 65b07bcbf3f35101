"""Find runs that a dead worker left Running, and make them retryable."""

from dataclasses import asdict
from typing import Annotated, Any

from prefect import flow
from pydantic import Field

from tasks.failing import tell_of_death
from tasks.reaping import publish_reaped, reap
from tasks.runs import SILENT_S


@flow(name="reconcile", flow_run_name="runs without a sign of life")
async def reconcile(silent_for_s: Annotated[int, Field(ge=60)] = SILENT_S) -> dict[str, Any]:
    """Set runs to Crashed that sent no heartbeat for so long; one that waits for a form is not.

    Args:
        silent_for_s: How long a run may be silent, in seconds. Our runs send a heartbeat
            every 30 s; give more where a worker was told to send fewer.
    """
    reaped, crashed = await reap(silent_for_s)
    await tell_of_death(crashed)
    await publish_reaped(reaped)
    return {"crashed": [asdict(one) for one in reaped]}
