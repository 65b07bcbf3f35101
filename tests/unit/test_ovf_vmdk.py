"""Disks become streamOptimized VMDKs: in parallel, the same bytes each time, zeros left out."""

import json
import os
import random
import shutil
import subprocess
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from coldferry.content import LEAF_BYTES, Tree
from coldferry.content import sha256 as leaf_digest
from coldferry.errors import ColdferryError, CorruptCopy
from providers.ovf.writing.deflating import Deflated, deflate
from providers.ovf.writing.inflating import StreamReader
from providers.ovf.writing.raw import RawReader
from tests.debian import ensure
from tests.unit import vmdk_by_hand

GRAIN = vmdk_by_hand.GRAIN
TABLE = 512 * GRAIN


def made(
    path: Path, size: int, pieces: dict[int, bytes], threads: int = 2
) -> tuple[Deflated, Path]:
    """A sparse raw disk with those bytes in it, and its VMDK beside it."""
    raw, vmdk = path / "disk.raw", path / "disk.vmdk"
    with raw.open("wb") as file:
        file.truncate(size)
        for at, data in pieces.items():
            file.seek(at)
            file.write(data[: size - at])
    reader = RawReader(raw, size)
    with vmdk.open("w+b") as out:
        found = deflate(reader, out.fileno(), "disk.vmdk", "told", threads)
    reader.close()
    return found, vmdk


def opened(vmdk: Path, size: int, file: int) -> StreamReader:
    return StreamReader(file, 0, vmdk.stat().st_size, size)


layouts = st.tuples(
    st.sampled_from((512, GRAIN, GRAIN + 512, LEAF_BYTES - 512, 5 * LEAF_BYTES, TABLE + 1536,
                     2 * TABLE + 7 * GRAIN)),
    st.lists(
        st.tuples(
            st.sampled_from((0, 1, GRAIN - 3, LEAF_BYTES, TABLE - 1, TABLE, 2 * TABLE + GRAIN,
                             3 * TABLE)),
            st.sampled_from((b"\x01", b"ab" * 700, b"\xff" * GRAIN, bytes(3 * GRAIN),
                             random.Random(7).randbytes(GRAIN + 11))),
        ),
        max_size=4,
    ),
)  # fmt: skip


@settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
@given(layouts)
def test_whatever_is_on_a_disk_two_readers_find_it_again(tmp_path, layout):
    size, writes = layout
    found, vmdk = made(tmp_path, size, {at: data for at, data in writes if at < size})
    raw, data = (tmp_path / "disk.raw").read_bytes(), vmdk.read_bytes()

    assert vmdk_by_hand.content(data, size) == raw
    assert len(vmdk_by_hand.read_stream(data)) * GRAIN == found.data_bytes
    tree = Tree()
    for at in range(0, size, LEAF_BYTES):
        leaf = raw[at : at + LEAF_BYTES].ljust(LEAF_BYTES, b"\0")
        tree.add(at // LEAF_BYTES, leaf_digest(memoryview(leaf)))
    assert found.root == tree.root
    with vmdk.open("rb") as file:
        reader = opened(vmdk, size, file.fileno())
        assert reader.root() == tree.root
        seen = bytearray(size)
        reader.read_into(0, memoryview(seen))
        assert seen == raw
        for extent in reader.extents(0, size):
            held = any(raw[extent.offset : extent.offset + extent.length])
            assert extent.data or not held


def test_any_number_of_threads_writes_the_same_bytes(tmp_path):
    dice = random.Random(3)
    pieces = {dice.randrange(0, 90 << 20, 4096): dice.randbytes(200_000) for _ in range(30)}
    written = []
    for threads in (1, 2, 7):
        found, vmdk = made(tmp_path, 96 << 20, pieces, threads)
        written.append((found, vmdk.read_bytes()))

    assert written[0] == written[1] == written[2]


def test_a_disk_of_two_tib_that_is_nearly_empty_is_a_small_file(tmp_path):
    size = 2 << 40
    found, vmdk = made(tmp_path, size, {size - 4096: b"the end" * 100})

    assert found.data_bytes == GRAIN
    assert vmdk.stat().st_size < 512 << 10
    with vmdk.open("rb") as file:
        reader = opened(vmdk, size, file.fileno())
        seen = bytearray(7)
        reader.read_into(size - 4096, memoryview(seen))
        assert seen == b"the end"
        assert reader.root() == found.root


def test_a_byte_that_turned_is_found_wherever_it_is(tmp_path):
    size = TABLE + GRAIN
    pieces = {0: b"x" * 5000, TABLE: random.Random(1).randbytes(9000)}
    found, vmdk = made(tmp_path, size, pieces)
    whole = vmdk.read_bytes()
    text = range(512, 128 * 512)  # a descriptor, which says nothing of the content, and zeros
    dice = random.Random(5)
    for at in (0, 5, 128 * 512 + 3, 128 * 512 + 14, len(whole) - 1000, *dice.sample(
        range(len(whole)), 60
    )):  # fmt: skip
        turned = bytearray(whole)
        turned[at] ^= 0x10
        vmdk.write_bytes(turned)
        with vmdk.open("rb") as file:
            try:
                same = opened(vmdk, size, file.fileno()).root() == found.root
            except ColdferryError:
                same = False
        padding = at in text or (at >= 128 * 512 and not whole[at])
        assert not same or padding, at


def test_a_file_that_was_cut_off_is_refused(tmp_path):
    _, vmdk = made(tmp_path, TABLE, {0: b"x" * 5000})
    os.truncate(vmdk, vmdk.stat().st_size - 512)

    with vmdk.open("rb") as file, pytest.raises(CorruptCopy):
        opened(vmdk, TABLE, file.fileno())


def test_qemu_reads_it_as_the_disk_that_it_was(tmp_path):
    if not ensure("qemu-img", "qemu-utils"):
        pytest.skip("qemu-img is not installed, and cannot be")
    size = 3 * TABLE + 5 * 512
    pieces = {
        0: b"boot",
        TABLE - 700: random.Random(2).randbytes(2 * GRAIN),
        size - 9: b"the last!",
    }
    _, vmdk = made(tmp_path, size, pieces)
    raw = tmp_path / "disk.raw"
    qemu = shutil.which("qemu-img")

    told = subprocess.run(
        [qemu, "info", "-f", "vmdk", "--output", "json", vmdk],
        capture_output=True, check=True,
    )  # fmt: skip
    about = json.loads(told.stdout)
    assert about["virtual-size"] == size
    assert about["format-specific"]["data"]["create-type"] == "streamOptimized"
    subprocess.run(
        [qemu, "compare", "-f", "vmdk", "-F", "raw", vmdk, raw], capture_output=True, check=True
    )
