"""Reading a raw file, a block device or a fixed VHD.

Sources: lseek(2) (``SEEK_DATA``, ``SEEK_HOLE``; a file system that knows no holes
calls everything data), preadv(2).
"""

import errno
import fcntl
import os
import stat
import struct
from collections.abc import Iterator
from pathlib import Path

from coldferry.disk import Extent, Limits
from coldferry.errors import BadInput, Drifted, Failed, Refused
from coldferry.vhd import FOOTER_BYTES, disk_bytes

LIMITS = Limits(block_size_bytes=1, max_request_bytes=512 << 10, max_in_flight=2)

_BLKGETSIZE64 = 0x80081272


class FileReader:
    """A :class:`coldferry.disk.DiskReader` over an open file. Thread-safe."""

    limits = LIMITS

    def __init__(self, path: Path, *, vhd: bool = False) -> None:
        """Raises BadInput for what is not there, no disk, or no fixed VHD."""
        self.path = path
        self._file = open_disk(path, os.O_RDONLY)
        try:
            self._size = size_bytes(self._file)
            self.size_bytes = self._size
            if vhd:
                last = os.pread(self._file, FOOTER_BYTES, max(0, self._size - FOOTER_BYTES))
                self.size_bytes = disk_bytes(last, self._size, str(path))
            if self.size_bytes == 0:
                raise BadInput(f"{path} is empty: it is no disk.", "Name a disk's file.")
            self._written = identity(self._file)
            # Whoever puts the time of modification back does not put this one back.
            self.identity = f"{self._written}, {os.fstat(self._file).st_ctime_ns}"
        except BaseException:
            os.close(self._file)
            raise

    def extents(self, offset: int, length: int) -> Iterator[Extent]:
        """What the file system says is allocated; all of it where it cannot say."""
        end = min(offset + length, self.size_bytes)
        while offset < end:
            data = self._seek(offset, os.SEEK_DATA, end)
            if data > offset:
                yield Extent(offset, data - offset, data=False)
            if data < end:
                hole = self._seek(data, os.SEEK_HOLE, end)
                yield Extent(data, hole - data)
                offset = hole
            else:
                offset = end

    def read_into(self, offset: int, view: memoryview) -> None:
        """Fill ``view``. Raises Drifted when the file ends before, Failed for an unreadable one."""
        done = 0
        while done < len(view):
            try:
                got = os.preadv(self._file, [view[done:]], offset + done)
            except OSError as error:
                raise Failed(
                    f"{self.path} cannot be read at byte {offset + done}: {error.strerror}.",
                    "Look at the disk it is on; then run the same command again.",
                ) from None
            if not got:
                raise Drifted(
                    f"{self.path} became shorter while it was copied.",
                    "Stop what writes to it, then run the same command again: it begins anew.",
                )
            done += got

    def check_unchanged(self) -> None:
        """Raises Drifted when anybody wrote to the file since it was opened."""
        if identity(self._file) != self._written or size_bytes(self._file) != self._size:
            raise Drifted(
                f"{self.path} was written to while it was copied.",
                "Stop what writes to it, then run the same command again: it begins anew.",
            )

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


def open_disk(path: Path, flags: int) -> int:
    """A descriptor of a regular file or a block device. Raises BadInput for anything else."""
    try:
        found = path.stat()
        if stat.S_ISDIR(found.st_mode):
            raise BadInput(f"{path} is a folder.", "Name a disk's file in it.")
        if not (stat.S_ISREG(found.st_mode) or stat.S_ISBLK(found.st_mode)):
            raise BadInput(f"{path} is no disk: neither a file nor a block device.")
        return os.open(path, flags | os.O_CLOEXEC)
    except OSError as error:
        if error.errno == errno.EBUSY:
            raise Refused(
                f"{path} is in use (mounted, or part of another device).",
                "Unmount it, then run the same command again.",
            ) from None
        raise BadInput(
            f"{path} cannot be opened: {error.strerror}.", "Correct the path, or its rights."
        ) from None


def stands_on(path: Path) -> Path | None:
    """The file that a loop device, or a partition of one, shows; None for all else (sysfs(5))."""
    found = path.stat()
    if not stat.S_ISBLK(found.st_mode):
        return None
    device = Path(f"/sys/dev/block/{os.major(found.st_rdev)}:{os.minor(found.st_rdev)}")
    for holder in (device, device.resolve().parent):
        try:
            return Path((holder / "loop" / "backing_file").read_text().rstrip("\n"))
        except OSError:
            continue
    return None


def size_bytes(descriptor: int) -> int:
    """Of a file, or of a block device (``BLKGETSIZE64``)."""
    found = os.fstat(descriptor)
    if not stat.S_ISBLK(found.st_mode):
        return found.st_size
    answer = fcntl.ioctl(descriptor, _BLKGETSIZE64, bytes(8))
    return int(struct.unpack("=Q", answer)[0])


def identity(descriptor: int) -> str:
    """What tells this content from another: the file, its size and its last change.

    A block device does not tell when it was written to: the machine's boot stands for it.
    """
    found = os.fstat(descriptor)
    if stat.S_ISBLK(found.st_mode):
        boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
        return f"device {found.st_rdev} of {size_bytes(descriptor)} in boot {boot}"
    return f"file {found.st_dev}:{found.st_ino} of {found.st_size} at {found.st_mtime_ns}"


def identity_of(path: Path) -> str | None:
    """:func:`identity` of what is at ``path``; None when nothing is."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
    except OSError:
        return None
    try:
        return identity(descriptor)
    finally:
        os.close(descriptor)
