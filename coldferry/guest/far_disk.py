"""A disk that the parent holds, read range by range."""

import socket
from collections import OrderedDict

from coldferry.guest import wire
from coldferry.guest.steps import Steps, TooMuch

_CHUNK_BYTES = 64 << 10
_CHUNKS_KEPT = 128
"""8 MiB: libyal reads the same few blocks again and again, a few bytes at a time."""

_READ_BYTES = 64 << 20
"""No parser has a reason to ask for more at once."""


class FarDisk:
    """A :class:`coldferry.guest.window.Bytes` at the other end of the line."""

    def __init__(self, line: socket.socket, number: int, size_bytes: int, steps: Steps) -> None:
        self.size_bytes = size_bytes
        self._line = line
        self._number = number
        self._steps = steps
        self._calls = 0
        self._kept: OrderedDict[int, bytes] = OrderedDict()

    def read_at(self, offset: int, length: int) -> bytes:
        """Fewer bytes only at the end. Raises TooMuch when time or bytes are used up."""
        length = min(length, self.size_bytes - offset)
        if offset < 0 or length <= 0:
            return b""
        index, skip = divmod(offset, _CHUNK_BYTES)
        if skip + length <= _CHUNK_BYTES:
            return self._chunk(index)[skip : skip + length]
        if length > _READ_BYTES:
            raise TooMuch("It claims to be larger than it can be.")
        if length >= 4 * _CHUNK_BYTES:
            return self._many(offset, length)
        last = (offset + length - 1) // _CHUNK_BYTES
        joined = b"".join(self._chunk(at) for at in range(index, last + 1))
        return joined[skip : skip + length]

    def _chunk(self, index: int) -> bytes:
        self._calls += 1
        if self._calls % 512 == 0:  # asking the clock each time would cost more than the read
            self._steps.check()
        found = self._kept.get(index)
        if found is not None:
            return found
        start = index * _CHUNK_BYTES
        found = self._fetch(start, min(_CHUNK_BYTES, self.size_bytes - start))
        self._kept[index] = found
        if len(self._kept) > _CHUNKS_KEPT:
            self._kept.popitem(last=False)
        return found

    def _many(self, offset: int, length: int) -> bytes:
        step = wire.MAX_RANGE_BYTES
        ends = range(offset, offset + length, step)
        return b"".join(self._fetch(at, min(step, offset + length - at)) for at in ends)

    def _fetch(self, offset: int, length: int) -> bytes:
        self._steps.check()
        wire.send(self._line, wire.RANGE, wire.Range(self._number, offset, length).pack())
        answer = wire.receive(self._line)
        if answer is None:
            raise SystemExit(1)  # nobody is there to be told
        letter, told = answer
        if letter != wire.GIVEN or len(told) != length:
            self._steps.refuse("More would have to be fetched for it than an inspection may.")
        return told
