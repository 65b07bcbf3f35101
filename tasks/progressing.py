"""How far a disk's copy is, as an artifact that a person opens in the Prefect UI."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from uuid import UUID

import httpx
from prefect.artifacts import acreate_progress_artifact, aupdate_progress_artifact
from prefect.exceptions import PrefectHTTPStatusError

from coldferry.plain import size
from coldferry.progress import Rate, label, unwatch, watch

EVERY_S = 2.0
"""An artifact is a row in Prefect's database: no more often than a person looks."""


class _Seen:
    """What was announced of one device, from any thread."""

    def __init__(self, migration: str, device: str) -> None:
        self.device = device
        self._label = label(migration, device)
        self.done_bytes = 0
        self.total_bytes: int | None = None
        self._rate = Rate()

    def moved(self, device: str, done_bytes: int, total_bytes: int) -> None:
        """See :data:`coldferry.ports.OnProgress`."""
        if device == self._label:
            self._rate.note(time.monotonic(), done_bytes)
            self.done_bytes, self.total_bytes = done_bytes, total_bytes

    @property
    def percent(self) -> float:
        """Of what is allocated; all of nothing is 100."""
        return round(100 * self.done_bytes / self.total_bytes, 1) if self.total_bytes else 100.0

    @property
    def words(self) -> str:
        """``81 MiB of 120 MiB, 40 MiB/s, 1 s left``."""
        total = self.total_bytes or 0
        told = [f"{self.device}: {size(self.done_bytes)} of {size(total)}"]
        rate, left_s = self._rate.bytes_per_s, self._rate.eta_s(total)
        if rate and self.done_bytes < total:
            told.append(f"{size(int(rate))}/s")
        if left_s is not None and self.done_bytes < total:
            told.append(f"{duration(left_s)} left")
        return ", ".join(told)


def duration(seconds: float) -> str:
    """``59 s``, ``2 min``, ``3 h 20 min``: as exact as a guess may be."""
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    hours, minutes = divmod(round(whole / 60), 60)
    return f"{hours} h {minutes} min" if hours else f"{minutes} min"


@asynccontextmanager
async def shown(migration: str, device: str) -> AsyncIterator[None]:
    """Keep a progress artifact of what is announced inside of ``device``.

    It is begun with the first announcement, which knows all bytes, and written
    at most every two seconds and at the end. Prefect's API failing costs the
    artifact and nothing else.
    """
    seen = _Seen(migration, device)
    watch(seen.moved)
    writing = asyncio.create_task(_keep(seen, f"copy-{migration}-{device}"))
    try:
        yield
    finally:
        unwatch(seen.moved)
        writing.cancel()
        with suppress(asyncio.CancelledError):
            await writing


async def _keep(seen: _Seen, key: str) -> None:
    artifact: UUID | None = None
    told = ""
    try:
        while True:
            if seen.total_bytes is not None and seen.words != told:
                told = seen.words
                artifact = await _write(seen, key, artifact)
            await asyncio.sleep(EVERY_S)
    finally:
        if seen.total_bytes is not None and seen.words != told:
            await _write(seen, key, artifact)


async def _write(seen: _Seen, key: str, artifact: UUID | None) -> UUID | None:
    with suppress(PrefectHTTPStatusError, httpx.TransportError):
        if artifact is None:
            return await acreate_progress_artifact(seen.percent, key, seen.words)
        await aupdate_progress_artifact(artifact, progress=seen.percent, description=seen.words)
    return artifact
