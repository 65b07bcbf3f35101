"""What every kind of content says of itself."""

from collections.abc import Callable
from dataclasses import dataclass

from coldferry.guest.tree import Tree
from coldferry.guest.window import Bytes, Window


@dataclass(frozen=True)
class Identity:
    """What its first blocks say. ``unclean`` is why it was not closed well, in words, or empty."""

    kind: str
    uuid: str = ""
    label: str = ""
    unclean: str = ""


@dataclass(frozen=True)
class Format:
    """A kind of content, by its magic number.

    ``open`` answers its files and raises OSError where it is damaged. Where
    there is no ``open`` but there would be files, ``closed`` says why they are
    not looked at.
    """

    recognise: Callable[[Bytes], Identity | None]
    open: Callable[[Window, Identity], Tree] | None = None
    closed: str = ""


def word(raw: bytes) -> str:
    """A label as text: up to its first NUL, without what is no UTF-8."""
    return raw.partition(b"\0")[0].decode("utf-8", "replace").strip()
