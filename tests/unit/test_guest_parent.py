"""What the parent makes of a child: whole, silent, dead, dishonest; and what it costs."""

import json
import os
import socket
import threading
import time
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest

from coldferry.errors import Denied, Finding
from coldferry.guest import wire
from coldferry.guest.evidence import Evidence, Inspection
from coldferry.guest.parent import Conversation, look_at, start_child
from coldferry.guest.ranges import Ranges, Spent
from tests.guest import build
from tests.unit.guest_looks import MIB, ImageReader, codes, ext4, partitioned, question

Play = Callable[[socket.socket], None]


@pytest.fixture
def disk(tmp_path: Path) -> Path:
    image = tmp_path / "disk.raw"
    with image.open("wb") as file:
        file.write(b"x" * MIB)
        file.truncate(64 * MIB)
    return image


def told(play: Play, disk: Path, *, wall_s: float = 5.0, exit_code: int = 0) -> Inspection:
    """What comes of a child that does what ``play`` does."""
    ours, theirs = socket.socketpair()

    def act() -> None:
        with theirs:
            wire.receive(theirs)
            play(theirs)

    child = threading.Thread(target=act)
    child.start()
    conversation = Conversation(Ranges([ImageReader(disk)]), wall_s)
    with ours:
        conversation.hold(ours, question(64 * MIB))
    child.join()
    return conversation.outcome(exit_code)


def document(**fields: Any) -> bytes:
    return json.dumps(Inspection().model_dump(mode="json") | fields).encode()


def finding(**changes: Any) -> dict[str, Any]:
    return asdict(Finding("warn", "no-bootloader", "disk0", "None.", "Install one.")) | changes


def test_a_child_that_ends_well_is_believed(disk: Path):
    def play(line: socket.socket) -> None:
        wire.send(line, wire.DOCUMENT, document(findings=[finding()]))
        wire.send(line, wire.STEP)

    assert codes(told(play, disk)) == ["no-bootloader"]


def test_what_a_child_told_before_it_died_is_kept(disk: Path):
    def play(line: socket.socket) -> None:
        wire.send(line, wire.DOCUMENT, document(findings=[finding()]))
        wire.send(line, wire.STEP, b"disk0p7")

    found = told(play, disk, exit_code=-9)

    assert codes(found) == ["no-bootloader", "unreadable-filesystem"]
    assert found.findings[1].subject == "disk0p7"
    assert "took too long" in found.findings[1].what


@pytest.mark.parametrize(
    ("exit_code", "words"),
    [(-24, "took too long"), (-6, "memory"), (wire.OUT_OF_MEMORY, "memory"), (-11, "crashed")],
)
def test_how_it_died_is_said(disk: Path, exit_code: int, words: str):
    found = told(lambda line: None, disk, exit_code=exit_code)

    assert codes(found) == ["unreadable-filesystem"]
    assert words in found.findings[0].what


def test_a_child_that_is_silent_is_not_waited_for(disk: Path):
    over = threading.Event()

    def play(line: socket.socket) -> None:
        wire.send(line, wire.STEP, b"disk0p1")
        over.wait(20)

    threading.Timer(1.0, over.set).start()
    found = told(play, disk, wall_s=0.3)

    assert "took too long" in found.findings[0].what
    assert found.findings[0].subject == "disk0p1"


def test_a_child_that_trickles_is_not_waited_for(disk: Path):
    over = threading.Event()

    def play(line: socket.socket) -> None:
        line.sendall(b"d\0\0\xff\xff")
        while not over.wait(0.05):
            try:
                line.sendall(b"x")
            except OSError:
                return

    threading.Timer(3.0, over.set).start()

    assert "took too long" in told(play, disk, wall_s=0.5).findings[0].what


@pytest.mark.parametrize(
    "sent",
    [
        b"!" * 64,
        b"z\0\0\0\1z",
        b"d\xff\xff\xff\xff",
        wire.QUESTION + b"\0\0\0\0",
        b"r\0\0\0\3abc",
        b"r\0\0\0\x10" + wire.Range(0, 0, 0).pack(),
        b"r\0\0\0\x10" + wire.Range(0, 0, wire.MAX_RANGE_BYTES + 1).pack(),
        b"r\0\0\0\x10" + wire.Range(7, 0, 512).pack(),
        b"r\0\0\0\x10" + wire.Range(0, 64 * MIB, 512).pack(),
        b"r\0\0\0\x10" + wire.Range(0, (1 << 64) - 1, 512).pack(),
    ],
)
def test_nonsense_is_a_finding(disk: Path, sent: bytes):
    found = told(lambda line: line.sendall(sent), disk)

    assert codes(found) == ["unreadable-filesystem"]
    assert "made no sense" in found.findings[0].what


@pytest.mark.parametrize(
    "said",
    [
        b"",
        b"{",
        b"[]",
        document(extra=1),
        document(evidence={"firmwares": ["openfirmware"]}),
        document(findings=[finding(severity="refuse")]),
        document(findings=[finding(code="all-is-well")]),
        document(findings=[finding(what="x" * 100_000)]),
        document(findings=[finding()] * 500),
    ],
)
def test_a_document_that_no_honest_child_writes_is_dropped(disk: Path, said: bytes):
    def play(line: socket.socket) -> None:
        wire.send(line, wire.DOCUMENT, said)
        wire.send(line, wire.STEP)

    found = told(play, disk)

    assert codes(found) == ["unreadable-filesystem"]
    assert found.evidence == Evidence()


