"""A recipe made into a raw disk: file systems, partition table, boot code. No root, no mounts."""

import os
import shutil
import struct
import tempfile
from collections.abc import Iterator
from functools import cache
from pathlib import Path

from tests.guest.drivers import add_modules, initramfs
from tests.guest.gpt import SECTOR, Entry, write_gpt
from tests.guest.packages import parts, run
from tests.guest.recipe import EPOCH_S, Link, Partition, Recipe
from tests.guest.sparse import write_into

MIB = 1 << 20
ESP_MIB = 8
_FOLDERS = (
    "boot/grub", "boot/efi", "dev", "mnt", "proc", "root", "run", "srv/data", "sys", "tmp",
    "var/tmp",
)  # fmt: skip
_LINUX, _BIOS_BOOT, _EFI = "8300", "ef02", "ef00"
_BIOS_MODULES = (
    "biosdisk", "part_gpt", "part_msdos", "ext2", "search", "search_fs_uuid", "configfile",
    "normal", "linux", "echo", "test", "serial", "terminal",
)  # fmt: skip
_EFI_MODULES = ("fat", *(m for m in _BIOS_MODULES if m != "biosdisk"))


def write_disk(guest: Recipe, image: Path, work: Path) -> None:
    """Make the image; ``work`` is an empty folder for what lies on the way."""
    root_image = work / "root.img"
    _root_file_system(guest, root_image, work)
    for poke in guest.root_pokes:
        poke(root_image)
    partitions = list(_partitions(guest, root_image, work))
    starts = _starts(partitions)
    _table(guest, image, partitions, starts)
    with image.open("r+b") as file:
        for partition, start in zip(partitions, starts, strict=True):
            write_into(file.fileno(), start * SECTOR, partition.content)
        if guest.bios and guest.boot_code:
            _boot_code(guest, file.fileno(), starts[0] if guest.table == "gpt" else 1, work)
    for poke in guest.disk_pokes:
        poke(image)


def _partitions(guest: Recipe, root_image: Path, work: Path) -> Iterator[Partition]:
    if guest.bios and guest.table == "gpt":
        yield Partition("bios", _BIOS_BOOT, 0, 1)
    if guest.uefi:
        yield Partition("esp", _EFI, 0xEF, ESP_MIB, _efi_system_partition(guest, work))
    yield Partition("root", _LINUX, 0x83, guest.root_mib, root_image)
    yield from guest.partitions


