"""A wave's page: one artifact of its run that moves as its rows do."""

from collections.abc import Mapping, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from uuid import UUID

from prefect.artifacts import acreate_markdown_artifact
from prefect.client.orchestration import get_client
from prefect.client.schemas.actions import ArtifactUpdate

from coldferry.estimating import Estimate
from coldferry.migration import slug
from coldferry.waves.expecting import expect, steady
from coldferry.waves.progress import Standing, States
from coldferry.waves.table import as_markdown
from coldferry.waves.wave import Wave
from tasks.waves.children import API_AWAY
from tasks.waves.watching import Progress


class Page:
    """Written when a row or what is expected moved.

    Prefect's API failing costs the page and nothing else.
    """

    def __init__(self, wave: Wave) -> None:
        self._wave = wave
        self._shown: Mapping[str, Standing] = {}
        self._told: Mapping[str, Standing] = {}
        self._estimates: dict[str, Estimate] = {}
        self._progress = Progress()
        self._artifact: UUID | None = None

    def heed(self, estimates: Mapping[str, Estimate], copies: Mapping[str, Sequence[str]]) -> None:
        """Expect arrivals by these estimates, and by the progress of copies under these keys."""
        self._estimates |= estimates
        self._progress.heed(copies)

    async def show(self, states: States) -> None:
        """Show the rows as they stand, unless they are shown so already."""
        now = datetime.now(UTC)
        if states == self._told and not self._progress.due(now):
            return
        self._told = dict(states)
        seen = await self._progress.look(states, now)
        expected = expect(self._wave, self._estimates, states, seen, now)
        expected = steady(self._shown, expected)
        if expected == self._shown:
            return
        text = as_markdown(self._wave, expected, now)
        with suppress(*API_AWAY):
            await self._write(text)
            self._shown = expected

    async def _write(self, text: str) -> None:
        if self._artifact is None:
            key = f"wave-{slug(self._wave.name)}"
            self._artifact = await acreate_markdown_artifact(text, key, f"Wave {self._wave.name}")
            return
        async with get_client() as client:
            await client.update_artifact(self._artifact, ArtifactUpdate(data=text))
