"""LUKS 1 and 2: known by its header, never opened.

Source: "LUKS1 On-Disk Format Specification" 1.2.3; "LUKS2 On-Disk Format
Specification" 1.1.2, section 2.1: both begin with the magic, a version, and
have the UUID at byte 168 as text.
"""

import struct

from coldferry.guest.formats.format import Format, Identity, word
from coldferry.guest.window import Bytes


def _recognise(content: Bytes) -> Identity | None:
    header = content.read_at(0, 208)
    if len(header) < 208 or header[:6] != b"LUKS\xba\xbe":
        return None
    version = struct.unpack(">H", header[6:8])[0]
    label = word(header[24:72]) if version == 2 else ""
    return Identity("luks", word(header[168:208]), label)


LUKS = Format(_recognise)
