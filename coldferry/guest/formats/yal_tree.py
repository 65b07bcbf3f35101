"""A tree over one of libyal's libraries, which all have the same manners."""

import stat
from collections.abc import Callable
from typing import Any

from coldferry.guest.formats.format import Identity
from coldferry.guest.tree import FILE_BYTES

_MOST_NAMES = 50_000
"""In one folder; a hostile one may claim any number."""


def by_mode(entry: Any) -> int:
    """The kind of a file, from its Unix mode."""
    return stat.S_IFMT(int(entry.file_mode))


class YalTree:
    """A :class:`coldferry.guest.tree.Tree`; ``kind_of`` answers a file's ``S_IF…``.

    What a library refuses to read is not there: a damaged folder hides no
    other one.
    """

    def __init__(
        self,
        volume: Any,
        identity: Identity,
        kind_of: Callable[[Any], int] = by_mode,
        separator: str = "/",
    ) -> None:
        self.kind = identity.kind
        self.uuid = identity.uuid
        self.label = identity.label
        self._volume = volume
        self._kind_of = kind_of
        self._separator = separator

    def read(self, path: str, limit_bytes: int = FILE_BYTES, offset: int = 0) -> bytes | None:
        """As the protocol says."""
        entry = self._entry(path, stat.S_IFREG)
        if entry is None:
            return None
        length = min(limit_bytes, int(entry.size) - offset)
        if length <= 0:
            return b""
        found: bytes = entry.read_buffer_at_offset(length, offset)
        return found

    def names(self, path: str) -> list[str]:
        """As the protocol says."""
        folder = self._entry(path, stat.S_IFDIR)
        if folder is None:
            return []
        found = []
        for index in range(min(int(folder.number_of_sub_file_entries), _MOST_NAMES)):
            try:
                name = folder.get_sub_file_entry(index).name
            except (OSError, ValueError):  # of one that cannot be read, or is no text
                continue
            if name and name not in (".", ".."):
                found.append(str(name))
        return found

    def link(self, path: str) -> str | None:
        """As the protocol says."""
        entry = self._entry(path, stat.S_IFLNK)
        return None if entry is None else str(entry.symbolic_link_target or "") or None

    def _entry(self, path: str, kind: int) -> Any:
        if path in ("", "/"):
            entry = self._volume.get_root_directory()
        else:
            entry = self._volume.get_file_entry_by_path(path.replace("/", self._separator))
        return entry if entry is not None and self._kind_of(entry) == kind else None
