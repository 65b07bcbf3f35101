"""A copy whose process is killed sends little again, and leaves the same bytes."""

import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from coldferry.manifest import Copy, Manifest

COPYING = """
import os, sys, time
from pathlib import Path

from coldferry.copying import copy_disk
from coldferry.manifest import Copy, Manifest
from coldferry.ports import Extent, Limits

folder = Path(sys.argv[1])
target = os.open(folder / "target", os.O_RDWR)
log = os.open(folder / sys.argv[2], os.O_WRONLY | os.O_CREAT | os.O_APPEND)
SIZE = 192 << 20


class FakeReader:
    size_bytes = SIZE
    limits = Limits(512, 1 << 20, 2)

    def extents(self, offset, length):
        yield Extent(offset, length)

    def read_into(self, offset, view):
        view[:] = (offset // 512 + 1).to_bytes(8, "big") * (len(view) // 8)


class FakeWriter:
    size_bytes = SIZE
    limits = Limits(512, 4 << 20, 8)
    identity = "fake"
    sealed = False

    def write(self, offset, view):
        time.sleep(0.02)
        os.pwrite(target, view, offset)
        os.write(log, b"%d %d\\n" % (offset, len(view)))


with Manifest(folder / "m", Copy("f", "fake", SIZE)) as manifest:
    copy_disk(FakeReader(), FakeWriter(), manifest)
"""
SIZE = 192 << 20


def _begin(folder: Path, log: str) -> "subprocess.Popen[bytes]":
    return subprocess.Popen([sys.executable, "-c", COPYING, str(folder), log])


def _acknowledged(log: Path) -> list[tuple[int, int]]:
    if not log.exists():
        return []
    whole = log.read_text().splitlines()
    return [(int(offset), int(length)) for offset, length in (line.split() for line in whole)]


@pytest.mark.parametrize("at_mib", [8, 100, 180])
def test_after_kill_9_no_more_than_the_window_is_sent_again(tmp_path, at_mib):
    with (tmp_path / "target").open("wb") as target:
        target.truncate(SIZE)
    process = _begin(tmp_path, "first")
    until_s = time.monotonic() + 60
    while sum(n for _, n in _acknowledged(tmp_path / "first")) < at_mib << 20:
        assert process.poll() is None
        assert time.monotonic() < until_s
        time.sleep(random.uniform(0.001, 0.01))
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    assert _begin(tmp_path, "second").wait(60) == 0

    first = sum(n for _, n in _acknowledged(tmp_path / "first"))
    second = sum(n for _, n in _acknowledged(tmp_path / "second"))
    assert second <= SIZE - first + (64 << 20)
    with Manifest(tmp_path / "m", Copy("f", "fake", SIZE)) as manifest:
        assert manifest.complete
        assert manifest.done_bytes == SIZE
    with (tmp_path / "target").open("rb") as target:
        for offset in range(0, SIZE, 1 << 20):
            number = int.from_bytes(target.read(8), "big")
            assert number == offset // 512 + 1
            target.seek((1 << 20) - 8, 1)