def test_the_child_has_no_word_of_this_process(monkeypatch):
    """Whatever the environment holds; the child's own is read while it waits for its question."""
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    ours, theirs = socket.socketpair()
    with ours, theirs:
        child = start_child(theirs)
        until = time.monotonic() + 10
        while not (read := Path(f"/proc/{child.pid}/environ").read_bytes()):
            assert time.monotonic() < until  # empty until the kernel has laid it out
        environment = read.split(b"\0")
        child.kill()
        child.wait()

    names = {one.partition(b"=")[0] for one in environment if one}

    assert names == {
        b"PYTHONPATH",
        b"PYTHONDONTWRITEBYTECODE",
        b"LANG",
        b"PYDANTIC_DISABLE_PLUGINS",
    }


def test_what_the_provider_raises_goes_on_to_the_caller(disk: Path):
    class Denying(ImageReader):
        def read_into(self, offset: int, view: memoryview) -> None:
            raise Denied("Not this snapshot.")

    with pytest.raises(Denied):
        look_at(question(64 * MIB), [Denying(disk)])


def test_holes_are_not_fetched_and_blocks_only_once(disk: Path):
    reader = ImageReader(disk)
    ranges = Ranges([reader])

    assert ranges.read(0, 32 * MIB, 4 * MIB) == bytes(4 * MIB)
    assert reader.read_bytes == 0
    assert ranges.read(0, MIB - 10, 20) == b"x" * 10 + bytes(10)
    assert ranges.read(0, MIB - 600, 600) == b"x" * 600
    assert reader.read_bytes == ranges.fetched_bytes == 512 << 10


def test_a_budget_that_is_spent_is_said_before_anything_is_fetched(disk: Path):
    reader = ImageReader(disk, holes=False)
    ranges = Ranges([reader], budget_bytes=2 * MIB)
    ranges.read(0, 0, 2 * MIB)
    with pytest.raises(Spent):
        ranges.read(0, 2 * MIB, 1)

    assert reader.read_bytes == 2 * MIB


def test_a_guest_that_needs_more_than_the_budget_is_looked_at_as_far_as_it_goes(disk: Path):
    image = build()
    reader = ImageReader(image)
    found, fetched = look_at(question(reader.size_bytes), [reader], budget_bytes=3 * MIB)

    assert fetched <= 3 * MIB
    assert set(codes(found)) == {"unreadable-filesystem"}
    assert "more would have to be fetched" in found.findings[0].what
    assert found.evidence.firmwares == ("bios", "uefi")


@pytest.mark.slow
def test_a_large_guest_costs_a_bounded_read(tmp_path: Path):
    """8 GiB with more than one of data, on a provider that tells of no hole."""
    root = tmp_path / "root"
    big = root / "tree/srv/data"
    big.parent.mkdir(parents=True)
    noise = os.urandom(MIB)
    with big.open("wb") as file:
        for _ in range(1100):
            file.write(noise)
    files = {
        "/etc/os-release": "PRETTY_NAME=large\n",
        "/boot/grub/grub.cfg": "menuentry 'x' {\n linux /boot/vmlinuz-1\n initrd /boot/initrd\n}\n",
        "/boot/vmlinuz-1": b"MZ" + os.urandom(8 * MIB),
        "/boot/initrd": os.urandom(30 * MIB),
        "/etc/fstab": "#\n",
    }
    image = ext4(root, files, 8 << 10)
    reader = ImageReader(image, holes=False)
    found, fetched = look_at(question(reader.size_bytes), [reader])

    assert found.evidence.os_name == "large"
    assert fetched == reader.read_bytes < 64 * MIB


def test_the_real_guest_costs_a_few_mebibytes(tmp_path: Path):
    small = partitioned(tmp_path / "d.raw", ("8300", ext4(tmp_path, {"/etc/os-release": "\n"})))
    for image, most in ((build(), 12 * MIB), (small, 4 * MIB)):
        reader = ImageReader(image)
        look_at(question(reader.size_bytes), [reader])

        assert reader.read_bytes < most


def test_the_child_has_limited_itself_before_it_asks_for_the_first_byte():
    ours, theirs = socket.socketpair()
    with ours:
        child = start_child(theirs)
        theirs.close()
        wire.send(ours, wire.QUESTION, question(64 * MIB).model_dump_json().encode())
        while (heard := wire.receive(ours)) is not None and heard[0] != wire.RANGE:
            continue
        rows = Path(f"/proc/{child.pid}/limits").read_text().splitlines()
        opened = sorted(int(one.name) for one in Path(f"/proc/{child.pid}/fd").iterdir())
        child.kill()
        child.wait()
    limits = {row[:26].strip(): row[26:].split()[:2] for row in rows}

    assert heard is not None
    assert limits["Max address space"] == [str(256 * MIB)] * 2
    assert limits["Max cpu time"] == ["4"] * 2
    assert limits["Max file size"] == ["0"] * 2
    assert opened == [0, 1, 2, 3], "no number is free below the last that may be used"
    assert limits["Max open files"] == ["4"] * 2
