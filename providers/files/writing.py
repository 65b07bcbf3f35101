"""Writing a raw file, a block device or a fixed VHD.

A file is written beside its place, under a name that says so, and takes its own
name when it is finished: what bears a disk's name is a whole disk. A block device
is written in place.

Sources: fallocate(2) (``FALLOC_FL_PUNCH_HOLE``), open(2) (``O_EXCL`` on a block
device that is in use), fcntl(2) (open file description locks, which qemu takes).
"""

import ctypes
import errno
import fcntl
import os
import stat
import struct
from pathlib import Path

from coldferry.disk import Limits
from coldferry.endpoints import Attempt
from coldferry.errors import BadInput, Conflict, DiskSealed, Failed, Refused
from coldferry.vhd import FOOTER_BYTES, SECTOR_BYTES, footer
from providers.files.reading import identity_of, open_disk, size_bytes

LIMITS = Limits(block_size_bytes=1, max_request_bytes=512 << 10, max_in_flight=2)
"""More than two threads make ext4 slower: they wait for the lock of the inode."""

_PUNCH_KEEPING_SIZE = 0x02 | 0x01
_ZERO_BYTES = 1 << 20
_LOOKED_AT_BYTES = 1 << 20
"""Of a device that is to be written: partition tables and file systems begin there."""


