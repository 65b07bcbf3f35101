"""Digests, grains and the Merkle root."""

import hashlib
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from coldferry.content import (
    GRAIN_BYTES,
    GRAINS_PER_LEAF,
    LEAF_BYTES,
    ZERO,
    ZERO_DIGEST,
    content,
    root,
    runs,
)


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


def test_pages_are_counted_also_where_they_begin_with_zeros():
    leaf = bytearray(LEAF_BYTES)
    for page in (0, 1, 17, 127):
        leaf[page * 4096 + 4095 - page] = 1

    assert content(leaf).pages == 4


def test_a_leaf_is_looked_at_wherever_in_a_buffer_it_is():
    buffer = bytearray(b"x") * (3 * LEAF_BYTES)
    buffer[LEAF_BYTES : 2 * LEAF_BYTES] = bytes(LEAF_BYTES)
    buffer[2 * LEAF_BYTES - 1] = 1

    assert content(buffer, LEAF_BYTES) == content(buffer[LEAF_BYTES : 2 * LEAF_BYTES])
    assert content(buffer, LEAF_BYTES).grains == 1 << 7


def test_a_digest_that_is_known_is_taken_but_zeros_are_measured():
    assert content(bytearray(LEAF_BYTES), known=b"k" * 32) == ZERO
    assert content(bytearray(b"x" * LEAF_BYTES), known=b"k" * 32).digest == b"k" * 32


def test_an_emptiness_of_32_tib_costs_the_root_nothing():
    """As the same tree, leaf by leaf, for a size where that can be done; and at once for 32 TiB."""
    digest = hashlib.sha256(b"last").digest()

    assert (
        root([(3, digest), (5000, digest)])
        == _rfc6962([digest if index in (3, 5000) else ZERO_DIGEST for index in range(5001)]).hex()
    )
    assert len(root([(1, digest), (1 << 26, digest)])) == 64


@given(st.integers(0, (1 << 24) - 1), st.integers(1, 24), st.sampled_from([1, 2, 8]))
def test_runs_are_what_is_set_widened_to_units(grains, count, unit):
    count = -(-count // unit) * unit
    grains &= (1 << count) - 1
    found = list(runs(grains, count, unit))
    covered = {index for first, end in found for index in range(first, end)}
    units = {index // unit for index in range(count) if grains >> index & 1}

    assert covered == {index for index in range(count) if index // unit in units}
    assert all(a[1] < b[0] for a, b in pairwise(found))


@pytest.mark.parametrize("grain", range(GRAINS_PER_LEAF))
def test_zeros_that_a_leaf_begins_with_are_in_its_digest(grain):
    leaf = bytearray(LEAF_BYTES)
    leaf[grain * GRAIN_BYTES + 7] = leaf[-1] = 1

    assert content(leaf).digest == hashlib.sha256(leaf).digest()
