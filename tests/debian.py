"""Debian packages that tests need beyond Python.

``python -m tests.debian`` (``make debian``) installs all of them at once, as root: no test is
skipped then. A test that finds its own lacking tries to install that alone.
"""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import NoReturn

# A user's PATH often lacks the folders of mke2fs and sgdisk.
SEARCHED = f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin"

PACKAGES = {
    "a guest is built of": (
        "cpio", "dosfstools", "dpkg", "e2fsprogs", "gdisk", "grub-common", "kmod", "lz4", "mtools",
        "zstd",
    ),
    "a guest is started by": ("ovmf", "qemu-system-x86", "qemu-utils", "seabios"),
    "machines are defined and disks are served by": (
        "libnbd-bin", "libvirt-clients", "libvirt-daemon", "libvirt-daemon-driver-qemu",
        "libvirt-dev", "nbdkit", "pkg-config", "python3-libvirt", "swtpm",
    ),
    "packages of machines are read by": ("virt-v2v",),
    "file systems are made and read by": (
        "cryptsetup-bin", "libhivex-bin", "lvm2", "ntfs-3g", "util-linux", "xfsprogs",
    ),
    "scripts and pages are tried in": (
        "busybox-static", "chromium", "dash", "gawk", "mawk", "shellcheck",
    ),
    "fakes are compiled by": ("gcc", "libc6-dev", "libssl-dev", "openssl"),
}  # fmt: skip

_POLICY = Path("/usr/sbin/policy-rc.d")
_TRIES = 2
"""A mirror drops a connection now and then."""


def ensure(program: str, package: str) -> bool:
    """Whether ``program`` is there, after trying to install ``package`` where that can be done."""
    return not lacking({program: package})


def lacking(programs: Mapping[str, str]) -> list[str]:
    """The packages of those programs that are not there and cannot be installed."""
    wanted = _absent(programs)
    if wanted:
        install(*wanted)
    return _absent(programs)


def give_up(why: str) -> NoReturn:
    """Skip the test, or let it fail where nothing may be skipped (COLDFERRY_TESTS_COMPLETE)."""
    import pytest

    if os.environ.get("COLDFERRY_TESTS_COMPLETE"):
        pytest.fail(why)
    pytest.skip(why)


def install(*packages: str) -> bool:
    """Try to, and whether it went well; only root on Debian can. No daemon is started."""
    if os.geteuid() != 0 or not shutil.which("apt-get"):
        return False
    patient = ["apt-get", "-qq", "-o", "DPkg::Lock::Timeout=300"]
    # What a crash would leave half written is installed anew: syncing each file takes a minute.
    fast = ["-o", "Dpkg::Options::=--force-unsafe-io", "--no-install-recommends", "-y"]
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    with _no_daemon_starts():
        for _ in range(_TRIES):
            ended = [
                subprocess.run(
                    [*patient, *words], env=environment, check=False, stdout=subprocess.DEVNULL
                ).returncode
                for words in (["update"], [*fast, "install", *packages])
            ]
            if ended[-1] == 0:
                return True
    return False


def missing() -> list[str]:
    """Which of :data:`PACKAGES` are not installed."""
    wanted = sorted({package for group in PACKAGES.values() for package in group})
    if not shutil.which("dpkg-query"):
        return wanted
    words = ["dpkg-query", "-W", "-f", "${db:Status-Status} ${Package}\n", *wanted]
    told = subprocess.run(words, capture_output=True, text=True, check=False).stdout.splitlines()
    there = {line.split()[1] for line in told if line.startswith("installed ")}
    return [package for package in wanted if package not in there]


@contextmanager
def _no_daemon_starts() -> Iterator[None]:
    """``invoke-rc.d`` asks this program before it starts anything; one that is there stays."""
    ours = not _POLICY.exists()
    if ours:
        _POLICY.write_text("#!/bin/sh\nexit 101\n")
        _POLICY.chmod(0o755)
    try:
        yield
    finally:
        if ours:
            _POLICY.unlink(missing_ok=True)


def _absent(programs: Mapping[str, str]) -> list[str]:
    there = (shutil.which(program, path=SEARCHED) for program in programs)
    return sorted(
        {package for package, path in zip(programs.values(), there, strict=True) if not path}
    )


def main() -> int:
    """Install what is missing; 1 when some of it is missing still."""
    if not (wanted := missing()):
        return 0
    if not install(*wanted) and (left := missing()):
        print(  # noqa: T201
            f"These Debian packages are missing: {' '.join(left)}.\n"
            "Run it as root on Debian; the tests that need them are skipped without them.",
            file=sys.stderr,
        )
        return 1
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
