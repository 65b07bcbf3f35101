"""A disk while it is written: a sparse file in the staging folder.

Sources: fallocate(2) (``FALLOC_FL_PUNCH_HOLE``), lseek(2) (``SEEK_DATA``).
"""

import ctypes
import errno
import os
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

from coldferry.disk import Extent, Limits
from coldferry.errors import Conflict, CorruptCopy, Failed, Gone

LIMITS = Limits(block_size_bytes=512, max_request_bytes=512 << 10, max_in_flight=2)
"""VMDK counts sectors. More than two threads make ext4 slower: they wait for the inode's lock."""

_PUNCH_KEEPING_SIZE = 0x02 | 0x01


class RawWriter:
    """A :class:`coldferry.disk.DiskWriter` over a sparse file; ``seal`` writes down the commit.

    What was written is in the kernel's hands, so that the death of the process loses nothing;
    it is on the disk once it is committed.
    """

    limits = LIMITS

    def __init__(
        self, path: Path, identity: str, size_bytes: int, seal: Callable[[], None], *, sealed: bool
    ) -> None:
        self.path, self.identity, self.size_bytes, self.sealed = path, identity, size_bytes, sealed
        self.sent_bytes = 0
        self.requests = 0
        self._counting = threading.Lock()
        self._seal = seal
        self._file = -1 if sealed else os.open(path, os.O_RDWR | os.O_CLOEXEC | os.O_NOFOLLOW)

    def write(self, offset: int, view: memoryview) -> None:
        """Raises Conflict for what does not fit, Failed where there is no room."""
        self._check(offset, len(view))
        if len(view) > self.limits.max_request_bytes:
            raise Conflict(f"A write of {len(view)} bytes does not fit the limits.")
        self._count(len(view))
        done = 0
        try:
            while done < len(view):
                done += os.pwrite(self._file, view[done:], offset + done)
        except OSError as error:
            raise no_room(self.path, error) from None

    def zero(self, offset: int, length: int) -> None:
        """Punch a hole, or write zeros where none can be."""
        self._check(offset, length)
        self._count(0)
        libc = ctypes.CDLL(None, use_errno=True)
        call = libc.fallocate
        call.argtypes = (ctypes.c_int, ctypes.c_int, ctypes.c_int64, ctypes.c_int64)
        if length and call(self._file, _PUNCH_KEEPING_SIZE, offset, length) != 0:
            step = self.limits.max_request_bytes
            for at in range(offset, offset + length, step):
                self.write(at, memoryview(bytes(min(step, offset + length - at))))

    def commit(self) -> str:
        """Have it on the disk, and say so beside it; its path."""
        if not self.sealed:
            try:
                os.fsync(self._file)
            except OSError as error:
                raise no_room(self.path, error) from None
            self._seal()
            self.sealed = True
        return str(self.path)

    def close(self) -> None:
        """Close the file; what was written stays for a resume."""
        if self._file >= 0:
            os.close(self._file)
            self._file = -1

    def _check(self, offset: int, length: int) -> None:
        block = self.limits.block_size_bytes
        if self.sealed:
            raise Conflict(f"{self.path.name} is sealed.")
        if offset % block or length % block or not 0 <= offset <= self.size_bytes - length:
            raise Conflict(f"{length} bytes at {offset} do not fit {self.path.name}.")

    def _count(self, sent_bytes: int) -> None:
        with self._counting:
            self.requests += 1
            self.sent_bytes += sent_bytes


class RawReader:
    """A :class:`coldferry.disk.DiskReader` over such a file, of the size that was asked for."""

    limits = LIMITS

    def __init__(self, path: Path, size_bytes: int) -> None:
        self.path, self.size_bytes = path, size_bytes
        try:
            self._file = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW)
        except FileNotFoundError:
            raise Gone(f"{path} is gone.", "Run the same command again.") from None

    def extents(self, offset: int, length: int) -> Iterator[Extent]:
        """What the file system says is allocated."""
        end = min(offset + length, self.size_bytes)
        while offset < end:
            data = self._seek(offset, os.SEEK_DATA, end)
            if data > offset:
                yield Extent(offset, data - offset, data=False)
            offset = self._seek(data, os.SEEK_HOLE, end) if data < end else end
            if data < offset:
                yield Extent(data, offset - data)

    def read_into(self, offset: int, view: memoryview) -> None:
        """Fill ``view``. Raises CorruptCopy when the file ends before."""
        done = 0
        while done < len(view):
            got = os.preadv(self._file, [view[done:]], offset + done)
            if not got:
                raise CorruptCopy(
                    f"{self.path.name} became shorter than it was.",
                    "Run the same command again: the disk is copied anew.",
                )
            done += got

    def close(self) -> None:
        """Close the file."""
        os.close(self._file)

    def _seek(self, offset: int, whence: int, end: int) -> int:
        try:
            return min(os.lseek(self._file, offset, whence), end)
        except OSError as error:
            if error.errno == errno.ENXIO:  # nothing but a hole up to the end
                return end
            if error.errno in (errno.EINVAL, errno.EOPNOTSUPP):
                return offset if whence == os.SEEK_DATA else end
            raise


def no_room(path: Path, error: OSError) -> Failed:
    """What to do about a file that cannot be written."""
    return Failed(
        f"{path} cannot be written: {error.strerror}.",
        "Make room or mend it, then run the same command again: it goes on from there.",
    )
