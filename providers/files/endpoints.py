"""Files as the two ends of a copy; see :mod:`coldferry.endpoints`."""

from collections.abc import Iterator
from contextlib import contextmanager

from coldferry.endpoints import Attempt, Endpoint, Found, Kind
from providers.files.reading import FileReader, identity_of, stands_on
from providers.files.writing import FileWriter, part_of


class FileSource:
    """A file that is read."""

    def __init__(self, reader: FileReader) -> None:
        self.reader = reader
        self.identity = reader.identity

    def check_unchanged(self) -> None:
        """See :meth:`FileReader.check_unchanged`."""
        self.reader.check_unchanged()


class FileTarget:
    """A file that is written, under another name until it is whole."""

    def __init__(self, writer: FileWriter) -> None:
        self.writer = writer

    @contextmanager
    def read_back(self) -> Iterator[FileReader]:
        """With the footer of a VHD checked."""
        reader = FileReader(self.writer.written, vhd=self.writer.vhd)
        try:
            yield reader
        finally:
            reader.close()

    def publish(self) -> None:
        """Give it its name."""
        self.writer.publish()

    def stamp(self) -> str:
        """See :func:`providers.files.reading.identity`."""
        return identity_of(self.writer.written) or ""

    def discard(self) -> None:
        """Remove it."""
        self.writer.discard()


@contextmanager
def open_source(endpoint: Endpoint) -> Iterator[FileSource]:
    """Raises BadInput for what is no disk."""
    reader = FileReader(endpoint.path, vhd=endpoint.kind is Kind.VHD)
    try:
        yield FileSource(reader)
    finally:
        reader.close()


@contextmanager
def open_target(
    endpoint: Endpoint, size_bytes: int, attempt: Attempt, *, fresh: bool
) -> Iterator[FileTarget]:
    """Raises Refused for a target that is busy, too small or holds another's data."""
    writer = FileWriter(
        endpoint.path, size_bytes, attempt, vhd=endpoint.kind is Kind.VHD, fresh=fresh
    )
    try:
        yield FileTarget(writer)
    finally:
        writer.close()


def same(one: Endpoint, other: Endpoint) -> bool:
    """The two are one disk: by another name, or as a loop device and the file that it shows."""
    if not (one.path.exists() and other.path.exists()):
        return False
    ways = [
        [path for path in (end.path, stands_on(end.path)) if path is not None and path.exists()]
        for end in (one, other)
    ]
    return any(a.samefile(b) for a in ways[0] for b in ways[1])


def discard_attempt(endpoint: Endpoint, attempt: Attempt, *, finished: bool) -> None:
    """Remove what an attempt that counts no more left half written."""
    if not finished:
        part_of(endpoint.path, attempt.key).unlink(missing_ok=True)


def look(endpoint: Endpoint, attempt: Attempt, stamp: str) -> Found:
    """What became of a finished target; one that was not given its name yet gets it."""
    if endpoint.path.is_block_device():
        return Found.UNTOLD
    part, now = part_of(endpoint.path, attempt.key), identity_of(endpoint.path)
    if now in (None, attempt.replaces) and identity_of(part) == stamp:
        part.replace(endpoint.path)
        return Found.AS_LEFT
    if now is None:
        return Found.GONE
    return Found.AS_LEFT if now == stamp else Found.CHANGED
