"""Rows one after another as their order allows, and side by side where it does."""

from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextvars import copy_context
from typing import TypeVar

from coldferry.errors import ColdferryError

T = TypeVar("T")

AT_ONCE = 8
"""Machines looked at side by side: what a cloud's API takes without throttling."""


def walk(
    ready: Callable[[Mapping[str, T], Mapping[str, ColdferryError]], Iterable[str]],
    act: Callable[[str], T],
    at_once: int,
) -> tuple[dict[str, T], dict[str, ColdferryError]]:
    """``act`` once for each row that ``ready`` names, until it names no other.

    ``ready`` is told what came of those that are over, and what they raised; it is asked again
    whenever one ended, and nothing is begun that it does not name then. A defect is raised once
    what was begun beside it has ended.
    """
    done, failed = dict[str, T](), dict[str, ColdferryError]()
    going: dict[Future[T], str] = {}
    begun: set[str] = set()
    with ThreadPoolExecutor(at_once, "coldferry-walk") as pool:
        try:
            while True:
                for name in ready(done, failed):
                    # What waited in the pool's queue would be begun whatever failed meanwhile.
                    if name not in begun and len(going) < at_once:
                        begun.add(name)
                        going[pool.submit(copy_context().run, act, name)] = name
                if not going:
                    return done, failed
                for ended in wait(going, return_when=FIRST_COMPLETED).done:
                    name = going.pop(ended)
                    try:
                        done[name] = ended.result()
                    except ColdferryError as error:
                        failed[name] = error
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            raise


def each(
    names: Iterable[str], act: Callable[[str], T]
) -> tuple[dict[str, T], dict[str, ColdferryError]]:
    """``act`` for each of them side by side; what came of them, and what they raised, in order."""
    every = list(names)
    done, failed = walk(lambda _done, _failed: every, act, AT_ONCE)
    return (
        {name: done[name] for name in every if name in done},
        {name: failed[name] for name in every if name in failed},
    )
