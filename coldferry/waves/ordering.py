"""Which machine is halted, and which started, before which.

``after`` says of each row the rows that it starts after: an application after
its database. Starting goes along it and stopping against it: a machine is
halted only once all that start after it are down. Copying is never ordered.

A graph is ``{name: names it starts after}``, in the manifest's order; names
that are not in it are left out of account.
"""

import heapq
from collections.abc import Collection, Iterable, Mapping, Sequence
from functools import lru_cache
from graphlib import CycleError, TopologicalSorter
from types import MappingProxyType
from typing import NamedTuple

Graph = Mapping[str, Collection[str]]


def cycles(after: Graph) -> list[tuple[str, ...]]:
    """Every knot as a path that ends where it begins; each row is in one at most.

    ``("app", "db", "app")`` reads: app starts after db, which starts after app.
    """
    left = {name: [one for one in names if one in after] for name, names in after.items()}
    found = []
    while True:
        try:
            TopologicalSorter(left).prepare()
        except CycleError as knot:
            path = tuple(reversed(knot.args[1]))
            found.append(path)
            left = {
                name: [one for one in names if one not in path]
                for name, names in left.items()
                if name not in path
            }
        else:
            return found


def start_order(after: Graph) -> Sequence[str]:
    """All rows, each behind those that it starts after, else as the manifest has them."""
    return _order(_frozen(after)).starting


def stop_order(after: Graph) -> Sequence[str]:
    """All rows, each behind those that start after it, else as the manifest has them."""
    return _order(_frozen(after)).stopping


def needs(after: Graph) -> Mapping[str, frozenset[str]]:
    """Of each row all that it starts after, directly or not."""
    return _order(_frozen(after)).needs


def needed_by(after: Graph) -> Mapping[str, frozenset[str]]:
    """Of each row all that start after it, directly or not."""
    return _order(_frozen(after)).needed_by


def may_halt(after: Graph, down: Collection[str]) -> list[str]:
    """The rows that may be halted now, those not in ``down``; in the order of stopping.

    ``down`` are those that are halted already, or whose part in the wave is over.
    """
    return _ready(needed_by(after), stop_order(after), down)


def may_start(after: Graph, started: Collection[str]) -> list[str]:
    """The rows that may be started now at the target, in the order of starting."""
    return _ready(needs(after), start_order(after), started)


def depth(after: Graph) -> int:
    """How many rows the longest chain has."""
    longest: dict[str, int] = {}
    for name in start_order(after):
        longest[name] = 1 + max((longest.get(one, 0) for one in after[name]), default=0)
    return max(longest.values(), default=0)


_Frozen = tuple[tuple[str, tuple[str, ...]], ...]


class _Order(NamedTuple):
    starting: tuple[str, ...]
    stopping: tuple[str, ...]
    needs: Mapping[str, frozenset[str]]
    needed_by: Mapping[str, frozenset[str]]


def _frozen(after: Graph) -> _Frozen:
    return tuple((name, tuple(names)) for name, names in after.items())


@lru_cache(maxsize=16)
def _order(after: _Frozen) -> _Order:
    """All that follows from a graph; a page asks for it once for each of its rows."""
    along: Graph = dict(after)
    against = _turned(along)
    starting, stopping = _sorted(along, along), _sorted(along, against)
    return _Order(
        tuple(starting),
        tuple(stopping),
        MappingProxyType(_closed(along, starting)),
        MappingProxyType(_closed(against, stopping)),
    )


def _ready(
    behind: Mapping[str, frozenset[str]], order: Iterable[str], over: Collection[str]
) -> list[str]:
    past = frozenset(over)
    return [name for name in order if name not in past and behind[name] <= past]


def _turned(after: Graph) -> dict[str, list[str]]:
    turned: dict[str, list[str]] = {name: [] for name in after}
    for name, names in after.items():
        for one in dict.fromkeys(names):
            if one in turned:
                turned[one].append(name)
    return turned


def _closed(behind: Graph, order: Iterable[str]) -> dict[str, frozenset[str]]:
    """``order`` has each name behind those that it is ``behind``."""
    closed: dict[str, frozenset[str]] = {}
    for name in order:
        direct = [one for one in behind[name] if one in closed]
        closed[name] = frozenset(direct).union(*(closed[one] for one in direct))
    return closed


def _sorted(rows: Iterable[str], behind: Graph) -> list[str]:
    """Kahn's way, the earliest in the manifest first. Rows in a knot are left out."""
    place = {name: at for at, name in enumerate(rows)}
    open_ = {name: {one for one in behind[name] if one in place} for name in place}
    then = _turned(behind)
    ready = [place[name] for name, names in open_.items() if not names]
    heapq.heapify(ready)
    names_of = list(place)
    order = []
    while ready:
        name = names_of[heapq.heappop(ready)]
        order.append(name)
        for later in then[name]:
            open_[later].discard(name)
            if not open_[later]:
                heapq.heappush(ready, place[later])
    return order
