"""Telling of a failed run: as its first artifact, and as an event that notifications follow."""

from datetime import UTC, datetime
from uuid import uuid4

from prefect.client.orchestration import PrefectClient, get_client
from prefect.client.schemas.actions import ArtifactCreate
from prefect.client.schemas.objects import FlowRun

from coldferry.alarm import Alarm, as_markdown, as_text
from coldferry.plain import inert, plain

EVENT = "coldferry.run.failed"
"""What automations wait for; its payload has ``subject``, ``text`` and ``commands``."""


async def publish(run: FlowRun, flow: str, alarm: Alarm, key: str, summary: str) -> None:
    """Write the artifact to the run that failed, then send the event about it.

    Raises what Prefect's API raises: the caller may tell again.
    """
    artifact = ArtifactCreate(
        key=key,
        type="markdown",
        data=as_markdown(alarm),
        description=plain(summary),
        flow_run_id=run.id,
    )
    async with get_client() as client:
        await client.create_artifact(artifact)
        await _send(client, run, flow, alarm, summary)


async def _send(client: PrefectClient, run: FlowRun, flow: str, alarm: Alarm, summary: str) -> None:
    """At once, and not by Prefect's own queue: this process may be about to end."""
    event = {
        "id": str(uuid4()),
        "occurred": datetime.now(UTC).isoformat(),
        "event": EVENT,
        "resource": {
            "prefect.resource.id": f"prefect.flow-run.{run.id}",
            "prefect.resource.name": run.name,
        },
        "related": [
            {
                "prefect.resource.id": f"prefect.flow.{run.flow_id}",
                "prefect.resource.role": "flow",
                "prefect.resource.name": flow,
            }
        ],
        "payload": {
            "subject": inert(summary),
            "text": as_text(alarm),
            "commands": [command for command, _ in alarm.commands],
        },
    }
    answer = await client.request("POST", "/events", json=[event])
    answer.raise_for_status()
