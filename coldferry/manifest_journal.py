"""Where a manifest is kept: something that grows at its end and outlives the process."""

import fcntl
import os
from pathlib import Path
from typing import Protocol

from coldferry.errors import Conflict


class Journal(Protocol):
    """An append-only store of bytes; used by one thread at a time, but for ``sync`` and ``read``.

    Opening one is the implementation's own: it raises Conflict while another run has it.
    """

    name: str
    sync_leaves: int
    """Leaves of 512 KiB after which one thread syncs while the others go on."""

    def append(self, data: bytes) -> None:
        """Add to the end; there for every later ``read``, also when the process is killed."""

    def sync(self) -> None:
        """What was appended before the call outlives a power cut once this returned."""

    def read(self, offset: int, length: int) -> bytes:
        """Up to ``length`` bytes from ``offset``; fewer at the end only. Also when it is closed."""

    def truncate(self, length: int) -> None:
        """Cut off what is beyond ``length`` bytes."""

    def close(self) -> None:
        """Let another run have it; may be called twice. Syncs nothing."""


class FileJournal:
    """A :class:`Journal` in a file of a directory, locked, readable by its owner only.

    A power cut takes what was not synced, the leaves of 64 MiB; a killed process loses nothing.
    """

    sync_leaves = 128

    def __init__(self, path: Path) -> None:
        """Open or begin the file; creates its folder. Raises Conflict while another has it."""
        self.name = str(path)
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        flags = os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC
        self._file: int | None = os.open(path, flags, 0o600)
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(self._file)
            raise Conflict(
                f"Another run on this machine has the manifest {path} open.",
                "Wait for it, or end it; then run the same command again.",
            ) from None
        self._end = os.fstat(self._file).st_size

    def append(self, data: bytes) -> None:
        """One write, so that a killed process leaves all of it or a torn tail."""
        left = memoryview(data)
        while left:
            written = os.pwrite(self._open, left, self._end)
            self._end += written
            left = left[written:]

    def sync(self) -> None:
        """See :class:`Journal`."""
        os.fdatasync(self._open)

    def read(self, offset: int, length: int) -> bytes:
        """See :class:`Journal`; also once it is closed."""
        if self._file is None:
            with Path(self.name).open("rb") as file:
                return os.pread(file.fileno(), length, offset)
        return os.pread(self._file, length, offset)

    def truncate(self, length: int) -> None:
        """See :class:`Journal`."""
        os.ftruncate(self._open, length)
        self._end = length

    def close(self) -> None:
        """See :class:`Journal`."""
        if self._file is not None:
            os.close(self._file)
            self._file = None

    @property
    def _open(self) -> int:
        if self._file is None:
            raise Conflict(f"The manifest {self.name} is closed.", "Open it again.")
        return self._file
