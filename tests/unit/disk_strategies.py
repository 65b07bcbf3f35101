"""Any disk, any allocation of it, any limits of its ends."""

from dataclasses import dataclass

from hypothesis import strategies as st

from coldferry.content import GRAIN_BYTES, LEAF_BYTES
from coldferry.ports import Limits
from tests.unit.fake_disks import MIB

EDGES = (512, 4096, GRAIN_BYTES, LEAF_BYTES, MIB, 4 * MIB)
SIZES = sorted(
    {1, 511, 512, 513, 8 * MIB + 5, GRAIN_BYTES + 1}
    | {edge + step for edge in EDGES for step in (-512, -1, 0, 1, 512) if edge + step > 0}
)


@dataclass(frozen=True)
class GeneratedDisk:
    """Bytes, and the ``(offset, length)`` that are allocated: what is not is zero."""

    held: bytes
    allocated: tuple[tuple[int, int], ...]

    def __repr__(self) -> str:
        return f"<{len(self.held)} bytes, {len(self.held.strip(bytes(1)))} held, {self.allocated}>"


@st.composite
def disks(draw: st.DrawFn) -> GeneratedDisk:
    size = draw(st.sampled_from(SIZES))
    kind = draw(st.sampled_from(["zero", "data", "mixed"]))
    if kind == "zero":
        allocated = draw(st.sampled_from([(), ((0, size),)]))
        return GeneratedDisk(bytes(size), tuple(allocated))
    if kind == "data":
        return GeneratedDisk(bytes([7]) * size, ((0, size),))
    held = bytearray(size)
    places = st.one_of(
        st.integers(0, size - 1),
        st.sampled_from([edge for edge in EDGES if edge < size] or [0]),
    )
    spans: list[tuple[int, int]] = []
    at = 0
    for place in sorted(draw(st.lists(places, max_size=6))):
        start = max(at, place)
        length = min(draw(st.integers(1, 900_000)), size - start)
        if length <= 0:
            break
        fill = draw(st.sampled_from(["zero", "data", "last byte"]))
        if fill == "data":
            held[start : start + length] = b"\x01" * length
        elif fill == "last byte":
            held[start + length - 1] = 1
        spans.append((start, length))
        at = start + length
    return GeneratedDisk(bytes(held), tuple(spans))


@st.composite
def limits(draw: st.DrawFn, *, most_block_bytes: int = LEAF_BYTES) -> Limits:
    block = draw(st.sampled_from([b for b in (1, 512, 4096, LEAF_BYTES) if b <= most_block_bytes]))
    request = draw(st.sampled_from([512, 4096, 65536, 100 * 512, LEAF_BYTES, MIB, 4 * MIB]))
    return Limits(block, max(block, request // block * block), draw(st.integers(1, 9)))
