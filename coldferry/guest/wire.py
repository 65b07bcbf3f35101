"""What parent and child say to each other over their socket pair.

The child asks for ranges of disks, tells what it is about to look at, and
hands over its document, more than once: the last one counts. Each message is
one letter, the length of what follows, and that.
"""

import socket
import struct
import time
from dataclasses import dataclass

QUESTION, RANGE, STEP, DOCUMENT = b"q", b"r", b"s", b"d"
"""What a message is; the first one is the parent's, the others are the child's."""
GIVEN, REFUSED = b"g", b"n"
"""The parent's answers to a range: its bytes, or that it has fetched as much as it may."""

OUT_OF_MEMORY = 3
"""The child's exit code when Python itself got no more."""

MAX_RANGE_BYTES = 4 << 20
LIMITS_BYTES = {
    QUESTION: 16 << 20,
    RANGE: 16,
    STEP: 512,
    DOCUMENT: 1 << 20,
    GIVEN: MAX_RANGE_BYTES,
    REFUSED: 0,
}
"""The most that may follow each letter."""

_HEAD = struct.Struct("!cI")
_RANGE = struct.Struct("!IQI")


class Nonsense(Exception):
    """The other side does not keep to the form."""


@dataclass(frozen=True)
class Range:
    """``length`` bytes of the disk with that number, from ``offset``."""

    disk: int
    offset: int
    length: int

    def pack(self) -> bytes:
        """As it is sent."""
        return _RANGE.pack(self.disk, self.offset, self.length)

    @classmethod
    def unpack(cls, told: bytes) -> "Range":
        """Raises Nonsense."""
        if len(told) != _RANGE.size:
            raise Nonsense
        return cls(*_RANGE.unpack(told))


def send(line: socket.socket, letter: bytes, told: bytes = b"") -> None:
    """One message."""
    line.sendall(_HEAD.pack(letter, len(told)) + told)


def receive(line: socket.socket, until_s: float | None = None) -> tuple[bytes, bytes] | None:
    """The next message; None when the other side has hung up.

    ``until_s`` is a moment of ``time.monotonic``: later it raises TimeoutError.
    Raises Nonsense.
    """
    head = _exactly(line, _HEAD.size, until_s)
    if head is None:
        return None
    letter, length = _HEAD.unpack(head)
    if length > LIMITS_BYTES.get(letter, -1):
        raise Nonsense
    told = _exactly(line, length, until_s)
    if told is None:
        return None
    return letter, told


def _exactly(line: socket.socket, length: int, until_s: float | None) -> bytes | None:
    found = bytearray(length)
    view = memoryview(found)
    while view:
        if until_s is not None:
            line.settimeout(max(until_s - time.monotonic(), 0.001))
        count = line.recv_into(view)
        if not count:
            return None
        view = view[count:]
    return bytes(found)
