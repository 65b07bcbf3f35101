"""Reading a domain's XML that anybody may have written.

libvirt's own documents have no DOCTYPE, are a few levels deep and some tens of KiB long
("Domain XML format", libvirt.org); what is beyond that is refused before it is understood.
"""

import re
import shlex
import xml.etree.ElementTree as ET
from typing import NoReturn

from coldferry.errors import BadInput
from coldferry.plain import plain

MAX_BYTES = 1 << 20
MAX_DEPTH = 32
MAX_ELEMENTS = 10_000

_DO = "Give what 'virsh dumpxml --inactive NAME' prints."
_UNITS = {letter: power for power, letter in enumerate("kmgtpe", start=1)}
_MAX_DIGITS = 20


def refuse(what: str) -> NoReturn:
    """Raise BadInput that begins with that sentence."""
    raise BadInput(what, _DO)


class _Bounded(ET.TreeBuilder):
    """Builds a tree, within bounds; a document type ends it before any entity is read."""

    depth = 0
    elements = 0

    def doctype(self, *_: object) -> None:
        refuse("The XML declares a document type, which may define entities: it is not read.")

    def start(self, tag: str, attrs: dict[str, str]) -> ET.Element:
        self.depth += 1
        self.elements += 1
        if self.depth > MAX_DEPTH:
            refuse(f"The XML is nested more than {MAX_DEPTH} levels deep.")
        if self.elements > MAX_ELEMENTS:
            refuse(f"The XML has more than {MAX_ELEMENTS} elements.")
        return super().start(tag, attrs)

    def end(self, tag: str) -> ET.Element:
        self.depth -= 1
        return super().end(tag)


def parse(text: str | bytes, root: str = "domain") -> ET.Element:
    """The document's ``root`` element. Raises BadInput, in one sentence, for anything else."""
    raw = text.encode() if isinstance(text, str) else text
    if len(raw) > MAX_BYTES:
        refuse(f"The XML has more than {MAX_BYTES >> 20} MiB.")
    parser = ET.XMLParser(target=_Bounded())  # noqa: S314 - bounded, and no entity is defined
    try:
        parser.feed(raw)
        found: ET.Element = parser.close()
    except ET.ParseError as error:
        line, column = error.position
        refuse(f"The XML cannot be read: line {line}, column {column + 1}.")
    except (ValueError, LookupError):
        refuse("The XML is in an encoding that cannot be read.")
    if found.tag != root:
        refuse(f"The XML is of a <{plain(found.tag, 40)}>, not of a <{root}>.")
    return found


def quoted(name: str) -> str:
    """A name in a command that somebody may paste into a shell; it may be anybody's."""
    return shlex.quote(plain(name))


def text_at(element: ET.Element, path: str, default: str = "") -> str:
    """The text of the first element at ``path``, without white space around it."""
    found = element.find(path)
    return (found.text or "").strip() if found is not None else default


def attribute(element: ET.Element | None, path: str, name: str, default: str = "") -> str:
    """An attribute of the first element at ``path``, which may be ``.``."""
    found = element.find(path) if element is not None else None
    return found.get(name, default) if found is not None else default


def whole(said: str, what: str) -> int:
    """A count. Raises BadInput for what is none, or has more digits than any count here."""
    if not re.fullmatch(rf"[0-9]{{1,{_MAX_DIGITS}}}", said):
        refuse(f"{what} is '{plain(said, 40)}', which is no number.")
    return int(said)


def scaled(said: str, unit: str, what: str) -> int:
    """Bytes of a number and its unit, in all spellings that libvirt takes.

    ``KiB`` and ``k`` are 1024 bytes, ``KB`` is 1000, in any case ("Domain XML format", memory
    allocation; ``virScaleInteger``). Raises BadInput for any other.
    """
    count, word = whole(said, what), unit.strip().lower()
    if word in ("b", "byte", "bytes"):
        return count
    power = _UNITS.get(word[:1])
    step = {"": 1024, "ib": 1024, "b": 1000}.get(word[1:])
    if power is None or step is None:
        refuse(f"{what} is in '{plain(unit, 40)}', which is no unit.")
    return count * int(step**power)