def _starts(partitions: list[Partition]) -> list[int]:
    starts, free = [], 2048
    for partition in partitions:
        starts.append(free)
        free += partition.size_mib * (MIB // SECTOR)
    return starts


def _table(guest: Recipe, image: Path, partitions: list[Partition], starts: list[int]) -> None:
    sizes = [partition.size_mib * (MIB // SECTOR) for partition in partitions]
    image.touch()
    os.truncate(image, (starts[-1] + sizes[-1]) * SECTOR + MIB)
    if guest.table == "dos":
        rows = b"".join(
            struct.pack("<B3sB3sII", 0x80 if p.label == "root" else 0, b"\xfe\xff\xff", p.mbr_type,
                        b"\xfe\xff\xff", start, size)
            for p, start, size in zip(partitions, starts, sizes, strict=True)
        )  # fmt: skip
        signature = struct.pack("<I", int(guest.uuid("disk")[:8], 16))
        with image.open("r+b") as file:
            file.seek(440)
            file.write(signature + bytes(2) + rows.ljust(64, b"\0") + b"\x55\xaa")
        return
    entries = [
        Entry(p.gpt_type, start, start + size - 1, p.label, guest.uuid(f"part-{p.label}"))
        for p, start, size in zip(partitions, starts, sizes, strict=True)
    ]
    write_gpt(image, entries, guest.uuid("disk"))


def _boot_code(guest: Recipe, disk: int, core_sector: int, work: Path) -> None:
    """What grub-bios-setup does: boot.img knows where core.img is, whose first sector the rest."""
    folder = parts() / "usr/lib/grub/i386-pc"
    core = work / "core.img"
    _grub(guest, "i386-pc", _BIOS_MODULES, core)
    boot = bytearray((folder / "boot.img").read_bytes())
    struct.pack_into("<Q", boot, 0x5C, core_sector)
    boot[0x66:0x68] = b"\x90\x90"  # a hard disk: no need to check the drive's number
    os.pwrite(disk, bytes(boot[:440]), 0)
    os.pwrite(disk, b"\x55\xaa", 510)
    body = bytearray(core.read_bytes())
    sectors = -(-len(body) // SECTOR)
    assert core_sector + sectors <= 2048 + 2048, "core.img is larger than its place"
    struct.pack_into("<QHH", body, SECTOR - 12, core_sector + 1, sectors - 1, 0x820)
    os.pwrite(disk, bytes(body), core_sector * SECTOR)


def _grub(guest: Recipe, form: str, modules: tuple[str, ...], output: Path) -> None:
    early = (
        f"search.fs_uuid {guest.uuid('root')} root\n"
        "set prefix=($root)/boot/grub\nconfigfile ($root)/boot/grub/grub.cfg\n"
    )
    output.write_bytes(grub_image(form, modules, early))


@cache
def grub_image(form: str, modules: tuple[str, ...], early: str) -> bytes:
    """The same for all guests of one name."""
    with tempfile.TemporaryDirectory() as work:
        config, output = Path(work) / "early.cfg", Path(work) / "core"
        config.write_text(early)
        run(
            "grub-mkimage", "-O", form, "-d", parts() / "usr/lib/grub" / form,
            "-p", "/boot/grub", "-c", config, "-o", output, *modules,
        )  # fmt: skip
        return output.read_bytes()


def _efi_system_partition(guest: Recipe, work: Path) -> bytes:
    image, loader = work / "esp.img", work / "grub.efi"
    _grub(guest, "x86_64-efi", _EFI_MODULES, loader)
    os.utime(loader, (EPOCH_S, EPOCH_S))
    image.touch()
    os.truncate(image, ESP_MIB * MIB)
    run(
        "mkfs.vfat",
        "--invariant",
        "-F",
        "16",
        "-s",
        "1",
        "-i",
        guest.efi_serial,
        "-n",
        "ESP",
        image,
    )
    made: set[str] = set()
    for path in guest.efi_loaders:
        for depth in range(1, path.count("/") + 1):
            folder = "/".join(path.split("/")[:depth])
            if folder not in made:
                run("mmd", "-i", image, f"::{folder}")
                made.add(folder)
        run("mcopy", "-m", "-i", image, loader, f"::{path}")
    return image.read_bytes()


def _root_file_system(guest: Recipe, image: Path, work: Path) -> None:
    root = work / "root"
    _write_files(guest, root, work)
    make_ext4(root, image, guest.root_mib * MIB, guest.uuid("root"))


def make_ext4(folder: Path, image: Path, size_bytes: int, uuid: str, label: str = "root") -> None:
    """An ext4 file system with the files of ``folder``, all of them root's and of one moment."""
    image.touch()
    os.truncate(image, size_bytes)
    extended = f"hash_seed={uuid},lazy_itable_init=0,nodiscard"
    run(
        "mke2fs", "-q", "-t", "ext4", "-b", "4096", "-m", "0", "-L", label, "-O", "^resize_inode",
        "-U", uuid, "-E", extended, "-d", folder, image,
    )  # fmt: skip
    _forget_this_machine(folder, image)


def _write_files(guest: Recipe, root: Path, work: Path) -> None:
    for folder in _FOLDERS:
        (root / folder).mkdir(parents=True)
    # Links first: what lies below /lib goes to where it leads.
    for path, content in sorted(guest.files.items(), key=lambda f: not isinstance(f[1], Link)):
        place = root / path.lstrip("/")
        place.parent.mkdir(parents=True, exist_ok=True)
        if isinstance(content, Link):
            place.symlink_to(content.to)
        elif isinstance(content, Path):
            shutil.copyfile(content, place)
        else:
            place.write_bytes(content.encode() if isinstance(content, str) else content)
        if path in guest.executable:
            place.chmod(0o755)
    for folder in guest.folders:
        (root / folder.lstrip("/")).mkdir(parents=True, exist_ok=True)
    (root / "etc/fstab").write_text("\n".join((*guest.fstab, "")))
    (root / "boot/grub/grub.cfg").write_text(_grub_cfg(guest))
    status = root / "var/lib/dpkg/status"
    status.parent.mkdir(parents=True, exist_ok=True)
    status.write_text("".join(_stanza(*package) for package in sorted(guest.packages)))
    add_modules(guest, root)
    staging = work / "initramfs"
    staging.mkdir()
    (root / f"boot/initrd.img-{guest.kernel}").write_bytes(initramfs(guest, staging))


def _grub_cfg(guest: Recipe) -> str:
    initrd = f"  initrd /boot/initrd.img-{guest.kernel}\n" if guest.has_initramfs else ""
    return (
        "# It was written by update-grub once; a guest of a test has none.\nset timeout=0\n"
        "serial --speed=115200\nterminal_input serial console\nterminal_output serial console\n"
        "menuentry 'Debian GNU/Linux' --class debian --class gnu-linux {\n"
        f"  search --no-floppy --fs-uuid --set=root {guest.uuid('root')}\n"
        f"  linux /boot/vmlinuz-{guest.kernel} root={guest.root_argument} {guest.command_line}\n"
        f"{initrd}}}\n"
    )


def _stanza(package: str, version: str) -> str:
    return (
        f"Package: {package}\nStatus: install ok installed\nPriority: optional\n"
        f"Architecture: amd64\nVersion: {version}\nDescription: {package}\n\n"
    )


def _forget_this_machine(root: Path, image: Path) -> None:
    """Owners, modes and moments that mke2fs took from the folder it copied."""
    orders = []
    for path in (root, *sorted(root.rglob("*"))):
        name = str(path.relative_to(root)).replace('"', '""')  # as debugfs reads it
        inode = f'"/{name}"' if path != root else "/"
        mode = 0o755 if path.is_dir() or os.access(path, os.X_OK) else 0o644
        if not path.is_symlink():
            kind = 0o040000 if path.is_dir() else 0o100000
            orders.append(f"sif {inode} mode 0{kind | mode:o}")
        orders += [f"sif {inode} {name} 0" for name in ("uid", "gid")]
        for clock in ("atime", "ctime", "mtime", "crtime"):
            orders.append(f"sif {inode} {clock} @{EPOCH_S}")
            orders.append(f"sif {inode} {clock}_extra 0")
    script = image.with_suffix(".orders")
    script.write_text("\n".join((*orders, "")))
    run("debugfs", "-w", "-f", script, image)
