"""What a disk's bytes are, independent of where they are allocated.

A leaf is 512 KiB of content, zeros included: the size that EBS direct checks,
so that one digest serves the read, the write and the proof. A grain is 64 KiB:
the smallest hole worth leaving out. The last leaf is padded with zeros to a
whole one, and the root ends with the last leaf that is not zero, so that a
target that rounds a disk up to GiB or MiB has the same root.
"""

import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

LEAF_BYTES = 512 * 1024
GRAIN_BYTES = 64 * 1024
GRAINS_PER_LEAF = LEAF_BYTES // GRAIN_BYTES
PAGE_BYTES = 4096

_ZERO_LEAF = bytes(LEAF_BYTES)
_ZERO_GRAIN = bytes(GRAIN_BYTES)
_ZERO_PAGE = bytes(PAGE_BYTES)

ZERO_DIGEST = hashlib.sha256(_ZERO_LEAF).digest()


@dataclass(frozen=True)
class Content:
    """One leaf's digest, its non-zero grains (bit n: grain n) and count of non-zero 4 KiB pages."""

    digest: bytes
    grains: int
    pages: int

    @property
    def zero(self) -> bool:
        """Nothing but zeros."""
        return self.grains == 0


ZERO = Content(ZERO_DIGEST, 0, 0)


def content(leaf: bytearray) -> Content:
    """Look at one whole leaf (exactly LEAF_BYTES, padded with zeros)."""
    if leaf == _ZERO_LEAF:
        return ZERO
    grains = 0
    pages = 0
    for index in range(GRAINS_PER_LEAF):
        start = index * GRAIN_BYTES
        if leaf.startswith(_ZERO_GRAIN, start):
            continue
        grains |= 1 << index
        pages += sum(
            not leaf.startswith(_ZERO_PAGE, page)
            for page in range(start, start + GRAIN_BYTES, PAGE_BYTES)
        )
    return Content(hashlib.sha256(leaf).digest(), grains, pages)


def runs(grains: int, length: int) -> Iterator[tuple[int, int, bool]]:
    """``(offset, length, data)`` runs of a leaf that holds ``length`` bytes of disk."""
    start = 0
    while start < length:
        data = bool(grains >> (start // GRAIN_BYTES) & 1)
        end = start + GRAIN_BYTES
        while end < length and bool(grains >> (end // GRAIN_BYTES) & 1) is data:
            end += GRAIN_BYTES
        yield start, min(end, length) - start, data
        start = end


def root(digests: Iterable[tuple[int, bytes]]) -> str:
    """The Merkle root (hex) over ``(leaf index, digest)`` in rising order, zeros left out.

    Leaves that are not named are zero. A node is SHA-256 over 0x01, left,
    right; a list is split at the largest power of two below its length, as in
    RFC 6962 section 2.1; leaves are the raw digests. An all-zero disk has the
    digest of nothing.
    """
    peaks: list[tuple[int, bytes]] = []
    count = 0
    for index, leaf_digest in digests:
        if leaf_digest == ZERO_DIGEST:
            continue
        for _ in range(index - count):
            _push(peaks, ZERO_DIGEST)
        _push(peaks, leaf_digest)
        count = index + 1
    if not peaks:
        return hashlib.sha256(b"").hexdigest()
    node = peaks.pop()[1]
    while peaks:
        node = _node(peaks.pop()[1], node)
    return node.hex()


def _push(peaks: list[tuple[int, bytes]], leaf_digest: bytes) -> None:
    """Add a leaf to the list of perfect subtrees, as a binary counter carries."""
    height, node = 0, leaf_digest
    while peaks and peaks[-1][0] == height:
        node = _node(peaks.pop()[1], node)
        height += 1
    peaks.append((height, node))


def _node(left: bytes, right: bytes) -> bytes:
    return hashlib.sha256(b"\x01" + left + right).digest()
