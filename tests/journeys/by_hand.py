"""Parts of a deployment's run that this process carries out in the worker's place.

A worker starts two processes whenever a run begins or goes on, and each imports Prefect and the
SDKs anew: seven seconds of CPU. What a form asks, and what is asked after it, does not depend on
that; what the answer comes to in the end is left to the worker.
"""

import asyncio
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager, suppress
from inspect import isawaitable
from typing import Any
from uuid import UUID

from prefect.client.orchestration import get_client
from prefect.exceptions import Pause
from prefect.flow_engine import run_flow
from prefect.flows import Flow

from console.serving import POOL
from tests.journeys.serving import Served


class ByHand:
    """Runs of one flow; each method answers the run when it asks, or has ended."""

    def __init__(self, served: Served, flow: Flow[..., Any]) -> None:
        self._served, self._flow = served, flow

    def order(self, **parameters: Any) -> Any:
        """Begin a run as its form does."""
        return self.carry_out(lambda: self._served.order(self._flow.name, **parameters))

    def answer(self, run: Any, **said: str) -> Any:
        """Send the form of a run, which must be taken."""

        def send() -> str:
            told = self._served.resume(run["id"], **said)
            assert told["status"] == "ACCEPT", told
            return str(run["id"])

        return self.carry_out(send)

    def carry_out(self, make_due: Callable[[], str]) -> Any:
        """Carry out the run that ``make_due`` makes due; it answers the run's id."""
        with ThreadPoolExecutor(1) as apart:  # an event loop may run in this thread
            with self._unseen():
                run = make_due()
                part = apart.submit(self._part, run)
                self._begun(run, part)
            part.result()
        return self._served.run(run)

    @contextmanager
    def _unseen(self) -> Iterator[None]:
        """Of a pool that is paused, the worker is given no run."""
        self._served.api("PATCH", f"/work_pools/{POOL}", {"is_paused": True})
        try:
            yield
        finally:
            self._served.api("PATCH", f"/work_pools/{POOL}", {"is_paused": False})

    def _begun(self, run: str, part: "Future[None]") -> None:
        while not part.done() and self._served.run(run)["state"]["type"] == "SCHEDULED":
            time.sleep(0.1)

    def _part(self, run: str) -> None:
        with self._served.sandbox.inside(), suppress(Pause):
            with get_client(sync_client=True) as client:
                seen = client.read_flow_run(UUID(run))
            begun = run_flow(self._flow, flow_run=seen, return_type="state")
            if isawaitable(begun):
                asyncio.run(_awaited(begun))


async def _awaited(begun: Any) -> None:
    await begun
