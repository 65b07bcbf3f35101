"""What copying adds to a process's memory, however many disks there are and of any size."""

import json
import subprocess
import sys

import pytest

MEASURED = """
import json, resource, sys, threading
from pathlib import Path

from coldferry.copying import copy_disk
from coldferry.manifest import Copy, Manifest
from coldferry.ports import Extent, Limits
from coldferry.verifying import read_back

devices, size_bytes, folder = int(sys.argv[1]), int(sys.argv[2]), Path(sys.argv[3])
BOUNDS = Limits(512, 4 << 20, 8)
DATA = b"x" * (4 << 20)


class FakeReader:
    limits = BOUNDS
    size_bytes = size_bytes

    def extents(self, offset, length):
        dense = min(max(0, (256 << 20) - offset), length)
        if dense:
            yield Extent(offset, dense)
        if length > dense:
            yield Extent(offset + dense, length - dense, data=False)

    def read_into(self, offset, view):
        view[:] = DATA[: len(view)]


class FakeWriter:
    limits = BOUNDS
    size_bytes = size_bytes
    identity = "fake"
    sealed = False

    def write(self, offset, view):
        pass


def one(name):
    with Manifest(folder / name, Copy("f", "fake", size_bytes)) as manifest:
        copy_disk(FakeReader(), FakeWriter(), manifest)
        read_back(FakeReader(), manifest, "fake")


def peak():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


before = peak()
running = [threading.Thread(target=one, args=(f"m{n}",)) for n in range(devices)]
for thread in running:
    thread.start()
for thread in running:
    thread.join()
print(json.dumps(peak() - before))
"""


@pytest.mark.parametrize(
    ("devices", "size_bytes"),
    [(1, 1 << 30), (1, 32 << 40), (16, 1 << 30)],
    ids=["one", "one of 32 TiB", "sixteen"],
)
def test_copying_takes_the_window_and_little_more(tmp_path, devices, size_bytes):
    """In a process of its own: what a process took once is not given back in its figures."""
    words = [sys.executable, "-c", MEASURED, str(devices), str(size_bytes), str(tmp_path)]
    ran = subprocess.run(words, capture_output=True, text=True, check=False, timeout=300)

    assert ran.returncode == 0, ran.stderr
    assert json.loads(ran.stdout) <= 96 << 20
