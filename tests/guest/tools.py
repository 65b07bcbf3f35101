"""A guest's own tools: the packages that make an initramfs, with all that they need to run."""

import shutil
import tempfile
import zlib
from pathlib import Path
from typing import Literal

from tests.guest.packages import alone, cache_folder, run
from tests.guest.recipe import Link, Recipe

Maker = Literal["initramfs-tools", "dracut"]

_USER_SPACE = (
    "base-files", "bash", "coreutils", "dash", "findutils", "grep", "gzip", "libc-bin", "mawk",
    "mount", "sed", "util-linux", "zstd",
)  # fmt: skip
_MERGED = ("bin", "sbin", "lib", "lib32", "lib64", "libx32")
_UNREAD = ("doc", "info", "locale", "man", "i18n", "lintian", "bash-completion", "zoneinfo")


def add_tools(guest: Recipe, maker: Maker) -> None:
    """Give the guest a shell and one of the two programs that make an initramfs on Debian."""
    unpacked_tree(guest, maker, (maker, *_USER_SPACE))
    guest.files["/usr/bin/sh"] = Link("dash")
    guest.files["/usr/bin/awk"] = Link("mawk")  # what Debian's alternatives do
    guest.files["/lib64"] = Link("usr/lib64")
    guest.files["/etc/passwd"] = "root:x:0:0:root:/root:/bin/bash\n"
    guest.files["/etc/group"] = "root:x:0:\n"
    if maker == "initramfs-tools":
        # Only what is listed: so it is the list that brings a driver in.
        guest.files["/etc/initramfs-tools/initramfs.conf"] = _CONFIGURED
        guest.files["/etc/initramfs-tools/modules"] = "virtio_pci\nvirtio_blk\nata_piix\n"
    else:
        for path in [path for path in guest.files if "initramfs-tools" in path]:
            del guest.files[path]
    guest.root_mib = 256


def unpacked_tree(guest: Recipe, name: str, packages: tuple[str, ...]) -> None:
    """Give the guest the files of packages and of all that they depend on, configured by nobody."""
    tree = _unpacked(name, packages)
    for path in sorted(tree.rglob("*")):
        name = f"/{path.relative_to(tree)}"
        if path.is_symlink():
            guest.files.setdefault(name, Link(str(path.readlink())))
        elif path.is_file():
            guest.files.setdefault(name, path)
            if path.stat().st_mode & 0o100:
                guest.executable.add(name)
        else:
            guest.folders.add(name)


_CONFIGURED = "MODULES=list\nBUSYBOX=auto\nCOMPRESS=zstd\nRUNSIZE=10%\nFSTYPE=auto\n"


def _unpacked(of: str, wanted: tuple[str, ...]) -> Path:
    """One folder with the files of all packages, as a system with a merged /usr has them."""
    with alone(f"tools-{of}"):
        folder = cache_folder() / f"tools-{of}-{zlib.crc32(repr(wanted).encode()):08x}"
        if not folder.exists():
            making = Path(tempfile.mkdtemp(dir=cache_folder(), prefix="making-"))
            archives, tree = making / "archives", making / "tree"
            (archives / "partial").mkdir(parents=True)
            # With an empty list of installed packages apt names everything that is needed.
            run(
                "apt-get", "-qq", "-y", "-o", "Dir::State::status=/dev/null",
                "-o", f"Dir::Cache::archives={archives}", "-o", "APT::Install-Recommends=false",
                "-o", "Debug::NoLocking=1", "--download-only", "install", *wanted,
            )  # fmt: skip
            for deb in sorted(archives.glob("*.deb")):
                run("dpkg-deb", "-x", deb, tree)
            for name in _MERGED:
                if (tree / name).is_dir() and not (tree / name).is_symlink():
                    shutil.copytree(
                        tree / name, tree / "usr" / name, symlinks=True, dirs_exist_ok=True
                    )
                    shutil.rmtree(tree / name)
            for name in _UNREAD:
                shutil.rmtree(tree / "usr/share" / name, ignore_errors=True)
            tree.rename(folder)
            shutil.rmtree(making)
    return folder
