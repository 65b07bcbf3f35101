"""A volume's bytes through the daemon: sparse streams down, plain ones up.

Pages: ``virStorageVolDownload``, ``virStorageVolUpload`` (an offset and a length each),
``virStreamRecvFlags`` (libvirt.org). A request of 512 KiB takes some 2 ms on the same machine, and
one of a hole a third of that, with libvirt 9.0. A *sparse upload* is never used: it cuts a file off
behind a hole (``ftruncate`` in ``virFDStreamThreadDoWrite``).
"""

import threading
import time
from collections.abc import Iterator
from typing import Any

from coldferry.disk import Extent, Limits
from coldferry.errors import Conflict, DiskSealed, Transient
from providers.libvirt.connection import Host, library, speaking
from providers.libvirt.volumes import Volume, at, handle_at, look

LIMITS = Limits(block_size_bytes=512, max_request_bytes=1 << 20, max_in_flight=4)

_STEP_BYTES = 4 << 20
"""After data the map goes on so far on: finer would cost a request more than it spares bytes."""

_CHUNK_BYTES = 256 << 10
_BUSY_S = 30.0
"""A volume was seen to be refused as "still in use" for a moment after another upload to it."""

_PAUSE_S = 0.05
_HOLE = -3


class VolumeReader:
    """A :class:`coldferry.disk.DiskReader` over a volume."""

    limits = LIMITS

    def __init__(self, host: Host, path: str, size_bytes: int | None = None) -> None:
        """Raises Gone where there is none; ``size_bytes`` where less than all of it is the disk."""
        found = at(host, path)
        self.size_bytes = found.capacity_bytes if size_bytes is None else size_bytes
        self.fetched_bytes = 0
        self._host, self._path = host, path
        self._handle = _handle(host, path)
        self._lock = threading.Lock()

    def extents(self, offset: int, length: int) -> Iterator[Extent]:
        """Each hole that the daemon tells of; behind data it is asked again after 4 MiB."""
        end = min(offset + length, self.size_bytes)
        while offset < end:
            hole = self._hole(offset, end - offset)
            if hole:
                yield Extent(offset, hole, data=False)
                offset += hole
            else:
                step = min(_STEP_BYTES, end - offset)
                yield Extent(offset, step)
                offset += step

    def read_into(self, offset: int, view: memoryview) -> None:
        """Fill ``view``; holes are not sent."""
        lib, done = library(), 0
        stream = self._stream(offset, len(view))
        with speaking("read the volume", self._path):
            while done < len(view):
                wanted = min(_CHUNK_BYTES, len(view) - done)
                got = stream.recvFlags(wanted, lib.VIR_STREAM_RECV_STOP_AT_HOLE)
                if got == _HOLE:
                    hole = min(stream.recvHole(0), len(view) - done)
                    view[done : done + hole] = bytes(hole)
                    done += hole
                elif not isinstance(got, bytes) or not got:
                    stream.abort()
                    raise Transient(f"The stream of {self._path} ended early.")
                else:
                    view[done : done + len(got)] = got
                    done += len(got)
                    self._count(len(got))
            stream.abort()  # no more than was asked for is on its way

    def _hole(self, offset: int, length: int) -> int:
        """The length of the hole that begins there, in whole blocks; 0 where there is data."""
        lib = library()
        stream = self._stream(offset, length)
        with speaking("read the volume", self._path):
            got = stream.recvFlags(1, lib.VIR_STREAM_RECV_STOP_AT_HOLE)
            hole = min(int(stream.recvHole(0)), length) if got == _HOLE else 0
            stream.abort()
        return hole if hole == length else hole // LIMITS.block_size_bytes * LIMITS.block_size_bytes

    def _stream(self, offset: int, length: int) -> Any:
        lib = library()
        with speaking("read the volume", self._path):
            stream = self._host.connection().newStream(0)
            self._handle.download(
                stream, offset, length, lib.VIR_STORAGE_VOL_DOWNLOAD_SPARSE_STREAM
            )
            return stream

    def _count(self, count: int) -> None:
        with self._lock:
            self.fetched_bytes += count


def _handle(host: Host, path: str) -> Any:
    found = handle_at(host, path)
    if found is None:
        raise Conflict(f"The volume {path} is gone.", "Run the same command again.")
    return found


def tail(host: Host, path: str, most_bytes: int) -> bytes:
    """The end of a file that is being written to, no more than that; empty for one that is gone."""
    handle = handle_at(host, path)
    if handle is None:
        return b""
    found = bytearray()
    with speaking("read the console", path):
        start = max(0, look(handle).capacity_bytes - most_bytes)
        stream = host.connection().newStream(0)
        handle.download(stream, start, 0, 0)
        while len(found) < most_bytes and (got := stream.recv(_CHUNK_BYTES)):
            found += got
        stream.abort()
    return bytes(found)


class VolumeWriter:
    """A :class:`coldferry.disk.DiskWriter` over a raw volume; ``seal`` is called at the commit."""

    limits = LIMITS

    def __init__(self, host: Host, volume: Volume, *, sealed: bool) -> None:
        self.identity = volume.name
        self.size_bytes = volume.capacity_bytes
        self.sealed = sealed
        self.sent_bytes = 0
        self.requests = 0
        self._host, self._path = host, volume.path
        self._handle = _handle(host, volume.path)
        self._lock = threading.Lock()

    def write(self, offset: int, view: memoryview) -> None:
        """Put bytes. Raises Conflict for what does not fit, DiskSealed after the commit."""
        block = LIMITS.block_size_bytes
        if self.sealed:
            raise DiskSealed(f"{self._path} is finished already.")
        misfit = offset % block or len(view) % block or len(view) > LIMITS.max_request_bytes
        if misfit or offset < 0 or offset + len(view) > self.size_bytes:
            raise Conflict(f"{len(view)} bytes at {offset} do not fit {self._path}.")
        with self._lock:
            self.requests += 1
            self.sent_bytes += len(view)
        until = time.monotonic() + _BUSY_S
        while True:
            try:
                self._upload(offset, view)
            except Conflict:  # "still in use", as long as the daemon looks at the pool anew
                if time.monotonic() > until:
                    raise
                time.sleep(_PAUSE_S)
            else:
                return

    def _upload(self, offset: int, view: memoryview) -> None:
        with speaking("write the volume", self._path):
            stream = self._host.connection().newStream(0)
            self._handle.upload(stream, offset, len(view), 0)
            done = 0
            while done < len(view):
                done += stream.send(bytes(view[done : done + _CHUNK_BYTES]))
            stream.finish()

    def zero(self, offset: int, length: int) -> None:
        """Write zeros: no stream makes a hole where something is."""
        nothing = memoryview(bytes(min(length, LIMITS.max_request_bytes)))
        for start in range(0, length, LIMITS.max_request_bytes):
            self.write(offset + start, nothing[: min(LIMITS.max_request_bytes, length - start)])

    def commit(self) -> str:
        """The path, once what was put is on the host's disk as far as its daemon syncs."""
        self.sealed = True
        return self._path
