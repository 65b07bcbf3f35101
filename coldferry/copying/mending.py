"""A stretch of a disk copied once more, zeros included: where a read-back found it altered."""

from collections.abc import Callable

from coldferry.content import GRAIN_BYTES, LEAF_BYTES
from coldferry.disk import DiskReader, DiskWriter


def mending(reader: DiskReader, writer: DiskWriter) -> Callable[[int, int], None]:
    """What :func:`coldferry.verifying.read_back` takes as ``mend``: ``(offset, length)`` of bytes.

    For a writer that is not sealed. Whatever of the stretch is zero is zeroed,
    since something else is there.
    """
    block = writer.limits.block_size_bytes
    unit = max(GRAIN_BYTES, block)
    size_bytes = min(-(-reader.size_bytes // block) * block, writer.size_bytes)

    def mend(offset: int, length: int) -> None:
        for leaf in range(offset // LEAF_BYTES, -(-(offset + length) // LEAF_BYTES)):
            begin, buffer = leaf * LEAF_BYTES, bytearray(LEAF_BYTES)
            view = memoryview(buffer)
            stop = min(LEAF_BYTES, reader.size_bytes - begin)
            step = min(LEAF_BYTES, reader.limits.max_request_bytes)
            for at in range(0, stop, step):
                end = min(at + step, stop)
                reader.read_into(begin + at, view[at:end])
            for at in range(0, min(LEAF_BYTES, size_bytes - begin), unit):
                end = min(at + unit, size_bytes - begin)
                _put(writer, begin + at, view[at:end])

    return mend


def _put(writer: DiskWriter, offset: int, view: memoryview) -> None:
    step = min(len(view), writer.limits.max_request_bytes)
    data = any(view.tobytes())
    for at in range(0, len(view), step):
        part = view[at : at + step]
        if data:
            writer.write(offset + at, part)
        else:
            writer.zero(offset + at, len(part))
