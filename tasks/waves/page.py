"""A wave's page: one artifact of its run that moves as its rows do."""

from collections.abc import Mapping
from contextlib import suppress
from datetime import UTC, datetime
from uuid import UUID

from prefect.artifacts import acreate_markdown_artifact
from prefect.client.orchestration import get_client
from prefect.client.schemas.actions import ArtifactUpdate

from coldferry.migration import slug
from coldferry.waves.progress import Standing, States
from coldferry.waves.table import as_markdown
from coldferry.waves.wave import Wave
from tasks.waves.children import API_AWAY


class Page:
    """Written when a row moved. Prefect's API failing costs the page and nothing else."""

    def __init__(self, wave: Wave) -> None:
        self._wave = wave
        self._shown: Mapping[str, Standing] = {}
        self._artifact: UUID | None = None

    async def show(self, states: States) -> None:
        """Show the rows as they stand, unless they are shown so already."""
        if states == self._shown:
            return
        text = as_markdown(self._wave, states, datetime.now(UTC))
        with suppress(*API_AWAY):
            await self._write(text)
            self._shown = dict(states)

    async def _write(self, text: str) -> None:
        if self._artifact is None:
            key = f"wave-{slug(self._wave.name)}"
            self._artifact = await acreate_markdown_artifact(text, key, f"Wave {self._wave.name}")
            return
        async with get_client() as client:
            await client.update_artifact(self._artifact, ArtifactUpdate(data=text))
