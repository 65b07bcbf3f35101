"""What a disk's bytes are, independent of where they are allocated.

A leaf is 512 KiB of content, zeros included: the size that EBS direct checks,
so that one digest serves the read, the write and the proof. A grain is 64 KiB:
the smallest hole worth leaving out. The last leaf is padded with zeros to a
whole one, and the root ends with the last leaf that is not zero, so that a
target that rounds a disk up to GiB or MiB has the same root.
"""

import hashlib
from collections.abc import Callable, Iterable, Iterator
from functools import cache
from typing import NamedTuple

LEAF_BYTES = 512 * 1024
GRAIN_BYTES = 64 * 1024
GRAINS_PER_LEAF = LEAF_BYTES // GRAIN_BYTES
PAGE_BYTES = 4096

_ZERO_LEAF = bytes(LEAF_BYTES)
_ZERO_GRAIN = bytes(GRAIN_BYTES)
_ZERO_PAGE = bytes(PAGE_BYTES)

ZERO_DIGEST = hashlib.sha256(_ZERO_LEAF).digest()


class Content(NamedTuple):
    """One leaf's digest, its non-zero grains (bit n: grain n) and count of non-zero 4 KiB pages."""

    digest: bytes
    grains: int
    pages: int

    @property
    def zero(self) -> bool:
        """Nothing but zeros."""
        return self.grains == 0


ZERO = Content(ZERO_DIGEST, 0, 0)


Digest = Callable[[memoryview, int], bytes]
"""A leaf's digest; the second is the number of zero grains that the leaf begins with.

Anything but :func:`sha256` proves nothing, and only measures.
"""

_BEGUN = tuple(hashlib.sha256(_ZERO_GRAIN * grains) for grains in range(GRAINS_PER_LEAF))


def sha256(leaf: memoryview, zero_grains: int = 0) -> bytes:
    """The digest that a manifest records: 32 bytes.

    Zeros at its beginning are hashed already: on a disk of small files spread over
    much room (w2 of the benchmarks) that spares 15 % of what is to be hashed.
    """
    begun = _BEGUN[zero_grains].copy()
    begun.update(leaf[zero_grains * GRAIN_BYTES :])
    return begun.digest()


def content(
    buffer: bytearray, start: int = 0, *, digest: Digest = sha256, known: bytes | None = None
) -> Content:
    """Look at one whole leaf, LEAF_BYTES of ``buffer`` from ``start``, padded with zeros.

    ``known`` is its digest where somebody has computed it already.
    """
    grains = 0
    for index in range(GRAINS_PER_LEAF):
        if not buffer.startswith(_ZERO_GRAIN, start + index * GRAIN_BYTES):
            grains |= 1 << index
    if not grains:
        return ZERO
    if known is None:
        with memoryview(buffer) as view:
            zero_grains = (grains & -grains).bit_length() - 1
            known = digest(view[start : start + LEAF_BYTES], zero_grains)
    return Content(known, grains, _pages(buffer, start))


def _pages(buffer: bytearray, start: int) -> int:
    """Pages of a leaf that are not zero; only those that begin with a zero are looked into."""
    first_bytes = buffer[start : start + LEAF_BYTES : PAGE_BYTES]
    pages = len(first_bytes)
    at = first_bytes.find(0)
    while at >= 0:
        pages -= buffer.startswith(_ZERO_PAGE, start + at * PAGE_BYTES)
        at = first_bytes.find(0, at + 1)
    return pages


def runs(grains: int, count: int, unit: int = 1) -> Iterator[tuple[int, int]]:
    """``(first, end)`` grain indexes of the runs of set bits among ``count``.

    Runs are widened to multiples of ``unit`` grains.
    """
    start = None
    for first in range(0, count, unit):
        held = grains >> first & (1 << unit) - 1
        if held and start is None:
            start = first
        elif not held and start is not None:
            yield start, first
            start = None
    if start is not None:
        yield start, count


def root(digests: Iterable[tuple[int, bytes]]) -> str:
    """The Merkle root (hex) over ``(leaf index, digest)`` in rising order; see :class:`Tree`."""
    tree = Tree()
    for index, leaf_digest in digests:
        tree.add(index, leaf_digest)
    return tree.root


class Tree:
    """A Merkle tree that grows from left to right, in memory that its height bounds.

    Leaves that are not named are zero; the tree ends with the last that is
    not. A node is SHA-256 over 0x01, left, right; a list is split at the
    largest power of two below its length, as in RFC 6962 section 2.1; leaves
    are the raw digests. An all-zero disk has the digest of nothing.
    """

    def __init__(self) -> None:
        self._peaks: list[tuple[int, bytes]] = []  # perfect subtrees: height, node
        self._count = 0

    def add(self, index: int, leaf_digest: bytes) -> None:
        """Add a leaf; ``index`` is above every earlier one."""
        if leaf_digest == ZERO_DIGEST:
            return
        while self._count < index:
            # The largest subtree of zeros that stands at this place and does not reach beyond.
            fits = (index - self._count).bit_length() - 1
            stands = (self._count & -self._count).bit_length() - 1 if self._count else fits
            self._push(min(fits, stands), _zeros(min(fits, stands)))
        self._push(0, leaf_digest)

    @property
    def root(self) -> str:
        """The root of what was added, in hex."""
        if not self._peaks:
            return hashlib.sha256(b"").hexdigest()
        node = self._peaks[-1][1]
        for _, left in reversed(self._peaks[:-1]):
            node = _node(left, node)
        return node.hex()

    def _push(self, height: int, node: bytes) -> None:
        """Add a perfect subtree, as a binary counter carries."""
        self._count += 1 << height
        while self._peaks and self._peaks[-1][0] == height:
            node = _node(self._peaks.pop()[1], node)
            height += 1
        self._peaks.append((height, node))


@cache
def _zeros(height: int) -> bytes:
    """The root of a perfect subtree of zero leaves."""
    below = _zeros(height - 1) if height else b""
    return _node(below, below) if height else ZERO_DIGEST


def _node(left: bytes, right: bytes) -> bytes:
    return hashlib.sha256(b"\x01" + left + right).digest()
