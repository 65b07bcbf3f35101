"""The programs that Coldferry is measured beside: where they are, which they are, how they come.

azcopy comes from npm by the lock file in ``npm/``; qemu-img, nbdcopy and what
azcopy and the fakes need come from Debian.
"""

import contextlib
import functools
import importlib.metadata
import os
import shutil
import subprocess
import sys
from pathlib import Path

from benchmarks.errors import BenchmarkError, Missing

NPM = Path(__file__).with_name("npm")
PACKAGES = (
    "gcc",
    "libc6-dev",
    "libssl-dev",
    "openssl",
    "libsecret-1-0",  # azcopy does not start without it
    "qemu-utils",
    "libnbd-bin",
    "nbdkit",  # nbdcopy's way to a raw file
)
COLDFERRY = Path(sys.executable).with_name("coldferry")
PYTHON = Path(sys.executable)


def azcopy(folder: Path) -> Path:
    """The program below ``folder``, where :func:`install` put it. Raises Missing."""
    for found in _azcopies(folder):
        if os.access(found, os.X_OK):
            return found
    raise Missing("azcopy is not installed.", "Run with --install.")


def _azcopies(folder: Path) -> list[Path]:
    return sorted((folder / "npm").glob("node_modules/@azure-tools/azcopy-*/dist/bin/azcopy*"))


def program(name: str) -> Path:
    """A program of the PATH. Raises Missing."""
    found = shutil.which(name)
    if found is None:
        raise Missing(f"{name} is not installed.", "Run with --install.")
    return Path(found)


def install(folder: Path) -> list[str]:
    """Bring all of them; answer a sentence for each thing that was done.

    Raises BenchmarkError where this is no Debian, not root, or a step fails.
    """
    done = []
    wanted = PACKAGES if shutil.which("npm") else (*PACKAGES, "npm")
    lacking = [name for name in wanted if not _has_package(name)]
    if lacking:
        if shutil.which("apt-get") is None or os.geteuid() != 0:
            raise BenchmarkError(
                f"These Debian packages are missing: {' '.join(lacking)}.",
                "Install them as root (apt-get install), or run --install as root on Debian.",
            )
        _do(["apt-get", "update", "--quiet"])
        _do(["apt-get", "install", "--yes", "--quiet", "--no-install-recommends", *lacking])
        done.append(f"Installed from Debian: {' '.join(lacking)}.")
    lock = (NPM / "package-lock.json").read_bytes()
    there = folder / "npm" / "package-lock.json"
    with contextlib.suppress(OSError, Missing):
        if there.read_bytes() == lock and azcopy(folder):
            return done
    (folder / "npm").mkdir(parents=True, exist_ok=True)
    for name in ("package.json", "package-lock.json"):
        shutil.copyfile(NPM / name, folder / "npm" / name)
    npm = shutil.which("npm")
    if npm is None:
        raise Missing("npm is not installed.", "Install Debian's npm.")
    _do([npm, "ci", "--ignore-scripts", "--no-audit", "--no-fund"], folder / "npm")
    for found in _azcopies(folder):
        found.chmod(0o755)  # the package's own install script would, and none is run
    done.append(f"Installed azcopy by the lock file in {NPM}: {azcopy(folder)}.")
    return done


def _has_package(name: str) -> bool:
    if shutil.which("dpkg-query") is None:
        return False
    words = ["dpkg-query", "--show", "--showformat=${Status}", name]
    told = subprocess.run(words, capture_output=True, text=True, check=False)
    return told.stdout.endswith("ok installed")


def _do(words: list[str], folder: Path | None = None) -> None:
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    done = subprocess.run(
        words, cwd=folder, env=environment, capture_output=True, text=True, check=False
    )
    if done.returncode:
        said = (done.stderr.strip() or done.stdout.strip()).splitlines()[-1:]
        raise BenchmarkError(
            f"'{' '.join(words[:2])}' failed: {''.join(said)}", "Mend it, then run --install again."
        )


@functools.cache
def versions(folder: Path) -> dict[str, str]:
    """The version of each peer that is here, and of what we are made of."""
    found = {"Python": sys.version.split()[0]}
    for package in ("coldferry", "azure-storage-blob", "boto3"):
        try:
            found[package] = importlib.metadata.version(package)
        except importlib.metadata.PackageNotFoundError:
            continue
    for name in ("qemu-img", "nbdcopy"):
        if path := shutil.which(name):
            found[name] = _last_word(path, "--version", -1 if name == "nbdcopy" else 2)
    with contextlib.suppress(Missing):
        found["azcopy"] = _last_word(str(azcopy(folder)), "--version", -1)
    return found


def _last_word(program: str, flag: str, word: int) -> str:
    told = subprocess.run([program, flag], capture_output=True, text=True, check=False)
    words = told.stdout.partition("\n")[0].split()
    return words[word] if words else "does not start"
