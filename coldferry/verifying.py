"""Reading a target back: the proof that does not trust the copy's own numbers."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

from coldferry.content import LEAF_BYTES, Content, root
from coldferry.copying import data_leaves, read_leaf
from coldferry.errors import CorruptCopy
from coldferry.manifest import Manifest
from coldferry.ports import DiskReader, Proof

METHOD = (
    "every allocated range read back, SHA-256 of each 512 KiB compared; the rest is unallocated"
)

EARLIER = "read back by an earlier run, before the machine was made that may have written to it"


def read_back(reader: DiskReader, manifest: Manifest, reader_name: str) -> tuple[str, Proof]:
    """The Merkle root of what the target holds, and the proof that it is the source's.

    Raises CorruptCopy naming the first byte ranges that differ.
    """
    workers = max(1, min(8, reader.limits.max_in_flight))
    with ThreadPoolExecutor(workers, thread_name_prefix="read-back") as pool:
        found = dict(_contents(pool, reader, workers))
    expected = {leaf: content.digest for leaf, content in manifest.items() if not content.zero}
    differing = [
        leaf
        for leaf in sorted(expected.keys() | found.keys())
        if expected.get(leaf) != found.get(leaf)
    ]
    if differing:
        ranges = ", ".join(
            f"{leaf * LEAF_BYTES}-{(leaf + 1) * LEAF_BYTES - 1}" for leaf in differing[:4]
        )
        raise CorruptCopy(
            f"The target's disk differs from the source in {len(differing)} places of 512 KiB: "
            f"bytes {ranges}{' …' if len(differing) > 4 else ''}.",
            "Run the same command again: the disk was discarded and is copied anew.",
        )
    return root(sorted(found.items())), Proof(METHOD, reader_name, equal=True)


def _contents(
    pool: ThreadPoolExecutor, reader: DiskReader, workers: int
) -> Iterator[tuple[int, bytes]]:
    leaves = sorted(set(data_leaves(reader)))
    batch = workers * 4

    def one(leaf: int) -> tuple[int, Content]:
        return leaf, read_leaf(reader, leaf, bytearray(LEAF_BYTES))

    for start in range(0, len(leaves), batch):
        for leaf, content in pool.map(one, leaves[start : start + batch]):
            if not content.zero:
                yield leaf, content.digest
