"""What was written to a volume between two of its snapshots: the blocks that differ.

Source: ListChangedBlocks of the EBS direct API reference ("Read snapshots with EBS direct APIs"):
blocks of either snapshot, in rising order, by pages that may be empty; only of snapshots of one
volume and lineage. A block that was written with the same bytes may be listed, too.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from coldferry.disk import Extent
from coldferry.errors import ProviderError, Transient
from coldferry.ports import FrozenDisk
from providers.aws.blocks import BLOCK_BYTES
from providers.aws.client import speaking
from providers.aws.session import Clients

PAGE_BLOCKS = 4096
"""Blocks asked for in one listing; each comes with two tokens, about 2 MiB."""

_FEWEST = 100
_GIB = 1 << 30


class StalePage(ProviderError):
    """A page token that EBS no longer takes: the list is begun anew where it is."""


class ChangedBlocks:
    """A :class:`coldferry.disk.Changes`."""

    def __init__(self, clients: Clients, before: str, after: str) -> None:
        """Asks once, to learn whether EBS compares the two."""
        self._ebs = clients.ebs
        self._before, self._after = before, after
        size_gib = self._list(_FEWEST, StartingBlockIndex=0).get("VolumeSize")
        if not isinstance(size_gib, int):
            raise self._odd("does not say how large the volume is")
        self.size_bytes = size_gib * _GIB

    def extents(self, offset: int, length: int) -> Iterator[Extent]:
        """Runs of changed and of other blocks, cut to the window."""
        end = min(offset + length, self.size_bytes)
        at = offset
        for index in self._changed(offset // BLOCK_BYTES, -(-end // BLOCK_BYTES)):
            first, stop = index * BLOCK_BYTES, min((index + 1) * BLOCK_BYTES, end)
            if first > at:
                yield Extent(at, first - at, data=False)
                at = first
            if stop > at:
                yield Extent(at, stop - at)
                at = stop
        if at < end:
            yield Extent(at, end - at, data=False)

    def _changed(self, first: int, stop: int) -> Iterator[int]:
        """Indexes of changed blocks, rising; a page is asked for once it is needed.

        A page's token is good for an hour: a slow copy has the list begin anew where it is.
        """
        asked: dict[str, Any] = {"StartingBlockIndex": first}
        begun = first
        while first < stop:
            try:
                answer = self._list(PAGE_BLOCKS, **asked)
            except StalePage:
                if "NextToken" not in asked or first == begun:
                    raise
                asked, begun = {"StartingBlockIndex": first}, first
                continue
            for row in answer.get("ChangedBlocks", []):
                index = row.get("BlockIndex")
                if not isinstance(index, int) or index < first:
                    # It would be passed over, and what changed there be missed.
                    raise self._odd("is out of order")
                if index >= stop:
                    return
                yield index
                first = index + 1
            if not (more := answer.get("NextToken")):
                return
            asked = {"NextToken": more}

    def _list(self, most: int, **asked: Any) -> Any:
        stale = StalePage(f"EBS does not take the page token of the changes of {self._after}.")
        with speaking("ebs:ListChangedBlocks", self._after, {"INVALID_PAGE_TOKEN": stale}):
            answer: Any = self._ebs.list_changed_blocks(
                FirstSnapshotId=self._before, SecondSnapshotId=self._after, MaxResults=most, **asked
            )
        if answer.get("BlockSize") != BLOCK_BYTES:
            raise self._odd("is of blocks of another size")
        return answer

    def _odd(self, how: str) -> ProviderError:
        return ProviderError(
            f"The list of changed blocks of {self._after} {how}: that is not what AWS documents.",
            "Look at what answers for EBS direct; '--cold' copies after the halt only.",
        )


@contextmanager
def open_changes(
    clients: Clients, before: FrozenDisk, after: FrozenDisk
) -> Iterator[ChangedBlocks | None]:
    """See ``coldferry.abilities.Differing``; there are no connections of its own to close."""
    try:
        found = ChangedBlocks(clients, before.ref, after.ref)
    except Transient:
        raise
    except ProviderError:
        yield None
        return
    yield found if found.size_bytes == after.device.disk.size_bytes else None