class FileWriter:
    """A :class:`coldferry.disk.DiskWriter` over a file, or over a block device."""

    limits = LIMITS

    def __init__(
        self, path: Path, source_bytes: int, attempt: Attempt, *, vhd: bool, fresh: bool
    ) -> None:
        """Begin, or go on with what an earlier run of the attempt left.

        A ``fresh`` one begins with nothing but zeros.

        Raises BadInput for what can be no disk, Refused for a target that is busy, too
        small, or holds data that this copy did not write.
        """
        self.path = path
        self._replaces = attempt.replaces
        self.vhd = vhd
        self.sent_bytes = 0
        self.requests = 0
        self.sealed = False
        least = -(-source_bytes // SECTOR_BYTES) * SECTOR_BYTES if vhd else source_bytes
        device = path.exists() and stat.S_ISBLK(path.stat().st_mode)
        if device and vhd:
            raise BadInput(f"{path} is a block device, which cannot hold a VHD.")
        self._part = None if device else part_of(path, attempt.key)
        if self._part is None:
            self._file = self._device(least, fresh=fresh)
        else:
            self._file = self._begin(self._part, least, fresh=fresh)
        found = os.fstat(self._file)
        self.identity = f"{attempt.key} {found.st_dev}:{found.st_ino}"

    def write(self, offset: int, view: memoryview) -> None:
        """Put bytes; in the kernel's hands once it returned, on the disk after the commit."""
        self._check(offset, len(view))
        self.requests += 1
        self.sent_bytes += len(view)
        self._pwrite(offset, view)

    def zero(self, offset: int, length: int) -> None:
        """Punch a hole, or write zeros where none can be."""
        self._check(offset, length)
        self.requests += 1
        libc = ctypes.CDLL(None, use_errno=True)
        call = libc.fallocate
        call.argtypes = (ctypes.c_int, ctypes.c_int, ctypes.c_int64, ctypes.c_int64)
        if length and call(self._file, _PUNCH_KEEPING_SIZE, offset, length) != 0:  # none can be
            nothing = memoryview(bytes(min(length, _ZERO_BYTES)))
            for start in range(0, length, _ZERO_BYTES):
                self._pwrite(offset + start, nothing[: min(_ZERO_BYTES, length - start)])

    def commit(self) -> str:
        """Put the footer of a VHD, and have all of it on the disk; the path it will have."""
        if not self.sealed:
            if self.vhd:
                self._pwrite(self.size_bytes, memoryview(footer(self.size_bytes, self.identity)))
            try:
                os.fsync(self._file)
            except OSError as error:
                raise self._failed(error) from None
            self.sealed = True
        return str(self.path)

    @property
    def written(self) -> Path:
        """Where what was written can be read."""
        return self._part or self.path

    def publish(self) -> None:
        """Give the file its name. Raises Refused when one of that name holds data by now."""
        if self._part is None:
            return
        if self.path.exists() and not self._replaceable():
            _refuse_data(self.path)
        self._part.replace(self.path)
        folder = os.open(self.path.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)

    def discard(self) -> None:
        """Remove what was written of a file; a device keeps it."""
        if self._part is not None:
            self._part.unlink(missing_ok=True)

    def close(self) -> None:
        """Close it; what was written stays for a resume."""
        os.close(self._file)

    def _begin(self, part: Path, least: int, *, fresh: bool) -> int:
        foot = FOOTER_BYTES if self.vhd else 0
        there = 0
        if self.path.exists() and not self._replaceable():
            there = _refuse_data(self.path, least + foot)
        self.size_bytes = max(least, (there - foot) // SECTOR_BYTES * SECTOR_BYTES)
        if not foot:
            self.size_bytes = max(least, there)
        flags = os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW
        try:
            descriptor = os.open(part, flags, 0o600)
        except OSError as error:
            raise BadInput(
                f"{self.path} cannot be made: {error.strerror}.",
                "Name a file in a folder that is there and can be written.",
            ) from None
        try:
            _refuse_busy(descriptor, part)
            if fresh:
                os.ftruncate(descriptor, 0)
            os.ftruncate(descriptor, self.size_bytes + foot)
        except OSError as error:
            os.close(descriptor)
            raise self._failed(error) from None
        except BaseException:
            os.close(descriptor)
            raise
        return descriptor

    def _device(self, least: int, *, fresh: bool) -> int:
        descriptor = open_disk(self.path, os.O_RDWR | os.O_EXCL)
        try:
            self.size_bytes = size_bytes(descriptor)
            if self.size_bytes < least:
                raise _too_small(self.path, self.size_bytes, least)
            if fresh:
                if not self._replaceable() and any(os.pread(descriptor, _LOOKED_AT_BYTES, 0)):
                    raise _holds(self.path, f"Empty it (blkdiscard -f -z {self.path}), or name")
                self._file = descriptor
                self.zero(0, self.size_bytes)
                self.requests = 0
        except BaseException:
            os.close(descriptor)
            raise
        return descriptor

    def _replaceable(self) -> bool:
        """What bears the name is our own finished copy of what the source was before."""
        return bool(self._replaces) and identity_of(self.path) == self._replaces

    def _check(self, offset: int, length: int) -> None:
        if self.sealed:
            raise DiskSealed(f"{self.path} is finished already.")
        if offset < 0 or offset + length > self.size_bytes:
            raise Conflict(f"{length} bytes at {offset} do not fit {self.path}.")

    def _pwrite(self, offset: int, view: memoryview) -> None:
        done = 0
        try:
            while done < len(view):
                done += os.pwrite(self._file, view[done:], offset + done)
        except OSError as error:
            raise self._failed(error) from None

    def _failed(self, error: OSError) -> Failed:
        return Failed(
            f"{self.path} cannot be written: {error.strerror}.",
            "Make room or mend it, then run the same command again: it goes on from there.",
        )


def part_of(path: Path, key: str) -> Path:
    """The name of a file while it is written."""
    return path.with_name(f"{path.name}.{key}.part")


def _refuse_data(path: Path, least: int = 0) -> int:
    """The size of a file that is there and holds nothing; 0 when it is empty. Else Refused."""
    descriptor = open_disk(path, os.O_RDWR)
    try:
        _refuse_busy(descriptor, path)
        size = size_bytes(descriptor)
        if size and _holds_data(descriptor):
            raise _holds(path, "Remove it, or name")
        if 0 < size < least:
            raise _too_small(path, size, least)
        return size
    finally:
        os.close(descriptor)


def _refuse_busy(descriptor: int, path: Path) -> None:
    """Raises Refused while another process holds a lock on it, as a running qemu does."""
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        whole = struct.pack("hhqqi", fcntl.F_WRLCK, os.SEEK_SET, 0, 0, 0)
        fcntl.fcntl(descriptor, fcntl.F_OFD_SETLK, whole)
    except OSError as error:
        if error.errno not in (errno.EAGAIN, errno.EACCES):
            return  # this file system knows no locks
        raise Refused(
            f"{path} is in use by another process.", "End that, then run the same command again."
        ) from None


def _holds_data(descriptor: int) -> bool:
    try:
        os.lseek(descriptor, 0, os.SEEK_DATA)
    except OSError as error:
        return error.errno != errno.ENXIO
    return True


def _holds(path: Path, do: str) -> Refused:
    return Refused(f"{path} holds data that this copy did not write.", f"{do} another target.")


def _too_small(path: Path, size: int, least: int) -> Refused:
    return Refused(
        f"{path} holds {size} bytes, and {least} are needed.", "Make it larger, or name another."
    )
