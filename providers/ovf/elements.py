"""A stranger's XML, read without entities, and its elements by their plain names.

Namespaces differ by version (1.x, 2.x) and by exporter, names do not: so
elements and attributes are found by name alone.
"""

from collections.abc import Iterator
from xml.etree.ElementTree import Element, ParseError

from defusedxml import DefusedXmlException
from defusedxml.ElementTree import fromstring

from coldferry.errors import BadInput

MOST_BYTES = 2 << 20
"""The largest envelope that is read: those of exporters have some tens of KiB."""


def parse(text: bytes, name: str) -> Element:
    """The root element. Raises BadInput for what is no XML, or has a document type."""
    if len(text) > MOST_BYTES:
        raise BadInput(f"{name} is larger than {MOST_BYTES >> 20} MiB: that is no envelope.")
    try:
        root: Element = fromstring(text, forbid_dtd=True)
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
