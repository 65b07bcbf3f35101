"""Disks that are made to break who reads them: each a function of an empty folder."""

import os
import random
import re
import struct
import zlib
from collections.abc import Callable
from pathlib import Path

from tests.guest import build
from tests.guest.packages import run
from tests.guest.sparse import copy_of
from tests.unit.guest_looks import ext4, partitioned
from tests.unit.hostile_initramfs import HOSTILE_INITRAMFS
from tests.unit.hostile_windows import HOSTILE_VOLUMES
from tests.unit.lvm_images import MEMBER, dashed, volume_group

MIB = 1 << 20
Make = Callable[[Path], Path]
HOSTILE: dict[str, tuple[Make, str]] = {}
"""By name: the image, and what of the findings tells it: a code, or a subject."""

GRUB = """menuentry 'x' {
  linux /boot/vmlinuz-1 root=LABEL=x console=ttyS0
  initrd /boot/initrd-1
}
"""
SYSTEM = {
    "/usr/lib/os-release": "PRETTY_NAME=x\n",
    "/etc/fstab": "#\n",
    "/etc/cloud/cloud.cfg": "#\n",
    "/var/lib/dpkg/status": "Package: cloud-init\nStatus: install ok installed\n\n",
    "/boot/grub/grub.cfg": GRUB,
    "/boot/vmlinuz-1": "no kernel",
    "/boot/initrd-1": "",
    "/lib/modules/1/modules.builtin": "kernel/x.ko\n",
    "/lib/modules/1/modules.dep": "kernel/hv_netvsc.ko:\n",
}


def hostile(name: str, tells: str) -> Callable[[Make], Make]:
    """Keep a maker under its name."""

    def known(make: Make) -> Make:
        HOSTILE[name] = make, tells
        return make

    return known


def with_paths(folder: Path, files: dict[str, str | bytes], size_mib: int = 32) -> Path:
    """A disk with a small system on it, and these files besides."""
    return partitioned(folder / "disk.raw", ("8300", ext4(folder, SYSTEM | files, size_mib)))


