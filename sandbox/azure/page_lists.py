"""Pages of a list of page ranges: Azurite answers all of it at once, Azure by ``marker``.

Source: "Get Page Ranges" of the Storage REST reference (``maxresults`` up to 10,000, which is what
counts without it; a list that goes on has a ``NextMarker``; one of differences has ranges that were
cleared, too).
"""

import xml.etree.ElementTree as ET
from collections.abc import Mapping

MOST = 10_000


def problem(query: Mapping[str, str]) -> str | None:
    """What is wrong with the query's ``maxresults`` or ``marker``."""
    wanted, marker = query.get("maxresults", str(MOST)), query.get("marker", "0")
    if not (wanted.isdigit() and 1 <= int(wanted) <= MOST):
        return f"maxresults must be from 1 to {MOST}, not {wanted}."
    return None if marker.isdigit() else "The marker is none that was given out."


def page(body: bytes, query: Mapping[str, str]) -> bytes:
    """The page of a whole list that the query asks for."""
    rows = [row for row in ET.fromstring(body) if row.tag in ("PageRange", "ClearRange")]
    first, count = int(query.get("marker", "0")), int(query.get("maxresults", str(MOST)))
    root = ET.Element("PageList")
    for row in rows[first : first + count]:
        found = ET.SubElement(root, row.tag)
        for end in ("Start", "End"):
            ET.SubElement(found, end).text = row.findtext(end)
    if first + count < len(rows):
        ET.SubElement(root, "NextMarker").text = str(first + count)
    written: bytes = ET.tostring(root, encoding="utf-8", xml_declaration=True)
    return written
