"""The guest's kernel modules and its initramfs, as Debian's tools lay them out."""

import gzip
import lzma
import os
import shutil
from functools import lru_cache
from pathlib import Path

from tests.guest.packages import parts, run
from tests.guest.recipe import EPOCH_S, Compression, Recipe

INIT = """\
#!/bin/sh
# Load every driver that is here, wait for the root file system, hand over to it.
/bin/busybox mount -t devtmpfs dev /dev
/bin/busybox mount -t proc proc /proc
/bin/busybox mount -t sysfs sys /sys
for driver in $(/bin/busybox cat /conf/modules); do
  /bin/busybox modprobe "$driver" 2>/dev/null
done
for word in $(/bin/busybox cat /proc/cmdline); do
  case "$word" in root=*) root="${word#root=}" ;; esac
done
tries=0
while [ "$tries" -lt 300 ]; do
  device="$root"
  case "$root" in *=*) device="$(/bin/busybox findfs "$root" 2>/dev/null)" ;; esac
  [ -b "$device" ] && break
  tries=$((tries + 1))
  /bin/busybox usleep 100000
done
/bin/busybox mount -t ext4 -o ro "$device" /root || {
  echo "@@GUEST@@ no root file system at $root" >/dev/ttyS0
  /bin/busybox poweroff -f
}
exec /bin/busybox switch_root /root /sbin/init
"""


def add_modules(guest: Recipe, root: Path) -> None:
    """Put the guest's drivers, the kernel's own lists and depmod's into ``/usr/lib/modules``."""
    _place(guest, _with_dependencies(guest, guest.drivers), root / "usr/lib/modules")
    run("depmod", "-b", root, guest.kernel)


def initramfs(guest: Recipe, work: Path) -> bytes:
    """The archive, compressed as the recipe says; made in ``work``, which is empty."""
    tree = work / "tree"
    for folder in ("dev", "proc", "sys", "root", "conf", "usr/bin", "usr/lib/modules"):
        (tree / folder).mkdir(parents=True)
    for short in ("bin", "lib"):
        (tree / short).symlink_to(f"usr/{short}")
    shutil.copyfile(parts() / "bin/busybox", tree / "usr/bin/busybox")
    (tree / "usr/bin/sh").symlink_to("busybox")
    (tree / "init").write_text(INIT)
    early = _with_dependencies(guest, guest.early_drivers)
    _place(guest, early, tree / "usr/lib/modules")
    if early:
        run("depmod", "-b", tree, guest.kernel)
    (tree / "conf/modules").write_text("".join(f"{Path(path).stem}\n" for path in early))
    for program in ("usr/bin/busybox", "init"):
        (tree / program).chmod(0o755)
    prefix = b""
    if guest.microcode:
        blob = work / "early/kernel/x86/microcode/GenuineIntel.bin"
        blob.parent.mkdir(parents=True)
        blob.write_bytes(guest.noise("microcode", 64 << 10))
        prefix = _archive(work / "early")
        prefix += bytes(-len(prefix) % 512)
    return prefix + compressed(_archive(tree), guest.compression)


def _archive(tree: Path) -> bytes:
    names = sorted(str(path.relative_to(tree)) for path in tree.rglob("*"))
    for name in (*names, "."):
        os.utime(tree / name, (EPOCH_S, EPOCH_S), follow_symlinks=False)
    listed = "\0".join((".", *names)).encode()
    return run(
        "cpio", "-o", "-0", "-H", "newc", "-R", "0:0", "--reproducible", "--quiet",
        cwd=tree, feed=listed,
    )  # fmt: skip


@lru_cache(maxsize=4)
def compressed(archive: bytes, compression: Compression) -> bytes:
    """The same for most plants."""
    if compression == "gzip":
        return gzip.compress(archive, 6, mtime=0)
    if compression == "xz":
        return lzma.compress(archive, check=lzma.CHECK_CRC32, preset=1)
    if compression == "lz4":
        return run("lz4", "-l", "-9", "-c", feed=archive)
    return run("zstd", "-q", "-3", "-T1", "-c", feed=archive)


def _with_dependencies(guest: Recipe, wanted: set[str]) -> list[str]:
    """Paths below the kernel's folder, in an order in which they can be loaded."""
    needs: dict[str, list[str]] = {}
    named: dict[str, str] = {}
    listing = parts() / "lib/modules" / guest.kernel / "modules.dep"
    for line in listing.read_text().splitlines():
        path, _, below = line.partition(":")
        needs[path] = below.split()
        named[Path(path).stem.replace("-", "_")] = path
    ordered: dict[str, None] = {}
    for driver in sorted(wanted):
        path = named[driver.replace("-", "_")]
        for one in (*reversed(needs[path]), path):
            ordered.setdefault(one)
    return list(ordered)


def _place(guest: Recipe, paths: list[str], modules: Path) -> None:
    origin = parts() / "lib/modules" / guest.kernel
    folder = modules / guest.kernel
    folder.mkdir(parents=True, exist_ok=True)
    for path in paths:
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(origin / path, folder / path)
    for listing in ("modules.order", "modules.builtin", "modules.builtin.modinfo"):
        shutil.copyfile(origin / listing, folder / listing)
    if guest.not_built_in:
        lines = (folder / "modules.builtin").read_text().splitlines(keepends=True)
        kept = [line for line in lines if Path(line.strip()).stem not in guest.not_built_in]
        (folder / "modules.builtin").write_text("".join(kept))
