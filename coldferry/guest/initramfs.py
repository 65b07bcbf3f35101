"""Which drivers an initramfs brings: names only, nothing is unpacked to anywhere.

Source: the kernel's "initramfs buffer format": any number of cpio archives
("newc", the magic 070701 or 070702), plain or compressed, with zeros between
them; early microcode is a plain one in front.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field

from coldferry.guest.drivers import driver_name
from coldferry.guest.steps import Steps
from coldferry.guest.tree import Tree
from coldferry.guest.unpacking import Stream, unpacked
from coldferry.guest.window import PIECE_BYTES

_HEADER_BYTES = 110
_NAME_BYTES = 4096
_END = "TRAILER!!!"
_MAGICS = (b"070701", b"070702")
_MOST_BYTES = 1 << 30
"""Unpacked; an initramfs with every driver of a distribution has a third of it."""
_MOST_PACKED_BYTES = 128 << 20
_MOST_ARCHIVES = 64


@dataclass
class Initramfs:
    """What is in one; ``trouble`` says why the rest of it could not be read."""

    drivers: set[str] = field(default_factory=set)
    builtin: set[str] = field(default_factory=set)
    releases: set[str] = field(default_factory=set)
    """Kernel releases that it has drivers for."""
    trouble: str = ""


def read_initramfs(files: Tree, path: str, steps: Steps) -> Initramfs:
    """The drivers in one file."""
    found = Initramfs()
    try:
        _read(Stream(_pieces(files, path)), found, steps)
    except OSError as error:
        steps.check()
        text = str(error)
        found.trouble = text[:1].lower() + text[1:].rstrip(".")
    return found


def _pieces(files: Tree, path: str) -> Iterator[bytes]:
    for offset in range(0, _MOST_PACKED_BYTES, PIECE_BYTES):
        found = files.read(path, PIECE_BYTES, offset)
        if not found:
            return
        yield found
    raise OSError("It is larger than an initramfs is.")


def _read(stream: Stream, found: Initramfs, steps: Steps) -> None:
    for _ in range(_MOST_ARCHIVES):
        stream.skip_zeros()
        head = stream.peek(6)
        if not head:
            return
        if head in _MAGICS:
            _archive(stream, found, steps)
            continue
        inside = unpacked(stream)
        if inside is None:
            raise OSError("A part of it is packed in a way that is not known here.")
        content = Stream(_bounded(inside, steps))
        while True:
            content.skip_zeros()
            if not content.peek(1):
                break
            if content.peek(6) not in _MAGICS:
                raise OSError("What is packed in it is no archive.")
            _archive(content, found, steps)
    raise OSError("It has more parts than an initramfs has.")


def _bounded(pieces: Iterator[bytes], steps: Steps) -> Iterator[bytes]:
    total = 0
    for piece in pieces:
        steps.check()
        total += len(piece)
        if total > _MOST_BYTES:
            raise OSError("It unpacks to more than an initramfs can be.")
        yield piece


def _archive(stream: Stream, found: Initramfs, steps: Steps) -> None:
    """One cpio archive, up to its trailer."""
    while True:
        steps.check()
        header = stream.take(_HEADER_BYTES)
        if not header:
            raise OSError("It ends in the middle.")
        if len(header) < _HEADER_BYTES or header[:6] not in _MAGICS:
            raise OSError("Its archive is damaged.")
        try:
            size, name_bytes = int(header[54:62], 16), int(header[94:102], 16)
        except ValueError:
            raise OSError("Its archive is damaged.") from None
        if not 0 < name_bytes <= _NAME_BYTES:
            raise OSError("Its archive is damaged.")
        name = stream.take(name_bytes).rstrip(b"\0").decode("utf-8", "replace")
        stream.skip(-(_HEADER_BYTES + name_bytes) % 4)
        if name == _END:
            return
        _note(name, found)
        if name.endswith("/modules.builtin") and size < 1 << 20:
            content = stream.take(size)
            found.builtin |= {
                driver_name(one) for one in content.decode("utf-8", "replace").split()
            }
            stream.skip(-size % 4)
        elif stream.skip(size + -size % 4) < size:
            raise OSError("It ends in the middle.")


def _note(name: str, found: Initramfs) -> None:
    _, modules, rest = name.rpartition("lib/modules/")
    if not modules:
        return
    release, inside, path = rest.partition("/")
    if inside and len(found.releases) < 16:
        found.releases.add(release)
    driver = driver_name(path)
    if driver:
        found.drivers.add(driver)
