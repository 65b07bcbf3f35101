"""The same copy, a leaf at a time: what the real one is compared with."""

from coldferry.content import GRAIN_BYTES, LEAF_BYTES, content
from coldferry.copying.allocation import data_extents, data_leaves
from coldferry.disk import DiskReader, DiskWriter
from coldferry.manifest import Manifest


def copy_plainly(reader: DiskReader, writer: DiskWriter, manifest: Manifest) -> None:
    """Copy all bytes, in order, by one thread, with a resume; raises what both ends raise."""
    allocated = list(data_extents(reader))
    block = writer.limits.block_size_bytes
    unit = max(GRAIN_BYTES, block)
    for leaf in data_leaves(reader):
        if leaf in manifest:
            continue
        begin, buffer = leaf * LEAF_BYTES, bytearray(LEAF_BYTES)
        view = memoryview(buffer)
        for offset, length in allocated:
            first, last = max(begin, offset), min(begin + LEAF_BYTES, offset + length)
            for at in range(first, last, reader.limits.max_request_bytes):
                end = min(at + reader.limits.max_request_bytes, last)
                reader.read_into(at, view[at - begin : end - begin])
        end_of_disk = min(-(-reader.size_bytes // block) * block, writer.size_bytes)
        held = min(LEAF_BYTES, end_of_disk - begin)
        for start in range(0, 0 if writer.sealed else held, unit):
            end = min(start + unit, held)
            if any(buffer[start:end]):
                step = min(unit, writer.limits.max_request_bytes)
                for at in range(start, end, step):
                    writer.write(begin + at, view[at : min(at + step, end)])
        manifest.add(leaf, content(buffer))
    manifest.finish()
