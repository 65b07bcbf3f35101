"""Where the parts of a guest come from: Debian's packages, downloaded once and never installed."""

import fcntl
import os
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path

from tests.debian import SEARCHED, give_up, lacking
from tests.guest.recipe import EPOCH_S

TOOLS = {
    "dpkg-deb": "dpkg",
    "mke2fs": "e2fsprogs",
    "mkfs.vfat": "dosfstools",
    "mcopy": "mtools",
    "sgdisk": "gdisk",
    "depmod": "kmod",
    "cpio": "cpio",
    "zstd": "zstd",
    "lz4": "lz4",
    "grub-mkimage": "grub-common",
}
CONTENT = ("busybox-static", "base-files", "grub-pc-bin", "grub-efi-amd64-bin")


def cache_folder() -> Path:
    """Packages and images are kept here from one run of the tests to the next."""
    default = Path(tempfile.gettempdir()) / f"coldferry-guest-{os.geteuid()}"
    folder = Path(os.environ.get("COLDFERRY_TEST_CACHE", default))
    folder.mkdir(parents=True, exist_ok=True)
    return folder


@contextmanager
def alone(what: str) -> Iterator[None]:
    """One process at a time makes one thing."""
    locks = cache_folder() / "locks"
    locks.mkdir(exist_ok=True)
    with (locks / what).open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def run(*words: str | Path, cwd: Path | None = None, feed: bytes | None = None) -> bytes:
    """Run a program; its words of failure are the test's."""
    environment = {**os.environ, "PATH": SEARCHED, "LC_ALL": "C", "TZ": "UTC"}
    environment |= dict.fromkeys(("SOURCE_DATE_EPOCH", "E2FSPROGS_FAKE_TIME"), str(EPOCH_S))
    done = subprocess.run(
        [str(word) for word in words],
        cwd=cwd, input=feed, capture_output=True, env=environment, check=False,
    )  # fmt: skip
    assert done.returncode == 0, f"{words}: {done.stderr.decode()[-2000:]}"
    return done.stdout


@cache
def parts() -> Path:
    """The folder with the unpacked packages and their versions; skips where there is no apt."""
    if absent := lacking({**TOOLS, "apt-get": "apt"}):
        give_up(f"a guest cannot be built without {', '.join(absent)}")
    with alone("packages"):
        kernel = _kernel_package()
        versions = _candidates((kernel, *CONTENT))
        name = "-".join(version for _, version in versions).replace(":", ".").replace("/", "_")
        folder = cache_folder() / f"parts-{name}"
        if not folder.exists():
            making = Path(tempfile.mkdtemp(dir=cache_folder(), prefix="making-"))
            debs = making / "debs"
            debs.mkdir()
            run("apt-get", "-qq", "download", *(package for package, _ in versions), cwd=debs)
            for deb in debs.iterdir():
                run("dpkg-deb", "-x", deb, making)
                deb.unlink()
            run("depmod", "-b", making, kernel.removeprefix("linux-image-"))
            (making / "versions").write_text(
                "".join(f"{package} {version}\n" for package, version in versions)
            )
            making.rename(folder)
    return folder


def kernel_version() -> str:
    """As ``uname -r`` says it, such as 6.1.0-37-cloud-amd64."""
    return next((parts() / "lib/modules").iterdir()).name


def installed() -> list[tuple[str, str]]:
    """Name and version of each package that the parts are from."""
    lines = (parts() / "versions").read_text().splitlines()
    return [(line.split()[0], line.split()[1]) for line in lines]


def _kernel_package() -> str:
    named: list[str] = []
    for _ in range(2):
        told = run("apt-cache", "depends", "--important", "linux-image-cloud-amd64").decode()
        if named := [word for word in told.split() if word.startswith("linux-image-6")]:
            break
        run("apt-get", "-qq", "update")
    if not named:
        give_up("apt knows no linux-image-cloud-amd64")
    return named[0]


def _candidates(packages: tuple[str, ...]) -> list[tuple[str, str]]:
    """The version that apt would take of each."""
    told = run("apt-cache", "policy", *packages).decode()
    found = [line.split()[1] for line in told.splitlines() if "Candidate:" in line]
    return list(zip(packages, found, strict=True))
