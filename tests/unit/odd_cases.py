"""One oddity of a document that describes a machine, and what comes of it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Odd:
    """A folder's ``files``, of which ``named`` is what is given to the command.

    It is described with these ``fields`` (``disks.0.device``), or refused in a sentence that
    has the words ``says``: where it is described, or, ``planned``, where it is planned for.
    ``lengths`` are files that are longer than what is written to them: the rest is a hole.
    """

    name: str
    files: Mapping[str, bytes | str]
    named: str
    fields: Mapping[str, Any] = field(default_factory=dict)
    says: str = ""
    planned: bool = False
    vm: str = ""
    lengths: Mapping[str, int] = field(default_factory=dict)
    links: Mapping[str, str] = field(default_factory=dict)

    def __str__(self) -> str:
        return self.name
