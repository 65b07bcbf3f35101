"""A machine that is halted already does not queue for a cloud's limit."""

import asyncio

from prefect.client.orchestration import get_client
from prefect.client.schemas.actions import GlobalConcurrencyLimitCreate
from prefect.concurrency.asyncio import concurrency

from tasks.turns import limit_name, turn
from tests.conformance.worlds import a_source
from tests.journeys.clouds import lend_source


def test_a_halted_source_waits_for_no_limit_and_another_does(prefect_api):
    block = lend_source(a_source())
    name = limit_name(block)

    async def entered(*, halted):
        async with turn(f"web-there-00c0ffee-a{1 + halted}", block, halted=halted):
            return True

    async def both():
        async with get_client() as client:
            made = GlobalConcurrencyLimitCreate(name=name, limit=1)
            await client.create_global_concurrency_limit(made)
        async with concurrency(name):  # somebody else has the only slot
            waits = asyncio.create_task(entered(halted=False))
            goes = await entered(halted=True)
            waited = not waits.done()
            waits.cancel()
            await asyncio.gather(waits, return_exceptions=True)
            return goes, waited

    assert asyncio.run(both()) == (True, True)
