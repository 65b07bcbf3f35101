"""Digests, grains and the Merkle root."""

import hashlib
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from coldferry.content import GRAIN_BYTES, LEAF_BYTES, ZERO, ZERO_DIGEST, content, root, runs


def _rfc6962(leaves: list[bytes]) -> bytes:
    """The tree as the RFC words it, recursively: the oracle."""
    if len(leaves) == 1:
        return leaves[0]
    split = 1
    while split * 2 < len(leaves):
        split *= 2
    left, right = _rfc6962(leaves[:split]), _rfc6962(leaves[split:])
    return hashlib.sha256(b"\x01" + left + right).digest()


@given(st.sets(st.integers(0, 70), min_size=1))
def test_the_root_is_the_rfc_s_tree_up_to_the_last_leaf_that_is_not_zero(places):
    digests = {place: hashlib.sha256(bytes([place])).digest() for place in places}
    leaves = [digests.get(index, ZERO_DIGEST) for index in range(max(places) + 1)]

    assert root(sorted(digests.items())) == _rfc6962(leaves).hex()


@given(st.sets(st.integers(0, 40)), st.sets(st.integers(0, 60)))
def test_the_root_does_not_depend_on_which_zero_leaves_are_named(places, zeros):
    digests = {place: hashlib.sha256(bytes([place])).digest() for place in places}
    named = dict.fromkeys(zeros, ZERO_DIGEST) | digests

    assert root(sorted(named.items())) == root(sorted(digests.items()))


def test_an_empty_disk_has_the_digest_of_nothing():
    assert root([]) == hashlib.sha256(b"").hexdigest()


def test_a_leaf_of_zeros_is_zero():
    assert content(bytearray(LEAF_BYTES)) == ZERO


def test_one_byte_sets_one_grain_and_one_page():
    leaf = bytearray(LEAF_BYTES)
    leaf[3 * GRAIN_BYTES + 5000] = 1
    found = content(leaf)

    assert (found.grains, found.pages) == (0b1000, 1)
    assert found.digest == hashlib.sha256(leaf).digest()


@given(st.integers(0, 255), st.integers(1, LEAF_BYTES))
def test_runs_cover_the_leaf_once_and_alternate(grains, length):
    found = list(runs(grains, length))

    assert sum(size for _, size, _ in found) == length
    assert found[0][0] == 0
    assert all(a[0] + a[1] == b[0] and a[2] != b[2] for a, b in pairwise(found))
