"""A stranger's XML, read without entities, and its elements by their plain names.

Namespaces differ by version (1.x, 2.x) and by exporter, names do not: so
elements and attributes are found by name alone.
"""

from collections.abc import Iterator
from xml.etree.ElementTree import Element, ParseError, TreeBuilder

from defusedxml import DefusedXmlException
from defusedxml.ElementTree import DefusedXMLParser

from coldferry.errors import BadInput

MOST_BYTES = 2 << 20
"""The largest envelope that is read: those of exporters have some tens of KiB."""

_MOST_ELEMENTS, _MOST_DEPTH = 50_000, 64


class _Bounded(TreeBuilder):
    """Builds a tree that is no larger than an appliance's with all its properties."""

    elements = 0
    depth = 0

    def start(self, tag: str, attrs: dict[str, str]) -> Element:
        self.elements += 1
        self.depth += 1
        if self.elements > _MOST_ELEMENTS or self.depth > _MOST_DEPTH:
            raise OverflowError
        return super().start(tag, attrs)

    def end(self, tag: str) -> Element:
        self.depth -= 1
        return super().end(tag)


def parse(text: bytes, name: str) -> Element:
    """The root element. Raises BadInput for what is no XML, or has a document type."""
    if len(text) > MOST_BYTES:
        raise BadInput(f"{name} is larger than {MOST_BYTES >> 20} MiB: that is no envelope.")
    parser = DefusedXMLParser(target=_Bounded(), forbid_dtd=True)
    try:
        parser.feed(text)
        root: Element = parser.close()
    except OverflowError:
        raise BadInput(
            f"{name} has more than {_MOST_ELEMENTS} elements, or more than {_MOST_DEPTH} levels of "
            "them: that is no envelope."
        ) from None
    except DefusedXmlException:
        raise BadInput(
            f"{name} has a document type or entities, which no OVF needs: it is not read.",
            "Export the machine anew, or take the DOCTYPE out.",
        ) from None
    except (ParseError, ValueError, LookupError, RecursionError):
        raise BadInput(f"{name} is not well-formed XML.", "Export the machine anew.") from None
    return root


def name_of(element: Element) -> str:
    """Without the namespace."""
    return str(element.tag).rpartition("}")[2]


def namespace(element: Element) -> str:
    """The address alone; empty for none."""
    return str(element.tag)[1:].rpartition("}")[0]


def children(element: Element, *names: str) -> Iterator[Element]:
    """Those of one of these names."""
    return (child for child in element if name_of(child) in names)


def child(element: Element, name: str) -> Element | None:
    """The first of that name."""
    return next(children(element, name), None)


def text_of(element: Element, name: str) -> str:
    """What stands in the first child of that name; empty where there is none."""
    found = child(element, name)
    return "".join(found.itertext()).strip() if found is not None else ""


def attribute(element: Element, name: str) -> str | None:
    """In whatever namespace; of several, the first."""
    for key, value in element.attrib.items():
        if key.rpartition("}")[2] == name:
            return value.strip()
    return None
