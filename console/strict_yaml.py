"""YAML files as strangers may give them: small, and read by ``coldferry.strict_yaml``."""

from pathlib import Path

import yaml

from coldferry import strict_yaml
from coldferry.errors import BadInput
from coldferry.strict_yaml import line, word

__all__ = ["compose", "line", "word"]


def compose(path: Path, kind: str, max_bytes: int) -> yaml.Node | None:
    """The file's tree, every scalar still a word; None when it is empty.

    Raises BadInput, calling it no ``kind``, when it cannot be read, is too
    large, or uses tags or anchors.
    """
    try:
        with path.open("rb") as file:
            text = file.read(max_bytes + 1)
    except OSError as error:
        raise BadInput(
            f"{path} cannot be read: {error.strerror}.",
            "Name a file that is there and that you may read.",
        ) from None
    if len(text) > max_bytes:
        raise BadInput(f"{path} is larger than {kind} can be.", "Name the right file.")
    return strict_yaml.compose(text, str(path), kind)
