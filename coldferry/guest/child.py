"""The process that reads a guest's bytes: ``python -m coldferry.guest.child FD``.

Everything that it will ever need is imported before the first byte is read.
Then it limits itself, for good: address space, processor time, no file that
could be written, and no file that could be opened.

It has no credentials, since its environment has none, and no other way to a
disk than to ask the parent.
"""

import encodings.cp437  # codecs are imported when they are first used: too late here
import encodings.cp1252
import encodings.utf_16_le  # noqa: F401
import importlib
import os
import resource
import socket
import sys

from coldferry.guest import wire
from coldferry.guest.evidence import Inspection
from coldferry.guest.far_disk import FarDisk
from coldferry.guest.looking import look
from coldferry.guest.question import Question
from coldferry.guest.steps import Steps

ADDRESS_SPACE_BYTES = 256 << 20
"""Of which Python and the parsers take a third before the first byte is read."""

CPU_S = 4
"""All in all; a real guest takes one."""

_PARSERS = ("pyfsext", "pyfsfat", "pyfsntfs", "pyfsxfs")


def main() -> None:
    """Take the question, look, and hand over what was found."""
    for parser in _PARSERS:
        importlib.import_module(parser)
    line = socket.socket(fileno=_lowest(int(sys.argv[1])))
    _limit(line.fileno())
    asked = wire.receive(line)
    if asked is None or asked[0] != wire.QUESTION:
        raise SystemExit(1)
    question = Question.model_validate_json(asked[1])
    steps = Steps(lambda name: wire.send(line, wire.STEP, name.encode()[:200]))
    disks = [
        FarDisk(line, number, size_bytes, steps)
        for number, size_bytes in enumerate(question.disks_bytes)
    ]

    def tell(found: Inspection) -> None:
        wire.send(line, wire.DOCUMENT, found.model_dump_json().encode())

    try:
        look(question, disks, steps, tell)
    except MemoryError:
        raise SystemExit(wire.OUT_OF_MEMORY) from None
    wire.send(line, wire.STEP)


def _lowest(line: int) -> int:
    """The line by the lowest number that is free: a free one below it could be opened."""
    lower = os.dup(line)
    kept, spare = (lower, line) if lower < line else (line, lower)
    os.close(spare)
    return kept


def _limit(line: int) -> None:
    """``line`` and what is below it stay open; nothing else can be opened."""
    for what, limit in (
        (resource.RLIMIT_AS, ADDRESS_SPACE_BYTES),
        (resource.RLIMIT_CPU, CPU_S),
        (resource.RLIMIT_FSIZE, 0),
        (resource.RLIMIT_CORE, 0),
        (resource.RLIMIT_NOFILE, line + 1),
    ):
        resource.setrlimit(what, (limit, limit))


if __name__ == "__main__":
    main()