def with_initramfs(folder: Path, content: bytes) -> Path:
    """A disk whose only kernel has this as its initramfs."""
    return with_paths(folder, {"/boot/initrd-1": content}, 32 + len(content) // MIB)


def poke(image: Path, offset: int, content: bytes) -> Path:
    """Bytes in the middle of an image."""
    with image.open("r+b") as file:
        file.seek(offset)
        file.write(content)
    return image


def copy_of_the_guest(folder: Path) -> Path:
    """A real guest that may be spoiled."""
    return copy_of(build(), folder / "disk.raw")


def gpt_header(disk: Path, **fields: int) -> Path:
    """Another field in the header of a GPT, with a checksum that agrees; the backup is cleared."""
    with disk.open("r+b") as file:
        file.seek(512)
        header = bytearray(file.read(92))
        for offset, value in fields.items():
            struct.pack_into("<I", header, int(offset[1:]), value)
        struct.pack_into("<I", header, 16, 0)
        struct.pack_into("<I", header, 16, zlib.crc32(header))
        file.seek(512)
        file.write(header)
        file.seek(-512, os.SEEK_END)
        file.write(bytes(512))
    return disk


# -- whole disks --------------------------------------------------------------


@hostile("random bytes", "no-partition-table")
def _noise(folder: Path) -> Path:
    image = folder / "disk.raw"
    image.write_bytes(random.Random(1).randbytes(8 * MIB))
    return image


@hostile("nothing at all", "no-partition-table")
def _zeros(folder: Path) -> Path:
    image = folder / "disk.raw"
    image.write_bytes(bytes(MIB))
    return image


@hostile("one sector with a signature", "no-partition-table")
def _one_sector(folder: Path) -> Path:
    image = folder / "disk.raw"
    image.write_bytes(bytes(510) + b"\x55\xaa")
    return image


@hostile("a guest cut off in its root file system", "disk0")
def _cut(folder: Path) -> Path:
    image = copy_of_the_guest(folder)
    os.truncate(image, 30 * MIB)
    return image


@hostile("a guest cut off in its table", "disk0")
def _cut_early(folder: Path) -> Path:
    image = copy_of_the_guest(folder)
    os.truncate(image, 700)
    return image


# -- partition tables ---------------------------------------------------------


@hostile("a GPT of 2^32 entries", "disk0")
def _many_entries(folder: Path) -> Path:
    return gpt_header(copy_of_the_guest(folder), _80=0xFFFFFFFF)


@hostile("a GPT with entries of 4 GiB", "disk0")
def _large_entries(folder: Path) -> Path:
    return gpt_header(copy_of_the_guest(folder), _84=0xFFFFFFFF)


@hostile("a GPT with a header of 4 GiB", "disk0")
def _large_header(folder: Path) -> Path:
    return gpt_header(copy_of_the_guest(folder), _12=0xFFFFFFFF)


@hostile("an MBR whose logical partitions go round", "disk0")
def _loop_of_logical(folder: Path) -> Path:
    image = folder / "disk.raw"
    image.write_bytes(bytes(4 * MIB))
    link = struct.pack("<B3sB3sII", 0, b"", 0x05, b"", 0, 2048)
    part = struct.pack("<B3sB3sII", 0, b"", 0x83, b"", 1, 1)
    extended = struct.pack("<B3sB3sII", 0, b"", 0x05, b"", 2048, 2048)
    poke(image, 446, extended + bytes(48) + b"\x55\xaa")
    return poke(image, 2048 * 512 + 446, part + link + bytes(32) + b"\x55\xaa")


@hostile("an MBR with partitions behind the end of the disk", "no-partition-table")
def _beyond(folder: Path) -> Path:
    image = folder / "disk.raw"
    image.write_bytes(bytes(4 * MIB))
    entry = struct.pack("<B3sB3sII", 0x80, b"", 0x83, b"", 0xFFFFFFF0, 0xFFFFFFFF)
    return poke(image, 446, entry * 4 + b"\x55\xaa")


# -- file systems -------------------------------------------------------------


@hostile("a FAT whose folders' chains go round", "no-bootloader")
def _fat_loop(folder: Path) -> Path:
    """Each cluster's successor is the cluster itself."""
    fat = folder / "fat.img"
    fat.touch()
    os.truncate(fat, 40 * MIB)
    run("mkfs.vfat", "-F", "32", "-s", "1", fat)
    run("mmd", "-i", fat, "::/EFI", "::/EFI/BOOT")
    sector = fat.read_bytes()[:512]
    reserved = struct.unpack("<H", sector[14:16])[0]
    length = struct.unpack("<I", sector[36:40])[0] * 512
    itself = b"".join(struct.pack("<I", number) for number in range(length // 4))
    for copy in range(2):
        poke(fat, reserved * 512 + copy * length + 8, itself[8:])
    return partitioned(folder / "disk.raw", ("ef00", fat))


@hostile("a FAT of clusters without a size", "unreadable-filesystem")
def _fat_nonsense(folder: Path) -> Path:
    fat = folder / "fat.img"
    fat.touch()
    os.truncate(fat, 40 * MIB)
    run("mkfs.vfat", "-F", "32", fat)
    poke(fat, 11, b"\0\0\0\xff\xff\xff")
    return partitioned(folder / "disk.raw", ("ef00", fat))


def _superblock(folder: Path, **fields: int) -> Path:
    image = ext4(folder, SYSTEM)
    for offset, value in fields.items():
        poke(image, 1024 + int(offset[1:]), struct.pack("<I", value))
    return partitioned(folder / "disk.raw", ("8300", image))


@hostile("an ext4 with blocks of 2^255 bytes", "disk0p1")
def _block_size(folder: Path) -> Path:
    return _superblock(folder, _24=255)


@hostile("an ext4 of 2^32 blocks, 8 a group", "disk0p1")
def _many_groups(folder: Path) -> Path:
    return _superblock(folder, _4=0xFFFFFFFF, _32=8)


@hostile("an ext4 without inodes in its groups", "disk0p1")
def _no_inodes(folder: Path) -> Path:
    return _superblock(folder, _40=0)


@hostile("an ext4 whose folder is in itself", "no-bootloader")
def _folder_in_itself(folder: Path) -> Path:
    image = ext4(folder, SYSTEM | {"/lib/modules/1/kernel/x": ""})
    run("debugfs", "-w", "-R", "link /lib/modules /lib/modules/1/kernel/round", image)
    run("debugfs", "-w", "-R", "link /etc /etc/etc", image)
    return partitioned(folder / "disk.raw", ("8300", image))


@hostile("an ext4 with a file at block 2^47", "/etc/fstab")
def _wild_extent(folder: Path) -> Path:
    image = ext4(folder, SYSTEM)
    told = run("debugfs", "-R", "imap /etc/fstab", image).decode()
    block, offset = re.findall(r"located at block (\d+), offset (0x[0-9a-f]+)", told)[0]
    at = int(block) * 4096 + int(offset, 16)
    leaf = struct.pack("<HHHHI", 0xF30A, 1, 4, 0, 0)
    leaf += struct.pack("<IHHI", 0, 1, 0x7FFF, 0xFFFFFFFF)
    poke(image, at + 40, leaf)
    return partitioned(folder / "disk.raw", ("8300", image))


@hostile("an ext4 with a file of 2^50 bytes", "/boot/initrd-1")
def _endless_file(folder: Path) -> Path:
    """All of it a hole: zeros without end."""
    image = ext4(folder, SYSTEM)
    run("debugfs", "-w", "-R", f"sif /boot/initrd-1 size {1 << 43}", image)
    return partitioned(folder / "disk.raw", ("8300", image))


@hostile("links that go round, and up and out of the guest", "no-bootloader")
def _links(folder: Path) -> Path:
    files = {
        "/usr/lib/os-release": "->../../etc/os-release",
        "/etc/os-release": "->../usr/lib/os-release",
        "/etc/hostname": "->/../../../../../../../../../etc/hostname",
        "/etc/netplan": "->/etc/netplan/netplan",
        "/etc/passwd": "->/etc/passwd",
    }
    return with_paths(folder, files)


@hostile("an XFS of 2^32 allocation groups", "unreadable-filesystem")
def _xfs_groups(folder: Path) -> Path:
    image = folder / "xfs.img"
    block = bytearray(4096)
    block[:4] = b"XFSB"
    struct.pack_into(">IQ", block, 4, 4096, 1 << 63)
    struct.pack_into(">Q", block, 56, 1 << 60)
    struct.pack_into(">II", block, 84, 1, 0xFFFFFFFF)
    image.write_bytes(bytes(block) + bytes(MIB))
    return partitioned(folder / "disk.raw", ("8300", image))


# -- LVM ----------------------------------------------------------------------


def _lvm(folder: Path, text: str) -> Path:
    member = volume_group(folder / "member.img", "vg", {}, extent_bytes=MIB, text=text)
    os.truncate(member, 4 * MIB)
    return partitioned(folder / "disk.raw", ("8e00", member))


@hostile("an LVM whose group is no text", "disk0p1")
def _lvm_noise(folder: Path) -> Path:
    return _lvm(folder, "\x01\x02 {{{ = ]")


@hostile("an LVM whose group is nested without end", "disk0p1")
def _lvm_deep(folder: Path) -> Path:
    return _lvm(folder, "a {" * 100_000)


@hostile("an LVM volume of 2^60 extents on a disk of four", "no-bootloader")
def _lvm_huge(folder: Path) -> Path:
    return _lvm(
        folder,
        f'vg {{ extent_size = 8192 physical_volumes {{ pv0 {{ id = "{dashed(MEMBER)}" pe_start = 1'
        ' } } logical_volumes { root { status = ["VISIBLE"] segment1 { start_extent = 0 '
        f'extent_count = {1 << 60} type = "striped" stripes = ["pv0", 0] }} }} }} }}',
    )


# -- initramfs ----------------------------------------------------------------

for _name, _content in HOSTILE_INITRAMFS.items():
    hostile(f"an initramfs of {_name}", "/boot/initrd-1")(
        lambda folder, content=_content: with_initramfs(folder, content())  # type: ignore[misc]
    )


# -- settings -----------------------------------------------------------------


@hostile("an fstab of 100 MB", "/etc/fstab")
def _long_fstab(folder: Path) -> Path:
    line = "LABEL=abc /mnt/{} ext4 defaults,nofail 0 0\n"
    text = "".join(line.format(number) for number in range(1000)) * 2300
    assert len(text) > 100_000_000
    return with_paths(folder, {"/etc/fstab": text}, 160)


@hostile("a netplan file of aliases of aliases", "no-bootloader")
def _aliases(folder: Path) -> Path:
    lines = ["a0: &a0 [x, x]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]" for n in range(1, 30)]
    return with_paths(folder, {"/etc/netplan/a.yaml": "\n".join(lines)})


@hostile("netplan files nested without end", "no-bootloader")
def _deep_yaml(folder: Path) -> Path:
    files = {f"/etc/netplan/{n}.yaml": "[" * 100_000 for n in range(20)}
    return with_paths(folder, files)


@hostile("settings of a million empty lines", "no-bootloader")
def _empty_lines(folder: Path) -> Path:
    """Where a regular expression would begin anew at each of them."""
    blank = "\n" * 1_000_000
    files = {
        "/etc/cloud/cloud.cfg": blank + " " * 48_000 + "datasource_list",
        "/boot/grub/grub.cfg": blank + "set default",
        "/var/lib/dpkg/status": "Package: " * 110_000,
        "/etc/crypttab": " " * 1_000_000,
    }
    return with_paths(folder, files)


@hostile("five thousand settings files", "no-bootloader")
def _many_files(folder: Path) -> Path:
    files = {f"/etc/netplan/{number}.yaml": "network: {}\n" for number in range(5000)}
    return with_paths(folder, files, 64)


@hostile("a boot menu of twenty thousand entries", "no-bootloader")
def _many_entries_to_boot(folder: Path) -> Path:
    entry = "menuentry 'x' {{\n linux /boot/vmlinuz-1 root=LABEL={}\n}}\n"
    return with_paths(
        folder, {"/boot/grub/grub.cfg": "".join(entry.format(n) for n in range(20_000))}
    )


# -- Windows ------------------------------------------------------------------

for _name, (_make, _tells) in HOSTILE_VOLUMES.items():
    hostile(_name, _tells)(
        lambda folder, make=_make: partitioned(folder / "disk.raw", ("0700", make(folder)))  # type: ignore[misc]
    )
