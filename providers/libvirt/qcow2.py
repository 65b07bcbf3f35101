"""Whether a qcow2 image holds its own bytes, by its header alone.

Page: "Qcow2 Image File Format" (QEMU): a backing file's name at byte 8, incompatible features of
version 3 at byte 72, of which bit 2 means that the data is in another file.
"""

import struct

HEADER_BYTES = 80
_MAGIC = b"QFI\xfb"
_EXTERNAL_DATA = 1 << 2


def rests_on_another(header: bytes) -> bool:
    """It reads from another file, or is no qcow2 image that is understood."""
    if len(header) < HEADER_BYTES or header[:4] != _MAGIC:
        return True
    version, backing = struct.unpack(">IQ", header[4:16])
    if version not in (2, 3) or backing:
        return True
    (features,) = struct.unpack(">Q", header[72:80])
    return version == 3 and bool(features & _EXTERNAL_DATA)
