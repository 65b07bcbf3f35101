"""Say what bears our tags in all saved clouds: whose it is, and what it costs a day."""

from typing import Any

from prefect import flow

from coldferry.audited import as_json
from tasks.auditing import look_everywhere, publish_audit, weigh
from tasks.saved import saved_clouds


@flow(name="audit", flow_run_name="what bears our tags")
async def audit() -> dict[str, Any]:
    """List all that bears our tags, to which migration it belongs, and whether that one lives.

    Nothing is changed anywhere.
    """
    clouds, broken = await saved_clouds()
    seen, silent = await look_everywhere(clouds)
    found = weigh(seen, [*silent, *broken])
    await publish_audit(found)
    return as_json(found)
