"""Files of a guest in a dictionary."""

from collections.abc import Mapping

from coldferry.guest.mounted import Mounted
from coldferry.guest.steps import Steps
from coldferry.guest.tree import FILE_BYTES


class DictTree:
    """A :class:`coldferry.guest.tree.Tree`; a text that begins with ``->`` is a link."""

    kind = "ext4"
    uuid = ""
    label = ""

    def __init__(self, files: Mapping[str, str | bytes]) -> None:
        self._files = {
            path: content.encode() if isinstance(content, str) else content
            for path, content in files.items()
        }

    def read(self, path: str, limit_bytes: int = FILE_BYTES, offset: int = 0) -> bytes | None:
        found = self._files.get(path)
        if found is None or found.startswith(b"->"):
            return None
        return found[offset : offset + limit_bytes]

    def names(self, path: str) -> list[str]:
        above = path.rstrip("/") + "/"
        below = [one for one in self._files if one.startswith(above)]
        return sorted({one.removeprefix(above).partition("/")[0] for one in below})

    def link(self, path: str) -> str | None:
        found = self._files.get(path, b"")
        return found[2:].decode() if found.startswith(b"->") else None


def no_steps() -> Steps:
    """Steps that nobody is told of."""
    return Steps(lambda _name: None)


def files_of(files: Mapping[str, str | bytes], **mounts: Mapping[str, str | bytes]) -> Mounted:
    """The guest's files; what is mounted at ``/boot`` is given as ``boot``."""
    trees = {f"/{path}": DictTree(content) for path, content in mounts.items()}
    openers = {path: lambda tree=tree: tree for path, tree in trees.items()}
    return Mounted(DictTree(files), openers, no_steps())  # type: ignore[arg-type]
