"""One disk from a reader to a writer: sparse, parallel, resumable.

Only what is allocated is read; of that only grains that are not zero are sent.
A leaf goes into the manifest when the writer has acknowledged all of it, so a
killed copy sends again at most what was in flight and the unsynced tail.
"""

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait

from coldferry.content import LEAF_BYTES, Content, content, runs
from coldferry.errors import Failed
from coldferry.manifest import Manifest
from coldferry.ports import DiskReader, DiskWriter, OnProgress

_WINDOW_BYTES = 4 << 30
"""Extents are asked for a window at a time: one list for 16 TiB would not fit in memory."""

_MAX_IN_FLIGHT = 16
"""Leaves in flight for one disk: 8 MiB. Measured: more does not speed up two cores."""


def _ignore(_device: str, _done: int, _total: int) -> None:
    """Nobody watches."""


def copy_disk(
    reader: DiskReader,
    writer: DiskWriter,
    manifest: Manifest,
    *,
    device: str = "disk",
    on_progress: OnProgress = _ignore,
) -> None:
    """Copy every byte of ``reader`` to ``writer``, going on from ``manifest``.

    A sealed writer takes no bytes: the source is only read, to fill the
    manifest for the proof. Raises Failed when the target is smaller than the
    source, and whatever reader and writer raise; all of it may be run again.
    """
    if writer.size_bytes < reader.size_bytes:
        raise Failed(
            f"The target's disk holds {writer.size_bytes} bytes, the source's {reader.size_bytes}.",
            "Roll the migration back and plan it again.",
            resumable=False,
        )
    if manifest.complete:
        return
    leaves = sorted(set(data_leaves(reader)))
    total = len(leaves) * LEAF_BYTES
    done = sum(leaf in manifest for leaf in leaves) * LEAF_BYTES
    on_progress(device, done, total)
    local = threading.local()

    def one(leaf: int) -> None:
        if not hasattr(local, "buffer"):
            local.buffer = bytearray(LEAF_BYTES)
        found = read_leaf(reader, leaf, local.buffer)
        if not writer.sealed:
            _write_leaf(writer, leaf, local.buffer, found, reader.size_bytes)
        manifest.add(leaf, found)

    workers = max(1, min(_MAX_IN_FLIGHT, reader.limits.max_in_flight, writer.limits.max_in_flight))
    with ThreadPoolExecutor(workers, thread_name_prefix=f"copy-{device}") as pool:
        todo = (leaf for leaf in leaves if leaf not in manifest)
        for _ in _bounded(pool, one, todo, workers):
            done += LEAF_BYTES
            on_progress(device, done, total)
    manifest.finish()


def data_leaves(reader: DiskReader) -> Iterator[int]:
    """Indexes of the leaves that hold anything allocated; an index may come twice."""
    for extent in data_extents(reader):
        first = extent[0] // LEAF_BYTES
        last = (extent[0] + extent[1] - 1) // LEAF_BYTES
        yield from range(first, last + 1)


def data_extents(reader: DiskReader) -> Iterator[tuple[int, int]]:
    """``(offset, length)`` of what is allocated, window by window."""
    for offset in range(0, reader.size_bytes, _WINDOW_BYTES):
        length = min(_WINDOW_BYTES, reader.size_bytes - offset)
        for extent in reader.extents(offset, length):
            if extent.data and extent.length:
                yield extent.offset, extent.length


def read_leaf(reader: DiskReader, leaf: int, buffer: bytearray) -> Content:
    """Fill ``buffer`` (LEAF_BYTES) with a leaf, zeros beyond the disk's end, and look at it."""
    start = leaf * LEAF_BYTES
    length = min(LEAF_BYTES, reader.size_bytes - start)
    step = min(LEAF_BYTES, reader.limits.max_request_bytes)
    view = memoryview(buffer)
    for offset in range(0, length, step):
        reader.read_into(start + offset, view[offset : min(offset + step, length)])
    view[length:] = bytes(LEAF_BYTES - length)
    return content(buffer)


def _write_leaf(
    writer: DiskWriter, leaf: int, buffer: bytearray, found: Content, size_bytes: int
) -> None:
    """Send the grains that are not zero, the disk's end rounded up to the writer's block."""
    start = leaf * LEAF_BYTES
    block = writer.limits.block_size_bytes
    length = min(LEAF_BYTES, -(-(size_bytes - start) // block) * block)
    view = memoryview(buffer)
    for offset, run, data in runs(found.grains, length):
        step = writer.limits.max_request_bytes
        for piece in range(offset, offset + run, step):
            end = min(piece + step, offset + run)
            if data:
                writer.write(start + piece, view[piece:end])


def _bounded(
    pool: ThreadPoolExecutor,
    work: Callable[[int], None],
    items: Iterator[int],
    at_once: int,
) -> Iterator[None]:
    """Run ``work`` on each item, few at a time; the first error ends it, the rest is not begun."""
    running: set[Future[None]] = set()
    try:
        for item in items:
            running.add(pool.submit(work, item))
            if len(running) >= at_once * 2:
                finished, running = wait(running, return_when=FIRST_COMPLETED)
                for future in finished:
                    future.result()
                    yield
        for future in running:
            future.result()
            yield
    finally:
        for future in running:
            future.cancel()
