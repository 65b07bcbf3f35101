"""The guest's files as the guest sees them: several file systems in one tree, links followed."""

from collections.abc import Callable, Mapping
from typing import TypeVar

from coldferry.guest.steps import Steps
from coldferry.guest.tree import FILE_BYTES, Tree

R = TypeVar("R")

_MOST_LINKS = 40
"""As Linux has it (path_resolution(7)): more are a loop."""
_MOST_DAMAGED = 8


class Mounted:
    """A :class:`coldferry.guest.tree.Tree` over a root and what is mounted below it.

    Links are followed here, and ``..`` never leaves the root: an absolute link
    means the guest's own root, whatever it points to. What a file system does
    not let be read is not there, and is kept in ``damaged``; when time or bytes
    are used up, TooMuch is raised instead.
    """

    label = ""

    def __init__(
        self, root: Tree, mounts: Mapping[str, Callable[[], Tree | None]], steps: Steps
    ) -> None:
        self._steps = steps
        self.damaged: list[str] = []
        self._trees: dict[str, Tree | None] = {"": root}
        self._openers = {path.rstrip("/"): opener for path, opener in mounts.items()}
        self.kind = root.kind
        self.uuid = root.uuid

    def read(self, path: str, limit_bytes: int = FILE_BYTES, offset: int = 0) -> bytes | None:
        """As the protocol says; links are followed."""
        return self._ask(path, lambda tree, inside: tree.read(inside, limit_bytes, offset), None)

    def names(self, path: str) -> list[str]:
        """As the protocol says; links are followed."""
        return self._ask(path, lambda tree, inside: tree.names(inside), [])

    def link(self, path: str) -> str | None:
        """Where the last component points; links before it are followed."""
        parent, _, name = path.rstrip("/").rpartition("/")
        resolved = self.resolve(parent or "/")
        if resolved is None:
            return None
        return self._safely(f"{resolved.rstrip('/')}/{name}", lambda tree, at: tree.link(at), None)

    def resolve(self, path: str) -> str | None:
        """The same place without links; None when there are too many of them."""
        todo = [part for part in reversed(path.split("/")) if part]
        done: list[str] = []
        links = 0
        while todo:
            part = todo.pop()
            if part == ".":
                continue
            if part == "..":
                del done[-1:]
                continue
            here = "/" + "/".join([*done, part])
            target = self._safely(here, lambda tree, at: tree.link(at), None)
            if target is None:
                done.append(part)
                continue
            links += 1
            if links > _MOST_LINKS:
                return None
            if target.startswith("/"):
                done.clear()
            todo += [step for step in reversed(target.split("/")) if step]
        return "/" + "/".join(done)

    def _ask(self, path: str, ask: Callable[[Tree, str], R], otherwise: R) -> R:
        resolved = self.resolve(path)
        return otherwise if resolved is None else self._safely(resolved, ask, otherwise)

    def _safely(self, path: str, ask: Callable[[Tree, str], R], otherwise: R) -> R:
        """What the tree there says of a place without links."""
        point, tree = self._tree_of(path)
        if tree is None:
            return otherwise
        try:
            return ask(tree, path[len(point) :] or "/")
        except Exception:  # noqa: BLE001 - hostile bytes break parsers in any way
            self._steps.check()
            if len(self.damaged) < _MOST_DAMAGED:
                self.damaged.append(path)
            return otherwise

    def _tree_of(self, path: str) -> tuple[str, Tree | None]:
        point = path.rstrip("/")
        while point and point not in self._openers:
            point = point.rpartition("/")[0]
        if point not in self._trees:
            self._trees[point] = self._openers[point]()
        return point, self._trees[point]
