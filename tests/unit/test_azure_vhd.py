"""The footer of a fixed VHD, and the sizes Azure takes."""

import struct
import subprocess
from pathlib import Path

import pytest

from providers.azure import vhd
from tests.debian import ensure

GIB = 1 << 30


@pytest.mark.parametrize("size_bytes", [20 << 20, GIB, 100 * GIB, 32767 * GIB])
def test_the_footer_says_what_the_specification_asks_for(size_bytes: int) -> None:
    found = vhd.footer(size_bytes, "disk-1")

    assert len(found) == 512
    assert found[:8] == b"conectix"
    assert struct.unpack(">QQ", found[40:56]) == (size_bytes, size_bytes)
    assert struct.unpack(">I", found[60:64]) == (2,)
    stated = struct.unpack(">I", found[64:68])[0]
    assert stated == ~(sum(found) - sum(found[64:68])) & 0xFFFFFFFF


def test_the_footer_follows_from_the_disk() -> None:
    assert vhd.footer(GIB, "disk-1") == vhd.footer(GIB, "disk-1")
    assert vhd.footer(GIB, "disk-1") != vhd.footer(GIB, "disk-2")


@pytest.mark.parametrize(
    ("size_bytes", "padded"),
    [(1, 20 << 20), (20 << 20, 20 << 20), ((20 << 20) + 1, 21 << 20), (GIB, GIB)],
)
def test_sizes_are_whole_mib(size_bytes: int, padded: int) -> None:
    assert vhd.padded_bytes(size_bytes) == padded


def test_qemu_reads_the_same_size(tmp_path: Path) -> None:
    if not ensure("qemu-img", "qemu-utils"):
        pytest.skip("qemu-img is not installed, and cannot be")
    size_bytes = 1000 << 20
    image = tmp_path / "disk.vhd"
    with image.open("wb") as file:
        file.truncate(size_bytes)
        file.seek(size_bytes)
        file.write(vhd.footer(size_bytes, "disk-1"))

    # Without force_size_calc, qemu takes the geometry of unknown creators: it must not be far off.
    told = subprocess.run(
        ["qemu-img", "info", "-f", "vpc", "--output=json", str(image)],
        capture_output=True, text=True, check=True,
    ).stdout  # fmt: skip
    assert '"format": "vpc"' in told
