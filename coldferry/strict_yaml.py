"""YAML as strangers may write it: small, without anchors, without a guess at any type."""

from typing import Any

import yaml

from coldferry.errors import BadInput


def compose(text: str | bytes, name: str, kind: str, most: int = 1_000_000) -> yaml.Node | None:
    """The tree of what ``name`` holds, every scalar still a word; None when it is empty.

    Raises BadInput, calling it no ``kind``, when it uses tags or anchors: a few
    hundred bytes of those make gigabytes. The caller bounds the text's size,
    and by ``most`` its nodes: of the smallest a mebibyte holds half a million,
    each some 25 µs.
    """
    try:
        loader = _Strict(text)
        loader.left = most
        return loader.get_single_node()
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise BadInput(
            f"{name} is not {kind}: {_reason(error)}.", "Correct that, and give the file again."
        ) from None


def line(node: yaml.Node) -> int:
    """The line that a node begins at, counted from 1."""
    return int(node.start_mark.line) + 1


def word(node: yaml.Node) -> str | None:
    """A scalar as it was written, empty ones as None. Raises ValueError for anything else."""
    if not isinstance(node, yaml.ScalarNode):
        raise ValueError(f"line {line(node)} is not one word")  # noqa: TRY004 - a reader's words
    return None if node.tag.endswith(":null") else str(node.value)


def _reason(error: Exception) -> str:
    if isinstance(error, yaml.MarkedYAMLError) and error.problem_mark is not None:
        return f"line {error.problem_mark.line + 1}: {error.problem}"
    if isinstance(error, RecursionError):
        return "it is nested too deep"
    return str(error).partition("\n")[0]


class _Strict(yaml.SafeLoader):
    """Without anchors, aliases and tags; ``left`` is how many nodes it may still have."""

    left = 0

    def compose_node(self, parent: yaml.Node | None, index: int) -> yaml.Node | None:
        """Refuse aliases and anchors before anything is built from them."""
        self.left -= 1
        if self.left < 0:
            raise ValueError("it has more words than one can have")
        event: Any = self.peek_event()  # type: ignore[no-untyped-call]
        if isinstance(event, yaml.AliasEvent) or getattr(event, "anchor", None):
            raise ValueError("anchors and aliases are not allowed")
        if getattr(event, "tag", None):
            at = event.start_mark.line + 1
            raise ValueError(f"line {at} has the tag {event.tag[:64]}, and tags are not allowed")
        return super().compose_node(parent, index)
