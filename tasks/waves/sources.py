"""A wave's sources while it runs: how their tags stand, and how they are put back."""

import asyncio
from contextlib import nullcontext
from dataclasses import replace

from prefect.logging import get_logger

from coldferry.errors import BadInput, ColdferryError
from coldferry.home import alone
from coldferry.migration import State, pair_of
from coldferry.waves.progress import RowState, Standing, standing_of
from coldferry.waves.wave import Row, Wave
from tasks.halting import give_back
from tasks.limiting import change
from tasks.waves.children import API_AWAY
from tasks.waves.clouds import Clouds, ends

_DOING = {
    State.HALTED: "freezing its disks",
    State.COPYING: "copying",
    State.PROVEN: "making the new machine",
}
"""What a machine's state means to who reads the wave's page."""


async def standing_at_source(row: Row, clouds: Clouds) -> Standing | None:
    """As the source's tags tell it, read afresh; None where it does not answer."""
    try:
        return await asyncio.to_thread(_marked, row, clouds)
    except ColdferryError:
        return None


async def put_back(row: Row, clouds: Clouds, migration: str, *, beside: bool = False) -> Standing:
    """Start the source if it ran before, and leave only the attempt's tag; what is copied stays.

    A new machine that runs is stopped first; the source stays halted where that fails.
    One that arrived by now is left as it is. Raises what the clouds raise, and
    Conflict while a run on this machine carries it out, unless it is started
    ``beside`` that. No task: Prefect's API may be away.
    """
    return await asyncio.to_thread(_put_back, row, clouds, migration, beside=beside)


def _put_back(row: Row, clouds: Clouds, migration: str, *, beside: bool) -> Standing:
    named = migration or _marked(row, clouds).migration
    if not named:
        return Standing()
    with nullcontext() if beside else alone(named):  # a run that begins here now finds it held
        marked = _marked(row, clouds)
        if marked.state is not RowState.DONE and marked.migration:
            source, target = ends(row, clouds)
            give_back.fn(source, row.vm, named, State.FAILED, target)
    return marked


def _marked(row: Row, clouds: Clouds) -> Standing:
    source, target = ends(row, clouds)
    origin = source.source()
    marks = origin.marks(row.vm)
    standing = standing_of(marks, pair_of(origin, row.vm, target.target()))
    doing = _DOING.get(marks.state, "") if marks and standing.halted else ""
    return replace(standing, doing=doing)


async def share(wave: Wave, migration: str) -> None:
    """Give a migration its share of the wave's bandwidth, where the wave has a bound."""
    if wave.bytes_per_s is not None:
        await _limit(migration, max(1, wave.bytes_per_s // wave.machines_at_once))


async def unshare(wave: Wave, migration: str) -> None:
    """Take the share back once the migration is over."""
    if wave.bytes_per_s is not None and migration:
        await _limit(migration, 0)


async def _limit(migration: str, bytes_per_s: int) -> None:
    """A limit that cannot be written stops no machine."""
    try:
        await change("migrations", migration, {"bytes_per_s": bytes_per_s})
    except (BadInput, *API_AWAY) as error:
        get_logger("coldferry").warning("%s has no limit of its own: %s", migration, error)
