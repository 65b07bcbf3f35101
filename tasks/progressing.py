"""How far a disk's copy is, as an artifact that a person opens in the Prefect UI."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from uuid import UUID

import httpx
from prefect.artifacts import acreate_progress_artifact, aupdate_progress_artifact
from prefect.exceptions import PrefectHTTPStatusError

from coldferry.progress import Seen, unwatch, watch

EVERY_S = 2.0
"""An artifact is a row in Prefect's database: no more often than a person looks."""


def key_of(migration: str, device: str) -> str:
    """What the artifact is found by."""
    return f"copy-{migration}-{device}"


@asynccontextmanager
async def shown(migration: str, device: str, under: str = "") -> AsyncIterator[None]:
    """Keep a progress artifact of what is announced inside of ``device``.

    It is found by the migration's id, or by ``under``: a copy before the halt is no part of
    the one after it.

    It is begun with the first announcement, which knows all bytes, and written
    at most every two seconds and at the end. Prefect's API failing costs the
    artifact and nothing else.
    """
    seen = Seen(device, migration)
    watch(seen.moved)
    writing = asyncio.create_task(_keep(seen, key_of(under or migration, device)))
    try:
        yield
    finally:
        unwatch(seen.moved)
        writing.cancel()
        with suppress(asyncio.CancelledError):
            await writing


async def _keep(seen: Seen, key: str) -> None:
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


async def _write(seen: Seen, key: str, artifact: UUID | None) -> UUID | None:
    with suppress(PrefectHTTPStatusError, httpx.TransportError):
        if artifact is None:
            return await acreate_progress_artifact(seen.percent, key, seen.words)
        await aupdate_progress_artifact(artifact, progress=seen.percent, description=seen.words)
    return artifact
