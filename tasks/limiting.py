"""How fast copies may go, as a Prefect variable says while they run."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from functools import cache
from pathlib import Path
from typing import Any
from weakref import WeakKeyDictionary

import httpx
from prefect.exceptions import PrefectHTTPStatusError
from prefect.logging import get_run_logger
from prefect.variables import Variable

from coldferry.copying import LIMITS, LimitsFile, parse_limits
from coldferry.errors import BadInput
from coldferry.home import home

VARIABLE = "coldferry_limits"
_EVERY_S = 2.0


def limits() -> LimitsFile:
    """One for the process: its disks share what a cloud and a migration may take.

    The home's file holds for one machine; of a name that the variable has too, the variable counts.
    """
    return _of(home() / LIMITS)


@cache
def _of(path: Path) -> LimitsFile:
    return LimitsFile(path)


async def said() -> Any:
    """The variable's value; an empty document when there is none."""
    return await Variable.aget(VARIABLE, default={}) or {}


@asynccontextmanager
async def heeded() -> AsyncIterator[None]:
    """Take over what the variable says, before what is done inside and every two seconds of it.

    A faulty variable, or an API that does not answer, leaves all as it was; the log says so.
    """
    heard = await _hear(None)
    listening = asyncio.create_task(_listen(heard))
    try:
        yield
    finally:
        listening.cancel()
        with suppress(asyncio.CancelledError):
            await listening


async def _listen(heard: Any) -> None:
    while True:
        await asyncio.sleep(_EVERY_S)
        heard = await _hear(heard)


async def _hear(before: Any) -> Any:
    """What the variable says now; what it said ``before`` where that could not be told."""
    try:
        now = await said()
    except (PrefectHTTPStatusError, httpx.TransportError):
        return before
    if now != before:
        try:
            limits().tell(parse_limits(now, f"The variable {VARIABLE}"))
        except BadInput as error:
            get_run_logger().warning(str(error))
    return now


async def change(kind: str, name: str, changes: Mapping[str, float]) -> Any:
    """Set or, by 0, end limits of one name; the whole document as it is then.

    Changes by one process follow one another: none is lost to another that was made of the
    same document. Raises BadInput when what the variable holds is no such document.
    """
    async with _writing.setdefault(asyncio.get_running_loop(), asyncio.Lock()):
        return await _change(kind, name, changes)


_writing: "WeakKeyDictionary[asyncio.AbstractEventLoop, asyncio.Lock]" = WeakKeyDictionary()


async def _change(kind: str, name: str, changes: Mapping[str, float]) -> Any:
    document = await said()
    parse_limits(document, f"The variable {VARIABLE}")
    names = dict(document.get(kind, {}))
    bounds = {**names.get(name, {}), **changes}
    names[name] = {field: value for field, value in bounds.items() if value}
    changed = {**document, kind: {n: found for n, found in names.items() if found}}
    changed = {part: found for part, found in changed.items() if found}
    await Variable.aset(VARIABLE, changed, overwrite=True)
    return changed
