"""A file that a command writes for a person; what is there already is never lost."""

import os
from pathlib import Path

from coldferry.errors import BadInput

_OTHER = "Name another file, or move that one away first."


def write(path: Path, text: str, instead: str = _OTHER) -> None:
    """Write ``text`` to ``path``, which is a new file, an empty one or one that says just that.

    A device or a pipe is written to; a link is not followed to what it names
    unless that is one. Raises BadInput, with ``instead`` as what to do, when
    the file holds something else, and when it cannot be written.
    """
    try:
        if path.exists() and not path.is_file():
            path.write_text(text, encoding="utf-8")
            return
        if path.is_symlink():
            raise BadInput(f"{path} is a link to another file.", instead)
        if path.exists() and path.read_bytes() not in (b"", text.encode()):
            raise BadInput(f"{path} is there already, and holds something else.", instead)
        flags = os.O_WRONLY | os.O_CREAT | os.O_NOFOLLOW
        with os.fdopen(os.open(path, flags, 0o666), "w", encoding="utf-8") as file:
            file.write(text)
            file.truncate()
    except OSError as error:
        raise BadInput(
            f"{path} cannot be written: {error.strerror}.", "Name a file in a folder of yours."
        ) from None
