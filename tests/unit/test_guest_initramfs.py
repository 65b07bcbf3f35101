"""Any archive, however it is packed and glued together, gives the names of its drivers."""

import bz2
import gzip
import lzma
import struct
from collections.abc import Callable

import lz4.block
import lz4.frame
import pytest
import zstandard
from hypothesis import given
from hypothesis import strategies as st

from coldferry.guest.drivers import driver_name, kernel_of
from coldferry.guest.initramfs import read_initramfs
from tests.unit.guest_trees import DictTree, files_of, no_steps
from tests.unit.hostile_initramfs import cpio_entry

PATH = "/boot/initrd"
END = cpio_entry(b"TRAILER!!!")


def legacy(content: bytes) -> bytes:
    """lz4's legacy frame, as ``lz4 -l`` writes it."""
    packed = b"\x02\x21\x4c\x18"
    for at in range(0, len(content), 8 << 20):
        block = lz4.block.compress(content[at : at + (8 << 20)], store_size=False)
        packed += struct.pack("<I", len(block)) + block
    return packed


PACKERS: dict[str, Callable[[bytes], bytes]] = {
    "not at all": bytes,
    "gzip": gzip.compress,
    "xz": lzma.compress,
    "lzma": lambda content: lzma.compress(content, lzma.FORMAT_ALONE),
    "bzip2": bz2.compress,
    "zstd": zstandard.compress,
    "lz4": lz4.frame.compress,
    "lz4, legacy": legacy,
}


def entry(name: str, content: bytes = b"") -> bytes:
    return cpio_entry(name.encode(), len(content)) + content + bytes(-len(content) % 4)


def archive(*names: str, content: bytes = b"driver") -> bytes:
    return b"".join(entry(name, content) for name in names) + END


def read(content: bytes):
    return read_initramfs(DictTree({PATH: content}), PATH, no_steps())


@pytest.mark.parametrize("how", PACKERS)
def test_an_archive_is_read_however_it_is_packed(how):
    names = ("usr/lib/modules/6.1/kernel/hv-net.ko.xz", "lib/modules/6.1/a/nvme.ko", "etc/x.ko")
    found = read(PACKERS[how](archive(*names, content=bytes(100_000))))

    assert (found.drivers, found.trouble) == ({"hv_net", "nvme"}, "")
    assert found.releases == {"6.1"}


@given(
    parts=st.lists(
        st.tuples(
            st.sampled_from(sorted(PACKERS)),
            st.lists(st.from_regex(r"[a-z][a-z0-9]{0,8}", fullmatch=True), max_size=5),
            st.integers(0, 5),
        ),
        min_size=1,
        max_size=4,
    ),
    size=st.integers(0, 3000),
)
def test_all_parts_that_are_glued_together_count(parts, size):
    content, wanted = b"", set()
    for how, drivers, gap in parts:
        names = [f"lib/modules/1/{driver}.ko" for driver in drivers]
        content += PACKERS[how](archive(*names, content=b"x" * size)) + bytes(4 * gap)
        wanted |= set(drivers)
    found = read(content)

    assert (found.drivers, found.trouble) == (wanted, "")


@pytest.mark.parametrize("how", PACKERS)
def test_what_is_cut_off_says_so_and_keeps_what_it_read(how):
    names = [f"lib/modules/1/d{number}.ko" for number in range(2000)]
    whole = PACKERS[how](archive(*names, content=b"some content" * 40))
    found = read(whole[: len(whole) // 2])

    assert found.trouble
    assert len(found.drivers) < 2000


def test_the_list_of_built_in_drivers_is_read():
    listed = b"kernel/drivers/nvme/host/nvme-core.ko\nkernel/fs/ext4/ext4.ko\n"
    found = read(entry("lib/modules/1/modules.builtin", listed) + archive())

    assert found.builtin == {"nvme_core", "ext4"}


@pytest.mark.parametrize(
    ("path", "name"),
    [
        ("kernel/drivers/hv/hv_vmbus.ko", "hv_vmbus"),
        ("xen-blkfront.ko.zst", "xen_blkfront"),
        ("a/b.ko.gz", "b"),
        ("modules.dep", ""),
        ("x.ko.conf", ""),
        ("x.so", ""),
    ],
)
def test_a_driver_is_known_by_its_file(path, name):
    assert driver_name(path) == name


def test_a_kernel_tells_its_release_in_its_header():
    header = bytearray(0x400)
    header[0x202:0x206] = b"HdrS"
    struct.pack_into("<H", header, 0x20E, 0x100)
    header[0x300:0x310] = b"6.1.0-7 (x@y) #1"
    files = files_of({
        "/boot/vmlinuz": bytes(header),
        "/lib/modules/6.1.0-7/modules.builtin": "kernel/a.ko\n",
        "/lib/modules/6.1.0-7/modules.dep": "kernel/b.ko.xz: kernel/c.ko.xz\n",
        "/lib/modules/5/modules.dep": "",
    })  # fmt: skip
    kernel = kernel_of(files, "/boot/vmlinuz")

    assert (kernel.release, kernel.builtin, kernel.modules) == ("6.1.0-7", {"a"}, {"b"})


def test_a_kernel_without_a_header_is_known_by_its_name():
    files = files_of({
        "/boot/Image-6.2": "x", "/lib/modules/6.2/modules.dep": "", "/lib/modules/6.1/x": "",
    })  # fmt: skip

    assert kernel_of(files, "/boot/Image-6.2").release == "6.2"
