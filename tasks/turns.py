"""Whose turn it is: one run a migration, and as many at a cloud as a team's limits allow."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager

from prefect.client.orchestration import get_client
from prefect.concurrency.asyncio import concurrency
from prefect.exceptions import ObjectNotFound

from coldferry.home import alone
from tasks.clouds import Cloud


def limit_name(cloud: Cloud) -> str:
    """The name of the global concurrency limit that a team may make for a saved cloud."""
    return f"coldferry-{cloud._block_document_name}"  # noqa: SLF001 - Prefect has no other word


@asynccontextmanager
async def turn(migration: str, *clouds: Cloud, halted: bool = False) -> AsyncIterator[None]:
    """Wait for a slot of each cloud's limit, where there is one; then be alone with the migration.

    Waited for before anything is halted: one whose source is ``halted`` already goes on beside
    the limit, or it would be down for as long as others take. A limit is not a lock: one whose
    lease is lost while a machine is halted ends nothing. Raises Conflict as
    :func:`coldferry.home.alone` does.
    """
    async with AsyncExitStack() as held:
        if not halted and (names := await _limited(clouds)):
            await held.enter_async_context(
                concurrency(names, occupy=1, raise_on_lease_renewal_failure=False)
            )
        held.enter_context(alone(migration))
        yield


async def _limited(clouds: tuple[Cloud, ...]) -> list[str]:
    """Names of the limits that are there, each once; Prefect warns of every other one."""
    found = []
    async with get_client() as client:
        for name in sorted({limit_name(cloud) for cloud in clouds}):
            try:
                await client.read_global_concurrency_limit_by_name(name)
            except ObjectNotFound:
                continue
            found.append(name)
    return found
