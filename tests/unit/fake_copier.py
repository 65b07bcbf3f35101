"""A fake of ``coldferry copy``: a raw file to a file or a page blob, plainly.

``FAKE_COPIER`` makes it go wrong: ``fails``, ``lies`` (about what it sent),
``loses`` (the last extent), ``silent`` (no JSON). It stands beside the rig's
tests, so that they need no engine.
"""

import json
import os
import sys
import urllib.parse
from http.client import HTTPConnection
from pathlib import Path

STEP = 1 << 20


def extents(descriptor):
    """``(offset, length)`` of what is allocated."""
    at, size = 0, os.fstat(descriptor).st_size
    while at < size:
        try:
            at = os.lseek(descriptor, at, os.SEEK_DATA)
        except OSError:
            return
        end = os.lseek(descriptor, at, os.SEEK_HOLE)
        yield at, end - at
        at = end


class Blob:
    """A page blob that is created and put to."""

    def __init__(self, url, size):
        parts = urllib.parse.urlsplit(url)
        self.path = f"{parts.path}?{parts.query}"
        self.connection = HTTPConnection(parts.netloc)
        self.ask("", b"", {"x-ms-blob-type": "PageBlob", "x-ms-blob-content-length": str(size)})

    def ask(self, more, body, headers):
        """One PUT that must be taken."""
        headers = {"x-ms-version": "2021-08-06", **headers}
        self.connection.request("PUT", self.path + more, body, headers)
        answer = self.connection.getresponse()
        answer.read()
        assert answer.status == 201

    def write(self, offset, piece):
        """One Put Page."""
        where = f"bytes={offset}-{offset + len(piece) - 1}"
        self.ask("&comp=page", piece, {"x-ms-page-write": "update", "x-ms-range": where})


class File:
    """A raw file."""

    def __init__(self, path, size):
        self.descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        os.ftruncate(self.descriptor, size)

    def write(self, offset, piece):
        """One write."""
        os.pwrite(self.descriptor, piece, offset)


def main(source, target):
    wrong = os.environ.get("FAKE_COPIER", "")
    if wrong == "fails":
        sys.exit("The disk is on fire.")
    with Path(source).open("rb") as file:
        size = os.fstat(file.fileno()).st_size
        found = list(extents(file.fileno()))
        url = os.environ.get(target.removeprefix("env:"), "")
        writer = (
            Blob(url, size)
            if target.startswith("env:")
            else File(target.removeprefix("vhd:"), size)
        )
        sent = requests = 0
        for offset, length in found[:-1] if wrong == "loses" else found:
            for at in range(offset, offset + length, STEP):
                piece = os.pread(file.fileno(), min(STEP, offset + length - at), at)
                writer.write(at, piece)
                sent, requests = sent + len(piece), requests + 1
    told = {
        "size_bytes": size,
        "data_bytes": sum(length for _, length in found),
        "sent_bytes": sent + (wrong == "lies"),
        "requests": requests,
        "manifest_root": "0" * 64,
    }
    if wrong != "silent":
        sys.stdout.write(json.dumps(told))


if __name__ == "__main__":
    main(sys.argv[2], sys.argv[3])
