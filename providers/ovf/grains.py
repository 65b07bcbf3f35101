"""From a table of grains to the extents of a disk: neighbours of one kind are one."""

from collections.abc import Iterable, Iterator

from coldferry.disk import Extent


def merged(grains: Iterable[tuple[int, int, bool]], offset: int, end: int) -> Iterator[Extent]:
    """``(start, stop, data)`` of grains that lie side by side, cut to the window and joined."""
    begun, at, kind = offset, offset, False
    for start, stop, data in grains:
        if stop <= offset:
            continue
        if start >= end:
            break
        if data is not kind and at > begun:
            yield Extent(begun, at - begun, kind)
            begun = at
        kind, at = data, min(stop, end)
    if at > begun:
        yield Extent(begun, at - begun, kind)
