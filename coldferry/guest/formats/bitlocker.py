"""BitLocker: known by its header, never opened.

Source: "BitLocker Drive Encryption (BDE) format" of the libbde project, section
"Volume header": Windows Vista and later write ``-FVE-FS-`` where a file system
has its name; BitLocker To Go looks like a FAT32 and has a GUID at byte 424.
"""

import uuid

from coldferry.guest.formats.format import Format, Identity
from coldferry.guest.window import Bytes

_TO_GO = {
    uuid.UUID("4967d63b-2e29-4ad8-8399-f6a339e3d001").bytes_le,
    uuid.UUID("92a84d3b-dd80-4d0e-9e4e-b1e3284eaed8").bytes_le,  # of the used space only
}


def _recognise(content: Bytes) -> Identity | None:
    sector = content.read_at(0, 512)
    if len(sector) < 512 or sector[0] != 0xEB:
        return None
    fixed = sector[3:11] == b"-FVE-FS-"
    to_go = sector[3:11] == b"MSWIN4.1" and sector[424:440] in _TO_GO
    return Identity("bitlocker") if fixed or to_go else None


BITLOCKER = Format(_recognise)
