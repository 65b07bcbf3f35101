"""XFS, by libfsxfs.

Source: "XFS Algorithms & Data Structures", the super block at byte 0.
"""

import uuid

from coldferry.guest.formats.format import Format, Identity, word
from coldferry.guest.formats.yal_tree import YalTree
from coldferry.guest.window import Bytes, Window


def _recognise(content: Bytes) -> Identity | None:
    block = content.read_at(0, 512)
    if len(block) < 512 or block[:4] != b"XFSB":
        return None
    return Identity("xfs", str(uuid.UUID(bytes=block[32:48])), word(block[108:120]))


def _open(content: Window, identity: Identity) -> YalTree:
    import pyfsxfs

    volume = pyfsxfs.volume()
    volume.open_file_object(content)
    return YalTree(volume, identity)


XFS = Format(_recognise, _open)
