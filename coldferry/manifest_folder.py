"""Where the manifests of all migrations are kept."""

import shutil
from pathlib import Path
from typing import Protocol

from coldferry.manifest_journal import FileJournal, Journal


class Folder(Protocol):
    """A manifest by migration and device. Used by many threads at once, one device by one."""

    def open(self, migration: str, device: str) -> Journal:
        """Open or begin it. Raises Conflict while another run has it, here or when it writes."""

    def forget(self, migration: str) -> None:
        """Remove all of a migration's; none is no error."""


class Directory:
    """A :class:`Folder` on this machine's disk."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def open(self, migration: str, device: str) -> Journal:
        """See :class:`Folder`."""
        return FileJournal(self._path / migration / f"{device}.manifest")

    def forget(self, migration: str) -> None:
        """See :class:`Folder`."""
        shutil.rmtree(self._path / migration, ignore_errors=True)
