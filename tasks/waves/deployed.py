"""Children as runs of the deployment ``migrate-vm``, on whichever worker has room.

Prefect hands the same run back for the same idempotency key, also one that
crashed: the key has the attempt in it. It raises nothing for a child that
failed, and a cancelled parent leaves its children running: see ``ending``.
"""

from collections.abc import Collection
from uuid import UUID

from prefect import task
from prefect.cache_policies import NO_CACHE
from prefect.client.orchestration import get_client
from prefect.client.schemas.filters import FlowRunFilter, FlowRunFilterId
from prefect.client.schemas.objects import FlowRun
from prefect.deployments.flow_runs import arun_deployment
from prefect.exceptions import ObjectNotFound

from coldferry.errors import BadInput
from coldferry.waves.wave import Row, Wave
from tasks.clouds import Cloud
from tasks.waves.children import ENDS_WITHIN_S, Child, Order, tags_of
from tasks.waves.clouds import Clouds, ends
from tasks.waves.runs import PAGE, as_child, cancel_run, tagged

DEPLOYMENT = "migrate-vm/migrate-vm"


class Deployed:
    """See :class:`tasks.waves.children.Children`."""

    every_s = 5.0
    ends_within_s = ENDS_WITHIN_S
    end_with_us = False

    def __init__(self, wave: Wave, clouds: Clouds) -> None:
        self._wave = wave
        self._clouds = clouds

    async def known(self) -> list[Child]:
        """By the wave's tag."""
        newest: dict[str, Child] = {}
        for child in map(as_child, await tagged(self._wave.name)):
            if child.attempt >= newest.get(child.row, child).attempt:
                newest[child.row] = child
        return list(newest.values())

    async def begin(self, order: Order, attempt: int) -> Child:
        """As a task, so that the wave's graph has it, with the child below it."""
        named = begin.with_options(task_run_name=f"begin {order.row.name}, attempt {attempt}")
        try:
            run = await named(self._wave, order, attempt, *ends(order.row, self._clouds))
        except ObjectNotFound:
            raise BadInput(
                f"There is no deployment {DEPLOYMENT}.", "Deploy it: prefect deploy --all."
            ) from None
        return as_child(run)

    async def look(self, ids: Collection[str]) -> list[Child]:
        """One request for as many as are answered at once."""
        found: list[FlowRun] = []
        every = [UUID(one) for one in ids]
        async with get_client() as client:
            for at in range(0, len(every), PAGE):
                wanted = FlowRunFilter(id=FlowRunFilterId(any_=every[at : at + PAGE]))
                found += await client.read_flow_runs(flow_run_filter=wanted, limit=PAGE)
        return list(map(as_child, found))

    async def cancel(self, child: str) -> None:
        """Its worker ends its process; one that waits for a worker is over at once."""
        await cancel_run(UUID(child))


@task(name="begin", cache_policy=NO_CACHE, persist_result=False)
async def begin(wave: Wave, order: Order, attempt: int, source: Cloud, target: Cloud) -> FlowRun:
    """Hand one machine to the deployment, and do not wait."""
    row: Row = order.row
    return await arun_deployment(
        DEPLOYMENT,
        parameters={
            "source": _reference(source),
            "vm": row.vm,
            "target": _reference(target),
            "answers": order.answers,
            "approved": order.digest,
            **row.options.model_dump(),
        },
        timeout=0,
        idempotency_key=f"{wave.name}/{row.name}/{order.migration}/{attempt}",
        flow_run_name=f"{row.name}: {wave.name}, attempt {attempt}",
        tags=tags_of(wave, row, attempt),
    )


def _reference(cloud: Cloud) -> dict[str, dict[str, str]]:
    """A block as a run's parameter: never its fields."""
    document = cloud._block_document_id  # noqa: SLF001 - Prefect has no other word
    return {"$ref": {"block_document_id": str(document)}}
