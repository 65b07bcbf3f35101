"""What a wave's run keeps while it is suspended: how its rows ended so far, or why they wait.

A resumed run begins anew. Without this it would try again what had failed before
it asked; a retry, which finds nothing kept, does just that.
"""

import json
from dataclasses import asdict
from typing import Any
from uuid import UUID

import httpx
from prefect import runtime
from prefect.client.orchestration import get_client

from coldferry.waves.progress import RowState, Standing, States
from coldferry.waves.standing import STOPPED

_KEY = "coldferry-wave"
_FIELDS = ("state", "why", "halted", "migration", "tries", "stuck")


async def keep_ended(states: States) -> None:
    """Before the run is suspended."""
    await forget_ended()
    kept = STOPPED | {RowState.WAITING}
    over = {name: _plain(one) for name, one in states.items() if one.state in kept}
    async with get_client() as client:
        await client.create_flow_run_input(_this_run(), _KEY, json.dumps(over))


async def recall_ended() -> dict[str, Standing]:
    """After it was; nothing in a run that was not."""
    if runtime.deployment.id is None:
        return {}
    async with get_client() as client:
        try:
            told = await client.read_flow_run_input(_this_run(), _KEY)
        except httpx.HTTPStatusError as error:
            if error.response.status_code != httpx.codes.NOT_FOUND:
                raise
            return {}
    kept: dict[str, dict[str, Any]] = json.loads(told)
    return {
        name: Standing(**{**one, "state": RowState(one["state"])}) for name, one in kept.items()
    }


async def forget_ended() -> None:
    """Once the run goes on."""
    if runtime.deployment.id is None:
        return
    async with get_client() as client:
        try:
            await client.delete_flow_run_input(_this_run(), _KEY)
        except httpx.HTTPStatusError as error:
            if error.response.status_code != httpx.codes.NOT_FOUND:
                raise


def _plain(standing: Standing) -> dict[str, Any]:
    told = asdict(standing)
    return {name: told[name] for name in _FIELDS}


def _this_run() -> UUID:
    return UUID(str(runtime.flow_run.id))
