"""How far the copies of a wave's rows are, from the progress that their runs show."""

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import datetime, timedelta

import httpx
from prefect.client.orchestration import get_client
from prefect.client.schemas.filters import ArtifactCollectionFilter, ArtifactCollectionFilterKey
from prefect.exceptions import PrefectHTTPStatusError

from coldferry.waves.expecting import Copied, Seen
from coldferry.waves.standing import ACTIVE, RowState, States

EVERY = timedelta(seconds=10)
"""How often Prefect's API is asked, for all rows at once."""


class Progress:
    """What was seen of each row that is under way, since this run looks at it."""

    def __init__(self) -> None:
        self._keys: dict[str, Sequence[str]] = {}
        self._seen: dict[str, Seen] = {}
        self._states: dict[str, RowState] = {}
        self._asked: datetime | None = None

    def heed(self, copies: Mapping[str, Sequence[str]]) -> None:
        """The keys of the progress of a row's copies, by row."""
        self._keys |= copies

    def due(self, now: datetime) -> bool:
        """It is time to ask again: something is copied."""
        return any(state in ACTIVE for state in self._states.values()) and (
            self._asked is None or now - self._asked >= EVERY
        )

    async def look(self, states: States, now: datetime) -> dict[str, Seen]:
        """By row. An API that does not answer leaves what was seen before."""
        for name, one in states.items():
            if one.state is not self._states.get(name):
                self._states[name] = one.state
                self._seen[name] = Seen(since=now)
        halted = [name for name, one in states.items() if one.state is RowState.HALTED]
        if halted and (self._asked is None or now - self._asked >= EVERY):
            self._asked = now
            with suppress(PrefectHTTPStatusError, httpx.TransportError):
                await self._ask(halted)
        elif not halted:
            self._asked = now
        return dict(self._seen)

    async def _ask(self, names: Sequence[str]) -> None:
        rows = {key: name for name in names for key in self._keys.get(name, ())}
        if not rows:
            return
        wanted = ArtifactCollectionFilter(key=ArtifactCollectionFilterKey(any_=list(rows)))
        async with get_client() as client:
            found = await client.read_latest_artifacts(artifact_filter=wanted)
        told: dict[str, list[Copied]] = {}
        for one in found:
            name, at, part = rows.get(one.key), one.updated, _part(one.data)
            # What an earlier run of the migration showed is no word of this one.
            if name is not None and at and part is not None and at >= self._seen[name].since:
                told.setdefault(name, []).append(Copied(at, part))
        for name, copies in told.items():
            # All disks are copied at the same time: the slowest says when that is over.
            last, before = min(copies, key=lambda one: one.part), self._seen[name]
            self._seen[name] = replace(before, first=before.first or last, last=last)


def _part(data: object) -> float | None:
    """Prefect keeps a progress artifact's percent."""
    return min(1.0, max(0.0, data / 100)) if isinstance(data, int | float) else None
